-- Who has open tasks, and how many of them are overdue at $1. $2: of this CSM's accounts alone (e-mail in lower case);
-- null: of all.
with open_tasks as (
    select owner_email, due_at from tasks where $2::text is null and status = 'open'
    union all
    select t.owner_email, t.due_at
    from account_needs n
    join tasks t using (customer_id)
    where $2::text is not null and n.csm_email = $2 and t.status = 'open'
)
select coalesce(owner_email, '') as owner, count(*) as open, count(*) filter (where due_at < $1) as overdue
from open_tasks
group by 1
order by overdue desc, open desc, owner
limit 200
