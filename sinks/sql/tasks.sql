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

-- name: end
-- The tasks that are still open end as said. $1: tasks, $2: their states. Returns the ids of all that exist.
with ended as (
    update tasks t set status = e.status, closed_at = now()
    from unnest($1::uuid[], $2::text[]) as e (task_id, status)
    where t.task_id = e.task_id and t.status = 'open'
)
select task_id from tasks where task_id = any($1::uuid[]);

-- name: standing
-- How the list has a task, and what its task system was last told. $1: task.
select status, told, system, external_id from tasks where task_id = $1;

-- name: filed
-- Where a task system has the task, and what it was told. $1: task, $2: system, $3: its id there, $4: its address,
-- $5: the state.
update tasks set system = $2, external_id = $3, external_url = coalesce($4, external_url), told = $5 where task_id = $1;

-- name: due_polls
-- Takes the turn to ask a task system what was closed there; nothing where another worker has it.
-- $1: system. $2: until the next turn.
insert into task_polls as p (system, read_to, next_at) values ($1, now(), now() + $2::interval)
on conflict (system) do update set next_at = now() + $2::interval where p.next_at <= now()
returning read_to, now() as at;

-- name: polled
-- $1: system. $2: up to when.
update task_polls set read_to = greatest(read_to, $2) where system = $1;

-- name: open_there
-- The alerts of tasks that the list still has open. $1: system. $2: their ids there.
select external_id, alert_id, customer_id, task_id from tasks
where system = $1 and external_id = any($2::text[]) and status = 'open';

-- name: open_here
-- The same by our own ids. $1: tasks.
select task_id, alert_id, customer_id from tasks where task_id = any($1::uuid[]) and status = 'open';
