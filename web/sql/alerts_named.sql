-- The alerts with the ids $1, newest first.
select a.alert_id, a.customer_id, a.kind, a.severity, a.status, a.silent, a.occurred_at, a.record,
       c.name as customer_name
from alerts a
left join customers c using (customer_id)
where a.alert_id = any($1::uuid[])
order by a.occurred_at desc, a.alert_id
