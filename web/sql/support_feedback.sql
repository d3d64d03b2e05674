-- The newest poor ratings with words since $1, up to $2.
with poor as materialized (
    select id, customer_id, ticket_id, feedback, rating, responded_at, ticket_subject
    from support_satisfaction
    where rating <= 2 and responded_at >= $1 and feedback is not null
    order by responded_at desc, id
    limit $2
)
select p.id, p.customer_id, p.ticket_id, p.feedback, p.rating, p.responded_at, c.name as customer_name,
       coalesce(p.ticket_subject, t.ticket_subject) as ticket_subject
from poor p
cross join lateral (
    select ticket_subject from tickets where customer_id = p.customer_id and ticket_id = p.ticket_id limit 1
) t
cross join lateral (select name from customers where customer_id = p.customer_id limit 1) c
order by p.responded_at desc, p.id
