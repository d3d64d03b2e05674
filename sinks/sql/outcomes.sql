-- What is known of alerts and of their customers, to tell whether alerts help.

-- name: fired
-- Alerts that first fired within a time and were not taken back. $1: since, $2: up to.
select a.alert_id, a.customer_id, a.kind, a.fired_at, a.found_at, h.held_out, a.silent and not h.held_out as silent,
    h.held_out and exists (select from deliveries where alert_id = a.alert_id and shown_revision > 0) as shown,
    a.followed_up_at, coalesce((a.record #>> '{customer,arr}')::double precision, c.arr::double precision) as arr,
    coalesce(a.record #>> '{customer,currency}', c.currency) as currency
from alerts a
join customers c using (customer_id)
cross join lateral (select coalesce(a.record #>> '{route,to}' = 'holdout', false) as held_out) h
where a.kind <> 'weekly_digest' and a.fired_at > $1 and a.fired_at <= $2 and a.status <> 'retracted'
order by a.customer_id, a.fired_at, a.alert_id

-- name: around
-- What windows on customers' histories hold, in their order. $1: customers. $2: since. $3: began. $4: after. $5: until.
select b.n as before_n, b.total as before_sum, f.n as after_n, f.total as after_sum, e.escalated_at
from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[]) with ordinality
    as w (customer_id, since, began_at, after, until, place)
cross join lateral (
    select count(*) as n, coalesce(sum(rating), 0)::bigint as total
    from support_satisfaction
    where customer_id = w.customer_id and responded_at > w.since and responded_at <= w.began_at
) b
cross join lateral (
    select count(*) as n, coalesce(sum(rating), 0)::bigint as total
    from support_satisfaction
    where customer_id = w.customer_id and responded_at > w.after and responded_at <= w.until
) f
cross join lateral (
    select min(at) as escalated_at
    from (
        select coalesce(escalated_at, case when was_escalated then closed_at end) as at
        from tickets
        where customer_id = w.customer_id
    ) t
    where at > w.began_at and at <= w.until
) e
order by w.place

-- name: missed
-- Poor ratings of a time without any alert. $1: since, $2: up to, $3: of at most.
select count(*)
from support_satisfaction s
where s.responded_at > $1 and s.responded_at <= $2 and s.rating <= $3
  and not exists (
      select from alerts
      where customer_id = s.customer_id and response_id = s.response_id and kind = 'poor_rating'
  )

-- name: spells
-- Each customer's ratings in two spans. $1: the first begins, $2: the second begins, $3: it ends.
select customer_id,
    count(*) filter (where responded_at <= $2) as before_n,
    coalesce(sum(rating) filter (where responded_at <= $2), 0)::bigint as before_sum,
    count(*) filter (where responded_at > $2) as recent_n,
    coalesce(sum(rating) filter (where responded_at > $2), 0)::bigint as recent_sum
from support_satisfaction
where responded_at > $1 and responded_at <= $3
group by customer_id
order by customer_id

-- name: keep
-- The figures of a moment, and no others of long ago. $1: as of, $2: the record, $3: what is older goes.
with gone as (delete from outcomes where as_of < $3)
insert into outcomes (as_of, record) values ($1, $2::jsonb)
on conflict (as_of) do nothing

-- name: last
-- When figures were last kept.
select max(as_of) from outcomes

-- name: lock
-- Whether this transaction is the one that works them out.
select pg_try_advisory_xact_lock(hashtextextended('csatwatch outcomes', 0))
