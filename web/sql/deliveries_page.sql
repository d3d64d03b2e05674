-- One page of deliveries, the newest first. $1: states; $2: a destination, null for all; $3, $4, $5: the last of the page
-- before, or all null; $6: how many.
select d.alert_id, d.step, d.sink, d.state, d.error, d.held, d.attempts, d.due_at, d.not_before, d.unless, d.created_at,
       d.settled_at, d.destination, d.shown_revision, a.severity, a.kind, a.customer_id, c.name as customer_name
from unnest($1::text[]) as s (state)
cross join lateral (
    select *
    from deliveries
    where state = s.state
      and ($2::text is null or sink = $2)
      and ($3::timestamptz is null or (created_at, alert_id, step) < ($3, $4::uuid, $5::text))
    order by created_at desc, alert_id desc, step desc
    limit $6
) d
join alerts a using (alert_id)
left join customers c using (customer_id)
order by d.created_at desc, d.alert_id desc, d.step desc
limit $6
