-- Who has open tasks, and how many of them are overdue at $1.
select coalesce(owner_email, '') as owner, count(*) as open, count(*) filter (where due_at < $1) as overdue
from tasks
where status = 'open'
group by 1
order by overdue desc, open desc, owner
limit 200
