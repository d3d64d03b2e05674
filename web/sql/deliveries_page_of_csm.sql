-- The same as deliveries_page.sql of the accounts of the CSM $7 (e-mail in lower case) alone.
with page as materialized (
    select d.*, a.severity, a.kind, a.customer_id
    from account_needs n
    join alerts a using (customer_id)
    join deliveries d using (alert_id)
    where n.csm_email = $7
      and d.state = any($1::text[])
      and ($2::text is null or d.sink = $2)
      and ($3::timestamptz is null or (d.created_at, d.alert_id, d.step) < ($3, $4::uuid, $5::text))
    order by d.created_at desc, d.alert_id desc, d.step desc
    limit $6
)
select p.alert_id, p.step, p.sink, p.state, p.error, p.held, p.attempts, p.due_at, p.not_before, p.unless, p.created_at,
       p.settled_at, p.destination, p.shown_revision, p.severity, p.kind, p.customer_id, c.name as customer_name
from page p
cross join lateral (select name from customers where customer_id = p.customer_id limit 1) c
order by p.created_at desc, p.alert_id desc, p.step desc
