-- The same as tasks_page.sql of the accounts of the CSM $7 (e-mail in lower case) alone.
with page as materialized (
    select t.*
    from account_needs n
    join tasks t using (customer_id)
    where n.csm_email = $7
      and t.status = $1
      and ($2::text is null or coalesce(t.owner_email, '') = $2)
      and ($3::timestamptz is null or t.due_at < $3)
      and ($4::timestamptz is null or (t.due_at, t.task_id) > ($4, $5::uuid))
    order by t.due_at, t.task_id
    limit $6
)
select p.task_id, p.alert_id, p.title, p.priority, p.owner_email, p.due_at, p.status, p.system, p.external_id, p.external_url,
       p.closed_at, p.customer_id, c.name as customer_name, a.severity
from page p
cross join lateral (select name from customers where customer_id = p.customer_id limit 1) c
cross join lateral (select severity from alerts where alert_id = p.alert_id limit 1) a
order by p.due_at, p.task_id
