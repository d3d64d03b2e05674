-- The newest ratings of the customer $1 for the chart, up to $2, oldest first. $3: a category, "" for none known; null:
-- all.
select * from (
    select s.response_id, s.ticket_id, coalesce(s.ticket_subject, t.ticket_subject) as ticket_subject, s.rating,
           s.responded_at
    from support_satisfaction s
    join tickets t using (customer_id, ticket_id)
    where s.customer_id = $1
      and ($3::text is null or coalesce(s.ticket_category, t.ticket_category, '') = $3)
    order by s.responded_at desc
    limit $2
) newest
order by responded_at, response_id
