-- The newest ratings of the customer $1 for the chart, up to $2, oldest first.
select * from (
    select response_id, ticket_id, ticket_subject, rating, responded_at
    from support_satisfaction
    where customer_id = $1
    order by responded_at desc
    limit $2
) newest
order by responded_at, response_id
