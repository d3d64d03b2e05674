-- Polls of survey sources.

-- name: begin_poll
-- Takes the source for this connection, until it is closed; false where another poll has it. $1: source.
select pg_try_advisory_lock(hashtextextended('csatwatch poll ' || $1, 0));

-- name: read_to
-- How far the source was read; nothing where it never was. $1: source.
select read_to from source_polls where source = $1;

-- name: polled
-- The source was read up to a time. It never goes back. $1: source, $2: time.
insert into source_polls as p (source, read_to) values ($1, $2)
on conflict (source) do update set read_to = greatest(p.read_to, excluded.read_to), polled_at = now();

-- name: known_answer
-- Whether the customer's answer to the survey is stored as this event says it. $1: customer, $2: response, $3: event.
select exists (
    select from support_satisfaction where customer_id = $1 and response_id = $2 and event_id = $3
);
