-- What people did that is about no alert: signing out, putting dead letters back, a link for another browser.
create table system_actions (
    action_id uuid primary key,
    kind text not null,
    by text not null,
    at timestamptz not null,
    session text, -- of a sign-out: the session that is over, hashed
    record jsonb not null, -- the action as on the topic
    created_at timestamptz not null default now()
);
create index system_actions_newest on system_actions (at desc, action_id);
create index sessions_over on system_actions (session) where session is not null;
