-- Who owns what: `store` writes customers, tickets and support_satisfaction; `deliver` writes alerts, deliveries, tasks,
-- email_drafts and actions, and upserts the customer and the rating that it needs for csm_notified; `web` only reads.

create table customers (
    customer_id uuid primary key,
    name text, -- null: a stub, made because a rating came before the account
    arr numeric check (arr >= 0),
    currency text,
    csm_name text,
    csm_email text,
    csm_slack_user_id text,
    record jsonb not null default '{}', -- the whole account as published
    published_at timestamptz, -- the broker's time of that record: an older one never overwrites a newer one
    erased_at timestamptz, -- the broker's time of the last erasure: what was said up to it is stored without its text
    created_at timestamptz not null default now()
);
create index customers_csm on customers (csm_email, name);

create table tickets (
    customer_id uuid not null references customers,
    ticket_id text not null,
    ticket_subject text,
    ticket_category text,
    ticket_url text,
    resolution_time_hours double precision,
    sla_hours double precision,
    first_contact_resolution boolean,
    was_escalated boolean,
    assignee text,
    closed_at timestamptz,
    escalated_at timestamptz,
    said_at jsonb not null default '{}', -- when each fact was said, microseconds since 1970: the later one counts
    created_at timestamptz not null default now(),
    primary key (customer_id, ticket_id)
);

create table support_satisfaction (
    id uuid primary key default gen_random_uuid(),
    customer_id uuid not null references customers,
    response_id text not null,
    event_id text not null,
    ticket_id text not null,
    ticket_subject text,
    rating smallint not null check (rating between 1 and 5),
    feedback text,
    ticket_category text,
    resolution_time_hours double precision,
    first_contact_resolution boolean,
    was_escalated boolean,
    survey_sent_at timestamptz,
    responded_at timestamptz not null,
    contact jsonb,
    rating_raw jsonb,
    scale text,
    published_at timestamptz, -- the broker's time of the answer; null: deliver needed the row before store had it
    csm_notified boolean not null default false,
    csm_followed_up boolean not null default false,
    created_at timestamptz not null default now(),
    unique (customer_id, response_id),
    foreign key (customer_id, ticket_id) references tickets
);
create index support_satisfaction_by_time on support_satisfaction (customer_id, responded_at desc);

create table alerts (
    alert_id uuid primary key,
    customer_id uuid not null references customers,
    response_id text not null,
    kind text not null,
    severity text not null,
    severity_rank smallint not null, -- 0 is the most severe: deliveries go out in this order
    status text not null,
    revision integer not null,
    silent boolean not null,
    occurred_at timestamptz not null,
    detected_at timestamptz not null,
    published_at timestamptz not null, -- the broker's time of this revision
    record jsonb not null, -- the revision as on the topic
    created_at timestamptz not null default now()
);
create index alerts_newest on alerts (occurred_at desc, alert_id);
create index alerts_of_customer on alerts (customer_id, occurred_at desc);

