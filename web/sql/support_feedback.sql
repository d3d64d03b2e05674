-- The newest poor ratings with words since $1, up to $2.
select s.id, s.customer_id, s.ticket_id, s.feedback, s.rating, s.responded_at, c.name as customer_name,
       coalesce(s.ticket_subject, t.ticket_subject) as ticket_subject,
       coalesce(s.ticket_category, t.ticket_category, '') as category
from support_satisfaction s
join tickets t using (customer_id, ticket_id)
join customers c using (customer_id)
where s.rating <= 2
  and s.responded_at >= $1
  and s.feedback is not null
order by s.responded_at desc, s.id
limit $2
