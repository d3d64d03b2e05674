-- Poor ratings by assignee from $1 to before $2, those of the newest 5,000.
select assignee, count(*) as low, avg(hours) as hours
from (
    select t.assignee, coalesce(s.resolution_time_hours, t.resolution_time_hours) as hours
    from support_satisfaction s
    join tickets t using (customer_id, ticket_id)
    where s.rating <= 2 and s.responded_at >= $1 and s.responded_at < $2
    order by s.responded_at desc, s.id
    limit 5000
) poor
where assignee is not null
group by assignee
order by low desc, assignee
limit 50
