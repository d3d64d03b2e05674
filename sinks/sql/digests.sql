-- The weekly digest: trends in, digests out.

-- name: upsert_trends
-- $1: a list of rows, a customer at most once, in the order of the keys.
insert into trends as t (customer_id, record, published_at, source_offset)
select customer_id, record, published_at, source_offset
from jsonb_to_recordset($1::jsonb) as (
    customer_id uuid, record jsonb, published_at timestamptz, source_offset bigint
)
order by customer_id
on conflict (customer_id) do update
set record = excluded.record, published_at = excluded.published_at, source_offset = excluded.source_offset
where (excluded.published_at, excluded.source_offset) > (t.published_at, t.source_offset)

-- name: delete_trends
-- $1: ids. $2: the broker's times of the deletions. $3: their offsets. A newer trend stays.
delete from trends t
using unnest($1::uuid[], $2::timestamptz[], $3::bigint[]) as d (customer_id, published_at, source_offset)
where t.customer_id = d.customer_id and (t.published_at, t.source_offset) < (d.published_at, d.source_offset)

-- name: csms
-- Everybody who has an account, by e-mail.
select distinct lower(csm_email) as email from customers where csm_email is not null order by email

-- name: plan
-- The digests of a week that is due, for the CSMs of one time zone. $1: week, $2: time zone, $3: due at, $4: ids, $5:
-- e-mails. Nothing where somebody planned it before, or where it was due before this database could have any.
with planned as (
    insert into digest_weeks (week, time_zone, due_at)
    select $1, $2, $3::timestamptz
    where $3::timestamptz > (select applied_at from migrations where name = '0003_digests.sql')
    on conflict do nothing
    returning week
)
insert into digests (alert_id, csm_email, week, due_at)
select id, email, $1, $3
from planned, unnest($4::uuid[], $5::text[]) as c (id, email)
order by email
on conflict do nothing
returning alert_id

-- name: drop_missed
-- Digests that were not through when the next was due: only the last counts. $1: e-mails, $2: since when the next is due.
delete from digests
where csm_email = any($1::text[])
  and due_at < $2
  and (made_at is null or record is not null and published_at is null)

-- name: has_planned
-- Whether any is still to be made.
select exists (select from digests where made_at is null)

-- name: next_to_make
-- One that is planned, held to the end of the transaction; another worker gets another one. $1: ids to pass over.
select alert_id, csm_email, week, due_at from digests
where made_at is null and alert_id <> all($1::uuid[])
order by due_at, csm_email
limit 1
for update skip locked

-- name: make
-- $1: id, $2: now, $3: the record, null where there is nothing to say.
update digests set made_at = $2, record = $3::jsonb where alert_id = $1

-- name: to_publish
-- Made and not acknowledged, held to the end of the transaction; another worker gets others. $1: at most.
select alert_id, csm_email, record from digests
where record is not null and published_at is null
order by made_at, csm_email
limit $1
for update skip locked

-- name: published
-- $1: ids, $2: now.
update digests set published_at = $2 where alert_id = any($1::uuid[])

-- name: standing
-- How far all are: the hour of the last digest that is through, and how many are not.
select
    max(due_at) filter (where made_at is not null and (record is null or published_at is not null)) as last_due_at,
    count(*) filter (where made_at is null or record is not null and published_at is null) as waiting
from digests

-- name: csm
-- The person as the account that was published last has it. $1: e-mail.
select csm_name as name, csm_email as email, csm_slack_user_id as slack_user_id from customers
where lower(csm_email) = $1
order by published_at desc nulls last, customer_id
limit 1

-- name: accounts
-- The accounts of a CSM with what is known of each. $1: e-mail.
select c.customer_id, c.name, c.arr::double precision as arr, c.currency, c.record ->> 'tier' as tier,
    c.record ->> 'renewal_at' as renewal_at, c.created_at as known_since, t.record as trend,
    s.last_rating_at, k.last_ticket_at
from customers c
left join trends t using (customer_id)
cross join lateral (
    select max(responded_at) as last_rating_at from support_satisfaction where customer_id = c.customer_id
) s
cross join lateral (
    select max(greatest(closed_at, escalated_at)) as last_ticket_at from tickets where customer_id = c.customer_id
) k
where lower(c.csm_email) = $1
order by c.customer_id

-- name: open_alerts
-- The alerts of a CSM's accounts that still stand, with what people did about each. $1: e-mail. $2: older ones only
-- with an open task. $3: kinds of actions after which somebody has seen it. $4: those by which the customer heard of us.
select a.customer_id, a.kind, a.severity, a.occurred_at, (a.record ->> 'rating')::integer as rating,
    t.due_at as task_due_at, coalesce(d.seen, false) as seen, d.followed_up_at
from customers c
join alerts a using (customer_id)
left join lateral (
    select min(due_at) as due_at from tasks where alert_id = a.alert_id and status = 'open'
) t on true
left join lateral (
    select bool_or(kind = any($3::text[])) as seen, max(at) filter (where kind = any($4::text[])) as followed_up_at
    from actions where alert_id = a.alert_id
) d on true
where lower(c.csm_email) = $1
  and a.status in ('firing', 'updated')
  and not a.silent
  and (a.occurred_at >= $2 or t.due_at is not null)
order by a.customer_id, a.occurred_at, a.alert_id

-- name: recovered
-- The last resolved alert on each account's trend. $1: the CSM's e-mail. $2: resolved since.
select distinct on (a.customer_id) a.customer_id, a.detected_at, a.record -> 'trend' as trend
from customers c
join alerts a using (customer_id)
where lower(c.csm_email) = $1
  and a.kind = 'declining_trend'
  and a.status = 'resolved'
  and not a.silent
  and a.detected_at >= $2
order by a.customer_id, a.detected_at desc
