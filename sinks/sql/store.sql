-- What `store` says to Postgres. Each statement takes a whole batch, in the order of the keys, so that two workers
-- that write the same rows wait for each other instead of blocking each other.

-- name: add_customers
-- Stubs for the customers that no account record has named yet. $1: ids.
insert into customers (customer_id)
select distinct id from unnest($1::uuid[]) as id order by id
on conflict do nothing

-- name: erasures_of
-- When the customers were erased. Held against an erasure until the end of the transaction: it waits for what we are
-- about to write, or we see it. $1: ids.
select customer_id, erased_at from customers
where customer_id = any($1::uuid[])
order by customer_id
for key share

-- name: hold_customers
-- Waits for whoever is writing rows of these customers, and keeps others from it. $1: ids.
select from customers
where customer_id = any($1::uuid[])
order by customer_id
for update

-- name: erase_customers
-- $1: ids. $2: the broker's times of their erasures.
update customers c
set erased_at = greatest(c.erased_at, e.at),
    name = case when c.published_at > e.at then c.name end,
    record = case when c.published_at > e.at then c.record else c.record - 'name' - 'primary_contact' end
from unnest($1::uuid[], $2::timestamptz[]) as e (customer_id, at)
where c.customer_id = e.customer_id

-- name: erase_answers
-- $1: ids. $2: the broker's times of their erasures.
update support_satisfaction s
set feedback = null, contact = null, ticket_subject = null
from unnest($1::uuid[], $2::timestamptz[]) as e (customer_id, at)
where s.customer_id = e.customer_id
  and least(s.responded_at, s.published_at) <= e.at
  and (s.feedback is not null or s.contact is not null or s.ticket_subject is not null)

-- name: erase_tickets
-- $1: ids. $2: the broker's times of their erasures, in microseconds since 1970. A subject of unknown age goes too.
update tickets t
set ticket_subject = case when (t.said_at ->> 'ticket_subject')::bigint > e.at then t.ticket_subject end,
    assignee = case when (t.said_at ->> 'assignee')::bigint > e.at then t.assignee end,
    said_at = t.said_at
        - case when (t.said_at ->> 'ticket_subject')::bigint > e.at then '' else 'ticket_subject' end
        - case when (t.said_at ->> 'assignee')::bigint > e.at then '' else 'assignee' end
from unnest($1::uuid[], $2::bigint[]) as e (customer_id, at)
where t.customer_id = e.customer_id
  and (t.ticket_subject is not null or t.assignee is not null)

-- name: upsert_tickets
-- Fact by fact the later statement counts (of two at one time the greater), whatever the order of arrival; a fact that
-- was never said is null. "Escalated" stays once it was said. $1: a list of rows, `said_at` as in the table.
insert into tickets as t (
    customer_id, ticket_id, ticket_subject, ticket_category, ticket_url, resolution_time_hours, sla_hours,
    first_contact_resolution, was_escalated, assignee, closed_at, escalated_at, said_at
)
select
    customer_id, ticket_id, ticket_subject, ticket_category, ticket_url, resolution_time_hours, sla_hours,
    first_contact_resolution, was_escalated, assignee, closed_at, escalated_at, said_at
from jsonb_to_recordset($1::jsonb) as (
    customer_id uuid, ticket_id text, ticket_subject text, ticket_category text, ticket_url text,
    resolution_time_hours double precision, sla_hours double precision, first_contact_resolution boolean,
    was_escalated boolean, assignee text, closed_at timestamptz, escalated_at timestamptz, said_at jsonb
)
order by customer_id, ticket_id
on conflict (customer_id, ticket_id) do update
set ticket_subject = case
        when (excluded.said_at -> 'ticket_subject', excluded.ticket_subject collate "C")
            > (coalesce(t.said_at -> 'ticket_subject', 'null'), coalesce(t.ticket_subject, ''))
        then excluded.ticket_subject else t.ticket_subject
    end,
    ticket_category = case
        when (excluded.said_at -> 'ticket_category', excluded.ticket_category collate "C")
            > (coalesce(t.said_at -> 'ticket_category', 'null'), coalesce(t.ticket_category, ''))
        then excluded.ticket_category else t.ticket_category
    end,
    ticket_url = case
        when (excluded.said_at -> 'ticket_url', excluded.ticket_url collate "C")
            > (coalesce(t.said_at -> 'ticket_url', 'null'), coalesce(t.ticket_url, ''))
        then excluded.ticket_url else t.ticket_url
    end,
    resolution_time_hours = case
        when (excluded.said_at -> 'resolution_time_hours', excluded.resolution_time_hours)
            > (coalesce(t.said_at -> 'resolution_time_hours', 'null'), coalesce(t.resolution_time_hours, -1))
        then excluded.resolution_time_hours else t.resolution_time_hours
    end,
    sla_hours = case
        when (excluded.said_at -> 'sla_hours', excluded.sla_hours)
            > (coalesce(t.said_at -> 'sla_hours', 'null'), coalesce(t.sla_hours, -1))
        then excluded.sla_hours else t.sla_hours
    end,
    first_contact_resolution = case
        when (excluded.said_at -> 'first_contact_resolution', excluded.first_contact_resolution)
            > (coalesce(t.said_at -> 'first_contact_resolution', 'null'), coalesce(t.first_contact_resolution, false))
        then excluded.first_contact_resolution else t.first_contact_resolution
    end,
    assignee = case
        when (excluded.said_at -> 'assignee', excluded.assignee collate "C")
            > (coalesce(t.said_at -> 'assignee', 'null'), coalesce(t.assignee, ''))
        then excluded.assignee else t.assignee
    end,
    was_escalated = greatest(t.was_escalated, excluded.was_escalated),
    closed_at = greatest(t.closed_at, excluded.closed_at),
    escalated_at = greatest(t.escalated_at, excluded.escalated_at),
    said_at = (
        select coalesce(jsonb_object_agg(fact, greatest(t.said_at -> fact, excluded.said_at -> fact)), '{}')
        from jsonb_object_keys(t.said_at || excluded.said_at) as fact
    )

