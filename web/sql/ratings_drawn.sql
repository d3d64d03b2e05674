-- The newest ratings of the customer $1 for the chart, up to $2, oldest first.
select * from (
    select s.response_id, s.ticket_id, coalesce(s.ticket_subject, t.ticket_subject) as ticket_subject, s.rating,
           s.responded_at
    from support_satisfaction s
    join tickets t using (customer_id, ticket_id)
    where s.customer_id = $1
    order by s.responded_at desc
    limit $2
) newest
order by responded_at, response_id
