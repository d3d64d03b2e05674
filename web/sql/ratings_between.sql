-- The ratings of the customer $1 from $2 to before $3, oldest first, up to $4.
select s.ticket_id, s.rating, s.feedback, s.responded_at,
       coalesce(s.ticket_subject, t.ticket_subject) as ticket_subject,
       coalesce(s.ticket_category, t.ticket_category, '') as ticket_category,
       coalesce(s.resolution_time_hours, t.resolution_time_hours) as resolution_time_hours, t.sla_hours,
       t.first_contact_resolution
from support_satisfaction s
join tickets t using (customer_id, ticket_id)
where s.customer_id = $1 and s.responded_at >= $2 and s.responded_at < $3
order by s.responded_at, s.response_id
limit $4
