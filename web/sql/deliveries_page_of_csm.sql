-- The same as deliveries_page.sql of the accounts of the CSM $7 (e-mail in lower case) alone.
select d.alert_id, d.step, d.sink, d.state, d.error, d.held, d.attempts, d.due_at, d.not_before, d.unless, d.created_at,
       d.settled_at, d.destination, d.shown_revision, a.severity, a.kind, a.customer_id, c.name as customer_name
from account_needs n
join customers c using (customer_id)
join alerts a using (customer_id)
join deliveries d using (alert_id)
where n.csm_email = $7
  and d.state = any($1::text[])
  and ($2::text is null or d.sink = $2)
  and ($3::timestamptz is null or (d.created_at, d.alert_id, d.step) < ($3, $4::uuid, $5::text))
order by d.created_at desc, d.alert_id desc, d.step desc
limit $6
