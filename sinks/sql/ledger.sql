-- The ledger of deliveries. Statements on many rows take arrays of one length, or a list of rows as JSON, in the order
-- of the keys, so that two workers that meet wait for each other instead of blocking each other.

-- name: add_customers
-- Stubs for the customers that `store` has not written yet. $1: ids.
insert into customers (customer_id)
select distinct id from unnest($1::uuid[]) as id order by id
on conflict do nothing

-- name: add_tickets
-- $1: customers, $2: tickets.
insert into tickets (customer_id, ticket_id)
select distinct * from unnest($1::uuid[], $2::text[]) as t (customer_id, ticket_id) order by 1, 2
on conflict do nothing

-- name: add_answers
-- The rows that csm_notified needs, where `store` has not written them yet; `store` fills them in. $1: a list of rows.
insert into support_satisfaction (customer_id, response_id, event_id, ticket_id, rating, responded_at)
select customer_id, response_id, event_id, ticket_id, rating, responded_at
from jsonb_to_recordset($1::jsonb) as (
    customer_id uuid, response_id text, event_id text, ticket_id text, rating smallint, responded_at timestamptz
)
order by customer_id, response_id
on conflict do nothing

-- name: record_alerts
-- Newer revisions only; returns the ids of those that were. $1: a list of rows, an alert at most once.
insert into alerts as a (
    alert_id, customer_id, response_id, kind, severity, severity_rank, status, revision, silent, occurred_at,
    detected_at, published_at, record, traceparent
)
select
    alert_id, customer_id, response_id, kind, severity, severity_rank, status, revision, silent, occurred_at,
    detected_at, published_at, record, traceparent
from jsonb_to_recordset($1::jsonb) as (
    alert_id uuid, customer_id uuid, response_id text, kind text, severity text, severity_rank smallint, status text,
    revision integer, silent boolean, occurred_at timestamptz, detected_at timestamptz, published_at timestamptz,
    record jsonb, traceparent text
)
order by alert_id
on conflict (alert_id) do update set
    customer_id = excluded.customer_id,
    response_id = excluded.response_id,
    severity = excluded.severity,
    severity_rank = excluded.severity_rank,
    status = excluded.status,
    revision = excluded.revision,
    silent = excluded.silent,
    occurred_at = excluded.occurred_at,
    detected_at = excluded.detected_at,
    published_at = excluded.published_at,
    record = excluded.record,
    traceparent = excluded.traceparent
where excluded.revision > a.revision
returning alert_id

-- name: rows_of
-- The steps of these alerts, held to the end of the transaction; those that people asked for no revision changes.
-- $1: ids.
select alert_id, step, state, shown_revision, uncertain from deliveries
where alert_id = any($1::uuid[]) and workflow <> 'csm-actions'
order by alert_id, step
for update

-- name: make_due
-- Steps that the newest revision asks for. One that is claimed stays with its worker: settling it makes it due again.
-- `delay` in seconds, counted from when the ledger got the step, holds back its first showing alone. After a restore the
-- ledger that is lost got it when the alert was published, and may have had it carried out. $1: a list of rows.
insert into deliveries as d (
    alert_id, step, workflow, sink, lane, config, state, wanted_revision, severity_rank, due_at, not_before, unless,
    restored, created_at
)
select
    n.alert_id, n.step, n.workflow, n.sink, n.lane, n.config, 'due', n.revision, n.severity_rank,
    got.at + make_interval(secs => n.delay), got.at + make_interval(secs => n.delay), n.unless, was.restored, got.at
