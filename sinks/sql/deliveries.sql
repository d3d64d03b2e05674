-- The ledger for people who look after it.

-- name: list
-- The steps, the newest first. $1: states, $2: sinks, $3: customers, $4: alert; null asks for all. $5: at most.
select
    d.alert_id, d.step, d.sink, d.state, d.error, d.held, d.attempts, d.due_at, d.not_before, d.unless,
    d.wanted_revision, d.shown_revision, d.destination, d.external_id, d.uncertain, d.created_at, d.settled_at,
    a.kind, a.severity, a.status as alert_status, a.occurred_at, a.customer_id, c.name as customer_name
from deliveries d
join alerts a using (alert_id)
left join customers c using (customer_id)
where ($1::text[] is null or d.state = any($1))
  and ($2::text[] is null or d.sink = any($2))
  and ($3::uuid[] is null or a.customer_id = any($3))
  and ($4::uuid is null or d.alert_id = $4)
order by d.created_at desc, d.alert_id, d.step
limit $5

-- name: customers
-- Those of a name, in whatever letters. $1: the name.
select customer_id from customers where lower(name) = lower($1) limit 100

-- name: alert
-- $1: alert.
select a.alert_id, a.kind, a.severity, a.status, a.revision, a.silent, a.occurred_at, a.customer_id,
    c.name as customer_name
from alerts a left join customers c using (customer_id)
where a.alert_id = $1

-- name: actions
-- What people did with it, and what came of it. $1: alert.
select kind, by, at, note from actions where alert_id = $1 order by at, action_id

-- name: tasks
-- $1: alert.
select step, title, status, due_at, owner_email, system, external_id, external_url from tasks where alert_id = $1
order by step

-- name: retry
-- Makes steps due again that were given up. What a person asked for is not repeated: the person was told, and asks anew.
-- $1: states, $2: sinks, $3: customers, $4: alert, $5: step; null asks for all.
update deliveries d set
    state = 'due', due_at = now(), attempts = 0, settled_at = null, uncertain = d.uncertain or d.state = 'unknown'
from alerts a
where a.alert_id = d.alert_id
  and d.state = any($1::text[])
  and d.workflow <> 'csm-actions'
  and ($2::text[] is null or d.sink = any($2))
  and ($3::uuid[] is null or a.customer_id = any($3))
  and ($4::uuid is null or d.alert_id = $4)
  and ($5::text is null or d.step = $5)
returning d.alert_id, d.step, d.sink

-- name: asked_for
-- How many of the same are left out because a person asked for them. As above.
select count(*) from deliveries d join alerts a using (alert_id)
where d.state = any($1::text[])
  and d.workflow = 'csm-actions'
  and ($2::text[] is null or d.sink = any($2))
  and ($3::uuid[] is null or a.customer_id = any($3))
  and ($4::uuid is null or d.alert_id = $4)
  and ($5::text is null or d.step = $5)
