-- The alerts with the ids $1, newest first, and whose accounts they are about.
select a.alert_id, a.customer_id, a.kind, a.severity, a.status, a.silent, a.occurred_at, a.record, a.handled_at,
       case when a.snoozed_until > now() then a.snoozed_until end as snoozed_until,
       c.name as customer_name, lower(coalesce(c.csm_email, a.record #>> '{csm,email}')) as csm_email
from alerts a
left join customers c using (customer_id)
where a.alert_id = any($1::uuid[])
order by a.occurred_at desc, a.alert_id