from jsonb_to_recordset($1::jsonb) as n (
    alert_id uuid, step text, workflow text, sink text, lane text, config jsonb, revision integer,
    severity_rank smallint, delay double precision, unless text[]
)
join alerts a using (alert_id)
cross join lateral (
    select exists (select from rewinds where rewound_at >= a.published_at) as restored
) as was
cross join lateral (select case when was.restored then a.published_at else now() end as at) as got
order by n.alert_id, n.step
on conflict (alert_id, step) do update set
    sink = excluded.sink,
    lane = excluded.lane,
    config = excluded.config,
    wanted_revision = excluded.wanted_revision,
    severity_rank = excluded.severity_rank,
    not_before = d.created_at + (excluded.not_before - excluded.created_at),
    unless = excluded.unless,
    state = case when d.state = 'claimed' then d.state else 'due' end,
    attempts = case when d.state = 'claimed' then d.attempts else 0 end,
    due_at = case
        when d.state = 'claimed' then d.due_at
        when d.shown_revision > 0 or d.uncertain then now()
        else greatest(now(), d.created_at + (excluded.not_before - excluded.created_at))
    end,
    error = case when d.state = 'claimed' then d.error end

-- name: follow
-- Steps that are there and have to hear of the newest revision. $1: alerts, $2: steps, $3: revisions.
update deliveries d set
    wanted_revision = n.revision,
    state = case when d.state = 'claimed' then d.state else 'due' end,
    attempts = case when d.state = 'claimed' then d.attempts else 0 end,
    due_at = case
        when d.state = 'claimed' then d.due_at
        when d.shown_revision > 0 or d.uncertain then now()
        else greatest(now(), d.not_before)
    end
from unnest($1::uuid[], $2::text[], $3::integer[]) as n (alert_id, step, revision)
where d.alert_id = n.alert_id and d.step = n.step

-- name: cancel
-- Steps of which nothing was shown. $1: alerts, $2: steps, $3: revisions.
update deliveries d set wanted_revision = n.revision, state = 'cancelled', settled_at = now()
from unnest($1::uuid[], $2::text[], $3::integer[]) as n (alert_id, step, revision)
where d.alert_id = n.alert_id and d.step = n.step and d.state in ('due', 'failed')

-- name: cancel_needless
-- Steps that wait, and that an action has made needless. $1: alerts.
update deliveries d set state = 'cancelled', settled_at = now(), error = x.kind
from actions x
where d.alert_id = any($1::uuid[]) and d.state = 'due' and d.unless <> '{}' and d.shown_revision = 0 and not d.uncertain
  and x.alert_id = d.alert_id and x.kind = any(d.unless)

-- name: one_at_a_time
-- Until the transaction ends, nobody else claims steps of this sink. $1: sink.
select pg_advisory_xact_lock(hashtextextended('csatwatch claim ' || $1::text, 0))

-- name: claim
-- Due steps of a sink, and those whose worker let its lease pass; the most severe first, one a lane, and none of a lane
-- that is busy here, has a claim that holds, or rests. What an action has made needless meanwhile is cancelled instead.
-- $1: sink. $2: at most. $3: the claim's token. $4: lease. $5: busy lanes. $6: kinds of actions after which somebody
-- has an alert in hand.
with needless as (
    update deliveries d set state = 'cancelled', settled_at = now(), error = x.kind
    from actions x
    where d.state = 'due' and d.unless <> '{}' and d.due_at <= now() and d.shown_revision = 0 and not d.uncertain
      and x.alert_id = d.alert_id and x.kind = any(d.unless)
),
taken as (
    select unnest($5::text[]) as lane
    union
    select lane from deliveries
    where sink = $1 and state = 'claimed' and claimed_until > now() and lane is not null
    union
    select lane from deliveries where sink = $1 and rests_until > now() and lane is not null
),
waiting as (
    select alert_id, step, lane, severity_rank, due_at from deliveries d
    where sink = $1
      and state in ('due', 'claimed')
      and (state = 'due' and due_at <= now() or state = 'claimed' and claimed_until <= now())
      and (lane is null or lane not in (select lane from taken))
      and (
          unless = '{}' or shown_revision > 0 or uncertain or state = 'claimed'
          or not exists (select from actions x where x.alert_id = d.alert_id and x.kind = any(d.unless))
      )
    order by severity_rank, due_at
    limit $2 * 4
    for update of d skip locked
),
one_a_lane as (
    select distinct on (coalesce(lane, alert_id || step)) alert_id, step, severity_rank, due_at from waiting
    order by coalesce(lane, alert_id || step), severity_rank, due_at
),
chosen as (
    select alert_id, step from one_a_lane order by severity_rank, due_at limit $2
)
update deliveries d set
    state = 'claimed',
    claimed_by = $3,
    claimed_until = now() + $4::interval,
    uncertain = d.uncertain or d.state = 'claimed' or d.restored and d.shown_revision = 0,
    stale = false,
    held = null
