-- The newest alerts of the customer $1, up to $2.
select a.alert_id, a.customer_id, a.kind, a.severity, a.status, a.silent, a.occurred_at, a.record, a.handled_at,
       case when a.snoozed_until > now() then a.snoozed_until end as snoozed_until,
       c.name as customer_name, lower(c.csm_email) as csm_email
from alerts a
join customers c using (customer_id)
where a.customer_id = $1
order by a.occurred_at desc, a.alert_id
limit $2
