-- The ratings of the customer $1 by category of ticket.
select coalesce(s.ticket_category, t.ticket_category, '') as category, count(*) as ratings,
       avg(s.rating)::double precision as average, count(*) filter (where s.rating <= 2) as low,
       avg(coalesce(s.resolution_time_hours, t.resolution_time_hours)) as hours,
       count(t.first_contact_resolution) as first_contact_known,
       count(*) filter (where t.first_contact_resolution) as first_contact
from support_satisfaction s
join tickets t using (customer_id, ticket_id)
where s.customer_id = $1
group by 1
order by ratings desc, category
limit 30
