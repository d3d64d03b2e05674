-- Poor ratings by assignee from $1 to before $2, those of the newest 5,000.
with poor as materialized (
    select customer_id, ticket_id, resolution_time_hours
    from support_satisfaction
    where rating <= 2 and responded_at >= $1 and responded_at < $2
    order by responded_at desc, id
    limit 5000
)
select t.assignee, count(*) as low, avg(coalesce(p.resolution_time_hours, t.resolution_time_hours)) as hours
from poor p
cross join lateral (
    select assignee, resolution_time_hours
    from tickets
    where customer_id = p.customer_id and ticket_id = p.ticket_id
    limit 1
) t
where t.assignee is not null
group by t.assignee
order by low desc, t.assignee
limit 50