-- name: upsert_answers
-- Of two answers to one survey the one with the greater (responded_at, event_id) counts, whatever the order of
-- arrival. A row that deliver made of the same answer is filled in. $1: a list of rows.
insert into support_satisfaction as s (
    customer_id, response_id, event_id, ticket_id, ticket_subject, rating, feedback, ticket_category,
    resolution_time_hours, first_contact_resolution, was_escalated, survey_sent_at, responded_at, contact, rating_raw,
    scale, published_at
)
select
    customer_id, response_id, event_id, ticket_id, ticket_subject, rating, feedback, ticket_category,
    resolution_time_hours, first_contact_resolution, was_escalated, survey_sent_at, responded_at, contact, rating_raw,
    scale, published_at
from jsonb_to_recordset($1::jsonb) as (
    customer_id uuid, response_id text, event_id text, ticket_id text, ticket_subject text, rating smallint,
    feedback text, ticket_category text, resolution_time_hours double precision, first_contact_resolution boolean,
    was_escalated boolean, survey_sent_at timestamptz, responded_at timestamptz, contact jsonb, rating_raw jsonb,
    scale text, published_at timestamptz
)
order by customer_id, response_id
on conflict (customer_id, response_id) do update
set event_id = excluded.event_id,
    ticket_id = excluded.ticket_id,
    ticket_subject = excluded.ticket_subject,
    rating = excluded.rating,
    feedback = excluded.feedback,
    ticket_category = excluded.ticket_category,
    resolution_time_hours = excluded.resolution_time_hours,
    first_contact_resolution = excluded.first_contact_resolution,
    was_escalated = excluded.was_escalated,
    survey_sent_at = excluded.survey_sent_at,
    responded_at = excluded.responded_at,
    contact = excluded.contact,
    rating_raw = excluded.rating_raw,
    scale = excluded.scale,
    published_at = excluded.published_at
where (excluded.responded_at, excluded.event_id collate "C") > (s.responded_at, s.event_id)
   or (excluded.responded_at, excluded.event_id) = (s.responded_at, s.event_id) and s.published_at is null

-- name: upsert_customers
-- The account as last published, by the broker's time; the record of a deleted one is empty, its row stays for those
-- that refer to it. What was published before an erasure comes without its personal text. $1: a list of rows.
insert into customers as c (
    customer_id, name, arr, currency, csm_name, csm_email, csm_slack_user_id, record, published_at
)
select customer_id, name, arr, currency, csm_name, csm_email, csm_slack_user_id, record, published_at
from jsonb_to_recordset($1::jsonb) as (
    customer_id uuid, name text, arr numeric, currency text, csm_name text, csm_email text, csm_slack_user_id text,
    record jsonb, published_at timestamptz
)
order by customer_id
on conflict (customer_id) do update
set name = case when c.erased_at >= excluded.published_at then null else excluded.name end,
    arr = excluded.arr,
    currency = excluded.currency,
    csm_name = excluded.csm_name,
    csm_email = excluded.csm_email,
    csm_slack_user_id = excluded.csm_slack_user_id,
    record = case
        when c.erased_at >= excluded.published_at then excluded.record - 'name' - 'primary_contact'
        else excluded.record
    end,
    published_at = excluded.published_at
where c.published_at is null or excluded.published_at >= c.published_at