from chosen c, alerts a
where d.alert_id = c.alert_id and d.step = c.step and a.alert_id = d.alert_id
returning
    d.alert_id, d.step, d.sink, d.lane, d.config, d.shown_revision, d.destination, d.external_id, d.uncertain,
    d.attempts, d.created_at, d.severity_rank, d.due_at, d.thread, d.shown_at, d.restored, a.record, a.published_at,
    a.traceparent, now() as claimed_at,
    -- Without a delay `not_before` is when the ledger got the step.
    greatest(a.published_at, case when d.not_before > d.created_at then d.not_before end, d.held_until) as allowed_at,
    (
        select jsonb_agg(jsonb_build_object(
            'kind', x.kind, 'by', coalesce(x.record ->> 'by_name', x.by), 'at', x.at, 'note', x.note,
            'starts_at', x.record ->> 'starts_at', 'until', x.snoozed_until, 'link', x.record ->> 'link'
        ))
        from (select * from actions where alert_id = d.alert_id order by at desc limit 100) as x
    ) as actions,
    case
        when d.step like '%#%' then (
            select jsonb_build_object(
                'state', m.state, 'destination', m.destination, 'external_id', m.external_id, 'thread', m.thread,
                'shown_at', m.shown_at,
                'failed', (
                    select jsonb_agg(f.step || ': ' || coalesce(f.error, f.state) order by f.step) from deliveries f
                    where f.alert_id = d.alert_id
                      and f.state in ('failed', 'unknown')
                      and split_part(f.step, '#', 1) = m.step
                      and f.step not like '%#operator'
                )
            )
            from deliveries m where m.alert_id = d.alert_id and m.step = split_part(d.step, '#', 1)
        )
        when d.sink = 'support' then (
            select jsonb_build_object(
                'state', m.state, 'destination', m.destination, 'external_id', m.external_id, 'thread', m.thread,
                'shown_at', m.shown_at
            )
            from deliveries m
            where m.alert_id = d.alert_id and m.sink = 'slack' and m.step not like '%#%' and m.shown_revision > 0
            order by m.shown_at
            limit 1
        )
    end as main,
    case when d.sink = 'slack' and d.shown_revision = 0 and d.step not like '%#%' then (
        select jsonb_agg(jsonb_build_object(
            'kind', n.kind, 'severity', n.severity, 'ticket_id', n.record -> 'ticket' ->> 'ticket_id',
            'channel', r.destination, 'ts', case when r.shown_revision > 0 then r.external_id end,
            'shown_at', r.shown_at,
            'handled', exists (select from actions x where x.alert_id = n.alert_id and x.kind = any($6::text[])),
            'snoozed_until', (
                select x.snoozed_until from actions x
                where x.alert_id = n.alert_id and x.kind = 'snoozed'
                order by x.at desc
                limit 1
            )
        ))
        from (
            select alert_id, kind, severity, record from alerts
            where customer_id = a.customer_id
              and alert_id <> a.alert_id
              and status in ('firing', 'updated')
              and not silent
            order by occurred_at desc
            limit 20
        ) as n
        join deliveries r using (alert_id)
        where r.sink = 'slack'
          and r.thread is null
          and r.step not like '%#%'
          and (r.shown_revision > 0 or r.state in ('due', 'claimed'))
    ) end as neighbours

