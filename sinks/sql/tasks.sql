-- The built-in task list. Arrays of one length, an element a task.

-- name: put
-- A new task, or the one that is there brought up to date. A task that a person closed stays closed; one that a
-- retraction cancelled opens again with the alert. The due time is a promise: it does not move.
insert into tasks as t (task_id, alert_id, step, customer_id, title, priority, owner_email, due_at, status)
select *, 'open' from unnest(
    $1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::timestamptz[]
)
on conflict (alert_id, step) do update set
    title = excluded.title,
    priority = excluded.priority,
    owner_email = excluded.owner_email,
    status = case when t.status = 'cancelled' then 'open' else t.status end,
    closed_at = case when t.status = 'cancelled' then null else t.closed_at end;

-- name: cancel
-- The tasks that are still open; returns the ids of all that exist.
with ended as (
    update tasks set status = 'cancelled', closed_at = now() where task_id = any($1::uuid[]) and status = 'open'
)
select task_id from tasks where task_id = any($1::uuid[]);
