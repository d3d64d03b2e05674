-- One page of accounts, who needs somebody first. $1: a CSM's e-mail in lower case; $2: a tier; $3: alerts, snoozed,
-- follow-ups, overdue or falling; $4: a part of a name, of a CSM's name or e-mail, or of an id, as a LIKE pattern; each null for all.
-- $5: now; $6 to $9: the last account of the page before, or all null; $10: how many.
with page as (
    select customer_id, rank, due_at, name as position, unattended, snoozed, open_tasks, open_due_at, falling
    from account_needs
    where ($1::text is null or csm_email = $1)
      and ($2::text is null or tier = $2)
      and ($3::text is null or case $3
          when 'alerts' then unattended > snoozed
          when 'snoozed' then snoozed > 0
          when 'follow-ups' then open_tasks > 0
          when 'overdue' then open_due_at < $5::timestamptz
          else falling
      end)
      and ($4::text is null or found_by ilike $4)
      and ($6::smallint is null or (rank, due_at, name, customer_id) > ($6, $7::timestamptz, $8::text, $9::uuid))
    order by rank, due_at, name, customer_id
    limit $10
)
select p.customer_id, p.rank, p.due_at, p.position, p.open_tasks, p.open_due_at, p.falling,
       c.name, c.arr, c.currency, c.csm_name, c.csm_email, c.record ->> 'tier' as tier,
       t.record ->> 'evidence' as evidence, a.waiting, a.worst, a.newest_alert_at,
       a.snoozed, a.snoozed_until,
       r.recent, r.recent_n, r.before, r.before_n, r.newest_at, w.weeks
from page p
join customers c using (customer_id)
left join trends t using (customer_id)
cross join lateral (
    select count(*) filter (where not e.snoozed) as waiting,
           count(*) filter (where e.snoozed) as snoozed,
           min(severity_rank) filter (where not e.snoozed) as worst,
           max(occurred_at) filter (where not e.snoozed) as newest_alert_at,
           min(snoozed_until) filter (where e.snoozed) as snoozed_until
    from alerts
    cross join lateral (select coalesce(snoozed_until > $5::timestamptz, false) as snoozed) e
    where customer_id = p.customer_id and status in ('firing', 'updated') and not silent and handled_at is null
) a
cross join lateral (
    select (avg(s.rating) filter (where s.responded_at > $5::timestamptz - interval '30 days'))::double precision as recent,
           count(*) filter (where s.responded_at > $5::timestamptz - interval '30 days') as recent_n,
           (avg(s.rating) filter (where s.responded_at <= $5::timestamptz - interval '30 days'))::double precision as before,
           count(*) filter (where s.responded_at <= $5::timestamptz - interval '30 days') as before_n,
           max(s.responded_at) as newest_at
    from support_satisfaction s
    where s.customer_id = p.customer_id and s.responded_at > $5::timestamptz - interval '120 days'
) r
cross join lateral (
    select jsonb_agg(jsonb_build_array(week, average) order by week desc) as weeks
    from (
        select floor(extract(epoch from $5::timestamptz - s.responded_at) / 604800)::integer as week,
               round(avg(s.rating), 2) as average
        from support_satisfaction s
        where s.customer_id = p.customer_id and s.responded_at > $5::timestamptz - interval '182 days'
        group by 1
    ) each
    where week >= 0
) w
order by p.rank, p.due_at, p.position, p.customer_id