-- name: remember
-- Where a message is about to go: from now on its outcome is not known. $1: alert, $2: step, $3: claim, $4: destination.
-- $5: lease, counted anew. $6: the message in whose thread it will stand, null for none.
update deliveries set
    destination = $4, external_id = null, thread = $6, uncertain = true, claimed_until = now() + $5::interval
where alert_id = $1 and step = $2 and claimed_by = $3 and state = 'claimed'
returning alert_id

-- name: revisit
-- What is shown of an alert with which something was done is due once more, and what is held is looked at again.
-- $1: alert. $2: sinks.
update deliveries set
    state = case when state = 'claimed' then state else 'due' end,
    due_at = case when state = 'claimed' then due_at else now() end,
    stale = stale or state = 'claimed'
where alert_id = $1 and sink = any($2::text[])
  and (state = 'claimed' or state = 'done' and shown_revision > 0 or state = 'due' and held is not null)
returning step

-- name: settle_done
-- $1: a list of rows; `rest` in seconds. A newer revision than the one shown is due at once. Returns what was settled.
update deliveries d set
    state = case when d.wanted_revision > s.revision or d.stale then 'due' else 'done' end,
    shown_revision = s.revision,
    destination = s.destination,
    external_id = s.external_id,
    thread = s.thread,
    uncertain = false,
    attempts = 0,
    error = null,
    claimed_by = null,
    claimed_until = null,
    due_at = case when d.wanted_revision > s.revision or d.stale then now() else d.due_at end,
    rests_until = coalesce(now() + make_interval(secs => nullif(s.rest, 0)), d.rests_until),
    shown_at = coalesce(d.shown_at, now()),
    settled_at = now()
from jsonb_to_recordset($1::jsonb) as s (
    alert_id uuid, step text, claim text, revision integer, destination text, external_id text, thread text,
    rest double precision
)
where d.alert_id = s.alert_id and d.step = s.step and d.claimed_by = s.claim and d.state = 'claimed'
returning d.alert_id, d.step

-- name: settle_nothing
-- The alert was over before anything was shown. $1: a list of rows.
update deliveries d set
    state = case when d.wanted_revision > s.revision then 'due' else 'cancelled' end,
    uncertain = false,
    claimed_by = null,
    claimed_until = null,
    settled_at = now()
from jsonb_to_recordset($1::jsonb) as s (alert_id uuid, step text, claim text, revision integer)
where d.alert_id = s.alert_id and d.step = s.step and d.claimed_by = s.claim and d.state = 'claimed'
returning d.alert_id, d.step

-- name: settle_retry
-- $1: a list of rows; `wait` and `rest` in seconds.
update deliveries d set
    state = 'due',
    attempts = d.attempts + case when s.counts then 1 else 0 end,
    due_at = now() + make_interval(secs => s.wait),
    rests_until = coalesce(now() + make_interval(secs => nullif(s.rest, 0)), d.rests_until),
    uncertain = s.uncertain,
    -- Nothing went there after all.
    destination = case when s.uncertain or d.external_id is not null then d.destination end,
    error = s.error,
    claimed_by = null,
    claimed_until = null
from jsonb_to_recordset($1::jsonb) as s (
    alert_id uuid, step text, claim text, wait double precision, uncertain boolean, error text, counts boolean,
    rest double precision
)
where d.alert_id = s.alert_id and d.step = s.step and d.claimed_by = s.claim and d.state = 'claimed'
returning d.alert_id, d.step

-- name: settle_held
-- Not begun, and looked at again when the time has come or something has changed. $1: a list of rows.
update deliveries d set
    state = 'due',
    due_at = case when d.wanted_revision > s.revision or d.stale then now() else s.until end,
    lane = coalesce(s.lane, d.lane),
    held = s.why,
    held_until = case when s.why not like 'away:%' then s.until else d.held_until end,
    uncertain = s.uncertain,
    claimed_by = null,
    claimed_until = null
