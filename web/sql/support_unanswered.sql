-- Poor ratings that nobody has in hand, the oldest first, since $1. $2, $3: the last of the page before, or both null;
-- $4: how many.
select a.alert_id, a.customer_id, a.severity, a.occurred_at, (a.record ->> 'rating')::integer as rating,
       a.record #>> '{ticket,ticket_id}' as ticket_id, a.record #>> '{ticket,ticket_subject}' as ticket_subject,
       c.name as customer_name, c.csm_name, c.csm_email
from alerts a
join customers c using (customer_id)
where a.kind = 'poor_rating'
  and a.status in ('firing', 'updated')
  and not a.silent
  and a.handled_at is null
  and a.occurred_at >= $1
  and ($2::timestamptz is null or (a.occurred_at, a.alert_id) > ($2, $3::uuid))
order by a.occurred_at, a.alert_id
limit $4
