-- Two years of everything, up to big.now: big.customers, big.ratings, big.alerts and big.csms say how much.
-- Without any chance: the numbers are spread by primes.

create function pg_temp.many(name text) returns integer language sql stable as $$
    select current_setting('big.' || name)::integer
$$;
create function pg_temp.customer(i integer) returns uuid language sql stable as $$
    select ('00000000-0000-4000-8000-' || lpad(to_hex(1 + (i - 1) % pg_temp.many('customers')), 12, '0'))::uuid
$$;
create function pg_temp.alert(i integer) returns uuid language sql immutable as $$
    select ('a0000000-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid
$$;
create function pg_temp.at(i integer, whole integer) returns timestamptz language sql stable as $$
    select current_setting('big.now')::timestamptz - make_interval(secs => (whole - i) * 63072000.0 / whole)
$$;
create function pg_temp.csm(i integer) returns text language sql stable as $$
    select 'csm' || (1 + (i - 1) % pg_temp.many('customers')) % pg_temp.many('csms') || '@example.com'
$$;
-- One in eight is poor.
create function pg_temp.rating(i integer) returns integer language sql immutable as $$
    select case when i % 8 = 0 then 1 + i / 8 % 2 else 3 + i % 31 % 3 end
$$;

insert into customers (customer_id, name, arr, currency, csm_name, csm_email, record)
select pg_temp.customer(i), 'Customer ' || md5(i::text), i % 997 * 1000, 'USD', 'CSM ' || pg_temp.csm(i), pg_temp.csm(i),
       jsonb_build_object('tier', (array['enterprise', 'growth', 'starter'])[1 + i % 3])
from generate_series(1, pg_temp.many('customers')) i;

insert into tickets (customer_id, ticket_id, ticket_subject, ticket_category, resolution_time_hours, sla_hours,
    first_contact_resolution, assignee, closed_at, answers, rating_sum, low, first_at)
select pg_temp.customer(i), 'T-' || i, 'Subject ' || i % 1000,
       (array['Billing', 'Technical Issue', 'How-to', 'Integrations', 'Account'])[1 + i % 5], 1 + i % 60, 24, i % 3 = 0,
       'Assignee ' || i % 80, at - interval '5 hours', 1, rating, (rating <= 2)::integer, at
from generate_series(1, pg_temp.many('ratings')) i
cross join lateral (select pg_temp.at(i, pg_temp.many('ratings')) as at, pg_temp.rating(i) as rating) t;

insert into support_satisfaction (customer_id, response_id, event_id, ticket_id, rating, feedback, responded_at)
select pg_temp.customer(i), 'T-' || i, 'e-' || i, 'T-' || i,
       pg_temp.rating(i),
       case when i % 3 = 0 then 'The export of report ' || i % 50 || ' was slow, and the sync with the '
           || (array['calendar', 'invoice', 'webhook', 'login'])[1 + i % 4] || ' stopped.' end,
       pg_temp.at(i, pg_temp.many('ratings'))
from generate_series(1, pg_temp.many('ratings')) i;

insert into alerts (alert_id, customer_id, response_id, kind, severity, severity_rank, status, revision, silent,
    occurred_at, detected_at, published_at, fired_at, found_at, record)
select pg_temp.alert(i), pg_temp.customer(i), 'T-' || i,
       case when i % 9 = 0 then 'declining_trend' else 'poor_rating' end,
       (array['critical', 'high', 'medium', 'low'])[1 + i % 4], i % 4,
       case when i % 12 = 0 then 'retracted' else 'firing' end, 1, i % 50 = 0, at, at, at, at, at,
       current_setting('big.record')::jsonb
           || jsonb_build_object('alert_id', pg_temp.alert(i), 'customer_id', pg_temp.customer(i))
from generate_series(1, pg_temp.many('alerts')) i
cross join lateral (select pg_temp.at(i, pg_temp.many('alerts')) as at) t;

insert into deliveries (alert_id, step, workflow, sink, config, state, wanted_revision, shown_revision, severity_rank,
    due_at, created_at, settled_at)
select pg_temp.alert(i), 'support_satisfaction_response/' || sink, 'support_satisfaction_response', sink, '{}',
       case
           when i % 2000 = 0 then 'failed'
           when i % 3000 = 1 then 'unknown'
           when i % 20 = 0 then 'cancelled'
           when i > pg_temp.many('alerts') - 200 then 'due'
           else 'done'
       end,
       1, 1, i % 4, at, at, at
from generate_series(1, pg_temp.many('alerts')) i
cross join lateral (select pg_temp.at(i, pg_temp.many('alerts')) as at) t
cross join unnest(array['slack', 'tasks', 'email']) as sink;

insert into tasks (task_id, alert_id, step, customer_id, title, priority, owner_email, due_at, status, created_at,
    closed_at)
select pg_temp.alert(i), pg_temp.alert(i), 'support_satisfaction_response/tasks', pg_temp.customer(i),
       'Follow up on poor support experience', 'high', pg_temp.csm(i), at + interval '24 hours',
       case when i % 10 = 0 then 'open' else 'done' end, at, case when i % 10 <> 0 then at + interval '9 hours' end
from generate_series(1, pg_temp.many('alerts')) i
cross join lateral (select pg_temp.at(i, pg_temp.many('alerts')) as at) t;

insert into email_drafts (draft_id, version, alert_id, step, customer_id, to_email, subject, body, status, created_at)
select pg_temp.alert(i), 1, pg_temp.alert(i), 'support_satisfaction_response/email', pg_temp.customer(i),
       'dana@example.com', 'Your support case', repeat('I am sorry that this took so long. ', 12), 'draft',
       pg_temp.at(i, pg_temp.many('alerts'))
from generate_series(1, pg_temp.many('alerts')) i;

insert into actions (action_id, alert_id, customer_id, kind, by, at, record)
select pg_temp.alert(i), pg_temp.alert(i), pg_temp.customer(i), kind, pg_temp.csm(i), at,
       jsonb_build_object('action_id', pg_temp.alert(i), 'alert_id', pg_temp.alert(i), 'kind', kind, 'at', at,
           'by', pg_temp.csm(i), 'customer_id', pg_temp.customer(i))
from generate_series(1, pg_temp.many('alerts')) i
cross join lateral (
    select pg_temp.at(i, pg_temp.many('alerts')) + make_interval(hours => 1 + i % 40) as at,
           case when i % 3 = 0 then 'acknowledged' else 'followed_up' end as kind
) t
where i % 10 <> 0;

insert into actions (action_id, alert_id, customer_id, kind, by, at, snoozed_until, record)
select gen_random_uuid(), pg_temp.alert(i), pg_temp.customer(i), 'snoozed', pg_temp.csm(i), now, now + interval '1 day', '{}'
from generate_series(pg_temp.many('alerts') - 2000, pg_temp.many('alerts'), 10) i
cross join lateral (select current_setting('big.now')::timestamptz as now) t;

insert into trends (customer_id, record, published_at, source_offset)
select pg_temp.customer(i),
       jsonb_build_object('customer_id', pg_temp.customer(i), 'as_of', now, 'recent_avg', 3.5, 'recent_n', 5,
           'baseline_avg', 4.2, 'baseline_n', 15, 'since', now, 'drop', case when i % 40 = 0 then 0.3 else 0.02 end,
           'evidence', case when i % 40 = 0 then 'strong' else 'insufficient' end),
       now, i
from generate_series(1, pg_temp.many('customers')) i
cross join lateral (select current_setting('big.now')::timestamptz as now) t;
