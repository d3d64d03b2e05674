-- One page of a customer's ratings, newest first. $1: the customer; $2, $3: the last rating of the page before, or both
-- null; $4: how many; $5: a category, "" for none known; null: all.
select s.id, s.response_id, s.ticket_id, s.rating, s.feedback, s.responded_at, s.csm_notified, s.csm_followed_up,
       coalesce(s.ticket_subject, t.ticket_subject) as ticket_subject,
       coalesce(s.ticket_category, t.ticket_category) as ticket_category,
       coalesce(s.resolution_time_hours, t.resolution_time_hours) as resolution_time_hours,
       t.sla_hours, t.ticket_url, t.first_contact_resolution, t.was_escalated
from support_satisfaction s
join tickets t using (customer_id, ticket_id)
where s.customer_id = $1
  and ($2::timestamptz is null or (s.responded_at <= $2 and (s.responded_at < $2 or s.id > $3::uuid)))
  and ($5::text is null or coalesce(s.ticket_category, t.ticket_category, '') = $5)
order by s.responded_at desc, s.id
limit $4