-- The ledger: one row an (alert, step), claimed before the step is done and settled after.
create table deliveries (
    alert_id uuid not null references alerts,
    step text not null,
    workflow text not null,
    sink text not null, -- the destination whose agent does it
    config jsonb not null, -- the step as the workflow says it
    state text not null check (state in ('due', 'claimed', 'done', 'failed', 'cancelled', 'unknown')),
    wanted_revision integer not null, -- the newest revision of the alert
    shown_revision integer not null default 0, -- the one that the destination shows; 0: none yet
    severity_rank smallint not null,
    due_at timestamptz not null,
    not_before timestamptz, -- the first try waits until then: the step's delay
    unless text[] not null default '{}', -- kinds of actions: one of them on the alert before the first try cancels it
    attempts integer not null default 0, -- failed ones since the last success
    lane text, -- what the destination takes one at a time, such as one person's messages
    uncertain boolean not null default false, -- an earlier try may have gone through: the destination is asked first
    claimed_by text,
    claimed_until timestamptz, -- the lease: another worker takes over after it, and reconciles first
    rests_until timestamptz, -- nothing more goes into the lane before: one message a second into a channel
    destination text, -- where it went: a channel, a list
    external_id text, -- what the destination calls it: a message's ts, a task's id
    thread text, -- the message below which it stands or is about to, where it is no message of its own
    shown_at timestamptz, -- when it was first shown
    stale boolean not null default false, -- something was done with the alert while it was claimed
    held text, -- why it waits although nothing failed; null: it does not
    error text, -- of the last failed attempt: its class and the destination's code, never customer text
    created_at timestamptz not null default now(),
    settled_at timestamptz,
    primary key (alert_id, step)
);
create index deliveries_waiting on deliveries (sink, severity_rank, due_at) where state in ('due', 'claimed');
create index deliveries_conditional on deliveries (due_at) where state = 'due' and unless <> '{}';
create index deliveries_lanes on deliveries (sink, lane) where state = 'claimed';
create index deliveries_resting on deliveries (sink, rests_until) where rests_until is not null;
create index deliveries_newest on deliveries (created_at desc, alert_id desc, step desc);
create index deliveries_failed on deliveries (settled_at desc) where state = 'failed';

create table tasks (
    task_id uuid primary key,
    alert_id uuid not null,
    step text not null,
    customer_id uuid not null references customers,
    title text not null,
    priority text not null,
    owner_email text,
    due_at timestamptz not null,
    status text not null check (status in ('open', 'done', 'cancelled')),
    system text, -- the task system that has it too; null: this list alone
    external_id text, -- what that system calls it
    external_url text,
    told text, -- the status that the system was told last
    created_at timestamptz not null default now(),
    closed_at timestamptz,
    closed_by text,
    unique (alert_id, step),
    foreign key (alert_id, step) references deliveries
);
create index tasks_open on tasks (owner_email, due_at) where status = 'open';
create index tasks_by_due on tasks (due_at, task_id);
create unique index tasks_external on tasks (system, external_id) where external_id is not null;

-- How far the closed tasks of a task system were read.
create table task_polls (
    system text primary key,
    read_to timestamptz not null,
    next_at timestamptz not null -- when a worker may ask again: whoever moves it on has the turn
);

create table email_drafts (
    draft_id uuid not null,
    version integer not null,
    alert_id uuid not null,
    step text not null,
    customer_id uuid not null references customers,
    to_name text,
    to_email text, -- null: nobody to send it to is known
    from_name text,
    from_email text,
    subject text not null,
    body text not null,
    -- Only one that a person asked to be sent is more than a draft; unknown: no answer of the mail server is on record.
    status text not null check (status in ('draft', 'discarded', 'sending', 'sent', 'failed', 'unknown')),
    by text, -- who wrote this version; null: the communicator
    sent_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (draft_id, version),
    unique (alert_id, step, version),
    foreign key (alert_id, step) references deliveries
);

create table actions (
    action_id uuid primary key,
    alert_id uuid not null,
    customer_id uuid not null,
    kind text not null,
    by text not null,
    at timestamptz not null,
    note text,
    request_id uuid, -- of a result: the request that it answers
    snoozed_until timestamptz,
    record jsonb not null default '{}', -- the action as on the topic
    -- How far a request is. held: read again, and its result may follow; open: to go into the ledger; taken: it is
    -- there; answered: its result is published. Null: no request.
    request text check (request in ('held', 'open', 'taken', 'answered')),
    source_partition integer, -- where it was read
    created_at timestamptz not null default now()
);
create index actions_of_alert on actions (alert_id, at);
create index actions_requested on actions (request, at) where request in ('held', 'open', 'taken');
create index actions_answering on actions (request_id) where request_id is not null;

-- The pages follow along without polling.
create function announce_alert() returns trigger language plpgsql as $$
begin
    perform pg_notify('csatwatch_alerts', new.alert_id::text);
    return null;
end
$$;
create trigger announce_alert after insert or update on alerts for each row execute function announce_alert();
create trigger announce_delivery after insert or update of state on deliveries
    for each row execute function announce_alert();
