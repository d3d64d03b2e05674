-- The same as tasks_page.sql of the accounts of the CSM $7 (e-mail in lower case) alone.
select t.task_id, t.alert_id, t.title, t.priority, t.owner_email, t.due_at, t.status, t.system, t.external_id, t.external_url,
       t.closed_at, t.customer_id, c.name as customer_name, a.severity
from account_needs n
join tasks t using (customer_id)
join customers c using (customer_id)
join alerts a using (alert_id)
where n.csm_email = $7
  and t.status = $1
  and ($2::text is null or coalesce(t.owner_email, '') = $2)
  and ($3::timestamptz is null or t.due_at < $3)
  and ($4::timestamptz is null or (t.due_at, t.task_id) > ($4, $5::uuid))
order by t.due_at, t.task_id
limit $6
