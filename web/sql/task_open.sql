-- The task that a system calls by our id $1 or by its own $2, while it is open.
select task_id, alert_id, customer_id
from tasks
where status = 'open' and (task_id = $1::uuid or (system = 'webhook' and external_id = $2::text))
limit 1
