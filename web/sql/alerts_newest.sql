-- One page of alerts, newest first. $1, $2: the last alert of the page before, or both null; $3: how many.
select a.alert_id, a.customer_id, a.kind, a.severity, a.status, a.silent, a.occurred_at, a.record, a.handled_at,
       case when a.snoozed_until > now() then a.snoozed_until end as snoozed_until,
       c.name as customer_name, lower(coalesce(c.csm_email, a.record #>> '{csm,email}')) as csm_email
from alerts a
left join customers c using (customer_id)
where ($1::timestamptz is null or a.occurred_at <= $1)
  and ($1::timestamptz is null or a.occurred_at < $1 or a.alert_id > $2::uuid)
order by a.occurred_at desc, a.alert_id
limit $3
