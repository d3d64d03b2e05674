-- What people did with alerts, and how far the requests among it are. The statements on requests are for one at a time:
-- people ask, so there are few.

-- name: store
-- Actions as they were read, each once. `held`: a request from before this process began, whose result may still come.
-- $1: a list of rows. Returns the new ones.
insert into actions (
    action_id, alert_id, customer_id, kind, by, at, note, request_id, snoozed_until, record, request, source_partition
)
select
    action_id, alert_id, customer_id, kind, by, at, note, request_id, snoozed_until, record,
    case
        when not is_request then null
        when exists (select from actions r where r.request_id = n.action_id) then 'answered'
        when held then 'held'
        else 'open'
    end,
    source_partition
from jsonb_to_recordset($1::jsonb) as n (
    action_id uuid, alert_id uuid, customer_id uuid, kind text, by text, at timestamptz, note text, request_id uuid,
    snoozed_until timestamptz, record jsonb, is_request boolean, held boolean, source_partition integer
)
order by action_id
on conflict do nothing
returning action_id, alert_id

-- name: store_system
-- What was done to csatwatch itself, each once. $1: a list of rows. Returns the new ones.
insert into system_actions (action_id, kind, by, at, session, record)
select action_id, kind, by, at, session, record
from jsonb_to_recordset($1::jsonb) as (
    action_id uuid, kind text, by text, at timestamptz, session text, record jsonb
)
order by action_id
on conflict do nothing
returning action_id

-- name: close_answered
-- Requests whose results are here, and are not under way in this ledger. $1: their ids.
update actions set request = 'answered'
where action_id = any($1::uuid[]) and request in ('held', 'open')

-- name: release
-- The requests of a partition that was read to where it ended when this process began. $1: the partition.
update actions set request = 'open' where request = 'held' and source_partition = $1

-- name: release_forgotten
-- The same for those whose reader did not come so far, and nobody else did. $1: for how long they are held at most.
update actions set request = 'open' where request = 'held' and created_at < now() - $1::interval

-- name: followed_up
-- The answers behind these alerts have been followed up. $1: alerts.
update support_satisfaction s set csm_followed_up = true
from alerts a
where a.alert_id = any($1::uuid[])
  and s.customer_id = a.customer_id
  and s.response_id = a.response_id
  and not s.csm_followed_up

-- name: next_open
-- The oldest request that has its alert, and is not in the ledger yet.
select x.action_id, x.record, a.severity_rank
from actions x join alerts a using (alert_id)
where x.request = 'open'
order by x.at, x.action_id
limit 1
for update of x skip locked

-- name: draft
-- A version of a draft, and whether a later one was sent, or asked to be. $1: draft, $2: version.
select d.step, d.body, d.from_name, d.from_email,
    (select max(version) from email_drafts where draft_id = $1) as newest,
    exists (
        select from email_drafts
        where draft_id = $1 and version > $2 and status in ('sending', 'sent', 'unknown')
    ) as overtaken
from email_drafts d
where d.draft_id = $1 and d.version = $2

-- name: add_request
-- A request as a step of its alert; one from before a restore may have been carried out. $1: alert, $2: step,
-- $3: workflow, $4: sink, $5: configuration, $6: rank of its severity, $7: state, $8: error, $9: when it was asked for.
insert into deliveries (
    alert_id, step, workflow, sink, config, state, wanted_revision, severity_rank, due_at, error, settled_at, restored,
    created_at
)
select
    $1, $2, $3, $4, $5, $7::text, 1, $6, now(), $8, case when $7 = 'due' then null else now() end, was.restored,
    case when was.restored then $9::timestamptz else now() end
from (select exists (select from rewinds where rewound_at >= $9::timestamptz) as restored) as was
on conflict do nothing

-- name: add_version
-- The words that a person asked to be sent. $1: draft, $2: version, $3: alert, $4: step, $5: customer, $6: to_name,
-- $7: to_email, $8: from_name, $9: from_email, $10: subject, $11: body, $12: who. Returns nothing where it is there.
insert into email_drafts (
    draft_id, version, alert_id, step, customer_id, to_name, to_email, from_name, from_email, subject, body, status, by
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'sending', $12)
on conflict do nothing
returning version

-- name: set_aside
-- The versions before the one that is being sent. $1: draft, $2: version.
update email_drafts set status = 'discarded' where draft_id = $1 and version < $2 and status = 'draft'

-- name: asked_before
-- Whether something asked for at $1 was asked for before a restore.
select exists (select from rewinds where rewound_at >= $1)

-- name: taken
-- $1: the request.
update actions set request = 'taken' where action_id = $1

-- name: settled
-- Requests that are carried out, or will not be, and whose results are not published yet.
select x.record, d.state, d.error, d.destination, d.external_id, d.settled_at, d.config
from actions x join deliveries d on d.alert_id = x.alert_id and d.step = 'request/' || x.action_id
where x.request = 'taken' and d.state in ('done', 'failed', 'unknown', 'cancelled')
order by d.settled_at
limit 100

-- name: answered
-- $1: the request.
update actions set request = 'answered' where action_id = $1

-- name: settle_draft
-- $1: draft, $2: version, $3: what became of it, $4: when.
update email_drafts set status = $3::text, sent_at = case when $3 = 'sent' then $4::timestamptz end
where draft_id = $1 and version = $2
