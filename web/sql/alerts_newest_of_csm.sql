-- One page of the alerts on a CSM's accounts, and of the CSM's digests, newest first. $1, $2: the last alert of the page
-- before, or both null; $3: how many; $4: the CSM's e-mail in lower case.
select a.alert_id, a.customer_id, a.kind, a.severity, a.status, a.silent, a.occurred_at, a.record, a.customer_name,
       $4::text as csm_email
from (
    (
        select a.*, c.name as customer_name
        from customers c
        cross join lateral (
            select * from alerts
            where customer_id = c.customer_id
              and ($1::timestamptz is null or occurred_at <= $1)
              and ($1::timestamptz is null or occurred_at < $1 or alert_id > $2::uuid)
            order by occurred_at desc, alert_id
            limit $3
        ) a
        where lower(c.csm_email) = $4
        order by a.occurred_at desc, a.alert_id
        limit $3
    )
    union all
    (
        select *, null
        from alerts
        where kind = 'weekly_digest'
          and lower(record #>> '{csm,email}') = $4
          and ($1::timestamptz is null or occurred_at <= $1)
          and ($1::timestamptz is null or occurred_at < $1 or alert_id > $2::uuid)
        order by occurred_at desc, alert_id
        limit $3
    )
) a
order by a.occurred_at desc, a.alert_id
limit $3
