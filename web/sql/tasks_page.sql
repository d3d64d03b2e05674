-- One page of tasks by due time. $1: status; $2: the owner's address, "" for those of nobody, null for all; $3: only those due
-- before then, null for all; $4, $5: the last task of the page before, or both null; $6: how many.
select t.task_id, t.alert_id, t.title, t.priority, t.owner_email, t.due_at, t.status, t.system, t.external_id, t.external_url,
       t.closed_at, t.customer_id, c.name as customer_name, a.severity
from tasks t
join customers c using (customer_id)
join alerts a using (alert_id)
where t.status = $1
  and ($2::text is null or coalesce(t.owner_email, '') = $2)
  and ($3::timestamptz is null or t.due_at < $3)
  and ($4::timestamptz is null or (t.due_at, t.task_id) > ($4, $5::uuid))
order by t.due_at, t.task_id
limit $6
