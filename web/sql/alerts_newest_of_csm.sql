-- One page of the alerts on a CSM's accounts, and of the CSM's digests, newest first. $1, $2: the last alert of the page
-- before, or both null; $3: how many; $4: the CSM's e-mail in lower case.
with page as materialized (
    (
        select a.alert_id, a.occurred_at
        from account_needs n
        cross join lateral (
            select alert_id, occurred_at
            from alerts
            where customer_id = n.customer_id
              and ($1::timestamptz is null or occurred_at <= $1)
              and ($1::timestamptz is null or occurred_at < $1 or alert_id > $2::uuid)
            order by occurred_at desc, alert_id
            limit $3
        ) a
        where n.csm_email = $4
        order by a.occurred_at desc, a.alert_id
        limit $3
    )
    union all
    (
        select alert_id, occurred_at
        from alerts
        where kind = 'weekly_digest'
          and lower(record #>> '{csm,email}') = $4
          and ($1::timestamptz is null or occurred_at <= $1)
          and ($1::timestamptz is null or occurred_at < $1 or alert_id > $2::uuid)
        order by occurred_at desc, alert_id
        limit $3
    )
    order by occurred_at desc, alert_id
    limit $3
)
select a.alert_id, a.customer_id, a.kind, a.severity, a.status, a.silent, a.occurred_at, a.record, a.handled_at,
       case when a.snoozed_until > now() then a.snoozed_until end as snoozed_until,
       c.name as customer_name, $4::text as csm_email
from page p
cross join lateral (select * from alerts where alert_id = p.alert_id limit 1) a
left join lateral (select name from customers where customer_id = a.customer_id limit 1) c on true
order by a.occurred_at desc, a.alert_id