from jsonb_to_recordset($1::jsonb) as s (
    alert_id uuid, step text, claim text, revision integer, until timestamptz, lane text, why text, uncertain boolean
)
where d.alert_id = s.alert_id and d.step = s.step and d.claimed_by = s.claim and d.state = 'claimed'
returning d.alert_id, d.step

-- name: hurry
-- $1: sink. $2: how the reason begins.
update deliveries set due_at = now() where sink = $1 and state = 'due' and held like $2

-- name: add_later
-- Notices that follow a step. Each is made once; only word to the operator is brought up to date when a step fails anew.
-- $1: a list of rows.
insert into deliveries as d (
    alert_id, step, workflow, sink, lane, config, state, wanted_revision, severity_rank, due_at, not_before, unless,
    restored, created_at
)
select
    s.alert_id, s.step, m.workflow, 'slack', s.lane, m.config, 'due', m.wanted_revision, m.severity_rank, s.due_at,
    s.due_at, s.unless, m.restored, case when m.restored then m.created_at else now() end
from jsonb_to_recordset($1::jsonb) as s (
    alert_id uuid, step text, lane text, due_at timestamptz, unless text[]
)
join deliveries m on m.alert_id = s.alert_id and m.step = split_part(s.step, '#', 1)
order by s.alert_id, s.step
on conflict (alert_id, step) do update set state = 'due', due_at = excluded.due_at
where d.step like '%#operator' and d.state in ('done', 'failed', 'cancelled')

-- name: recovered
-- Word to the operator of steps that have gone through since: shown, it says so, and what was not shown is cancelled.
-- $1: alerts, $2: steps.
update deliveries d set
    state = case when d.shown_revision > 0 or d.uncertain then 'due' else 'cancelled' end,
    due_at = now(),
    settled_at = now()
from unnest($1::uuid[], $2::text[]) as n (alert_id, step)
where d.alert_id = n.alert_id and d.step = n.step || '#operator' and d.state in ('done', 'due', 'failed')

-- name: settle_failed
-- $1: a list of rows. A newer revision may have what this one lacked: it is tried at once.
update deliveries d set
    state = case when d.wanted_revision > s.revision then 'due' else s.state end,
    attempts = d.attempts + 1,
    due_at = now(),
    error = s.error,
    claimed_by = null,
    claimed_until = null,
    settled_at = now()
from jsonb_to_recordset($1::jsonb) as s (alert_id uuid, step text, claim text, revision integer, error text, state text)
where d.alert_id = s.alert_id and d.step = s.step and d.claimed_by = s.claim and d.state = 'claimed'
returning d.alert_id, d.step

-- name: release
-- Steps that were claimed and not begun. $1: alerts, $2: steps, $3: claims.
update deliveries d set state = 'due', claimed_by = null, claimed_until = null
from unnest($1::uuid[], $2::text[], $3::text[]) as r (alert_id, step, claim)
where d.alert_id = r.alert_id and d.step = r.step and d.claimed_by = r.claim and d.state = 'claimed'

-- name: notified
-- The CSM has the poor ratings of these alerts before them. $1: ids.
update support_satisfaction s set csm_notified = true
from alerts a
where a.alert_id = any($1::uuid[])
  and a.kind = 'poor_rating'
  and s.customer_id = a.customer_id
  and s.response_id = a.response_id
  and not s.csm_notified

-- name: waiting
-- Steps that should be done by now and are not yet, by destination.
select sink, count(*) as steps from deliveries
where state = 'claimed' or state = 'due' and (due_at <= now() or attempts > 0 or held like 'away:%')
group by sink

-- name: rewound
-- From now on what was published before may have been carried out. $1: from when on the topics are read again.
insert into rewinds (back_to) values ($1)

-- name: lost_track
-- The same of the steps that are here: the database that is lost may have gone on with them.
update deliveries set restored = true where not restored
