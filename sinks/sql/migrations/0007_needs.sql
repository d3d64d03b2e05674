-- The order of the accounts, now with time in it: what nobody takes does not stay on top for ever, what is snoozed is
-- lower until the snooze ends, and a fall is one by the policy's own measure.

-- Until when the alert is snoozed: of several snoozes the last counts.
alter table alerts add column snoozed_until timestamptz;
create function snooze_of(alert uuid) returns timestamptz language sql stable as $$
    select snoozed_until from actions where alert_id = alert and kind = 'snoozed' order by at desc, by desc limit 1
$$;

create or replace function note_actions() returns trigger language plpgsql as $$
begin
    perform from alerts
    where alert_id in (select alert_id from new_rows where has_in_hand(kind) or kind = 'snoozed')
    order by alert_id
    for update;
    update alerts a
    set handled_at = least(a.handled_at, n.handled_at), followed_up_at = least(a.followed_up_at, n.followed_up_at),
        snoozed_until = snooze_of(a.alert_id)
    from (
        select alert_id, min(at) filter (where has_in_hand(kind)) as handled_at,
               min(at) filter (where is_follow_up(kind)) as followed_up_at
        from new_rows
        where has_in_hand(kind) or kind = 'snoozed'
        group by alert_id
    ) n
    where a.alert_id = n.alert_id
      and (a.handled_at, a.followed_up_at, a.snoozed_until) is distinct from (
          least(a.handled_at, n.handled_at), least(a.followed_up_at, n.followed_up_at), snooze_of(a.alert_id)
      );
    return null;
end
$$;
create or replace function find_actions() returns trigger language plpgsql as $$
begin
    select min(at), min(at) filter (where is_follow_up(kind))
    into new.handled_at, new.followed_up_at
    from actions
    where alert_id = new.alert_id and has_in_hand(kind);
    new.snoozed_until := snooze_of(new.alert_id);
    return new;
end
$$;

-- When a trend counts as a fall, by the policy: deliver writes it at its start. A row of a customer or a tier is for
-- them alone; null: for all others.
create table fall_rules (
    customer_id uuid,
    tier text,
    drop numeric not null, -- the share of the baseline that must be lost
    quiet_days integer not null -- so long after the last rating it is one
);
insert into fall_rules (drop, quiet_days) values (0.2, 60);

-- rank, from here on: 0 to 3: the severity of the worst alert that nobody has in hand, one step lower with each week
-- that it waits; 4: only a follow-up is open; 5: the average is falling; 6: only what has waited for weeks is left; 7:
-- nothing, or nothing before a snooze ends. due_at: of the next follow-up that counts.
alter table account_needs
    alter column rank set default 7,
    add column snoozed integer not null default 0, -- of the unattended, those that are snoozed
    add column open_due_at timestamptz, -- of the next open follow-up of all; null: there is none
    add column next_at timestamptz; -- when this row changes by time alone
create index account_needs_snoozed on account_needs (rank, due_at, name, customer_id) where snoozed > 0;
create index account_needs_next on account_needs (next_at) where next_at is not null;

-- How many steps lower an alert or a follow-up has come by waiting since. In hours, here and where next_at is worked out:
-- a week in days is an hour shorter or longer where the clocks change.
create function waited(since timestamptz) returns integer language sql stable as $$
    select greatest(0, floor(extract(epoch from now() - since) / (168 * 3600)))::integer
$$;

create or replace function refresh_needs(ids uuid[]) returns void language plpgsql as $$
begin
    -- Held first, counted after: each count sees all that was committed before the hold.
    perform from account_needs where customer_id = any(ids) order by customer_id for update;
    update account_needs n
    set rank = f.rank, due_at = f.due_at, unattended = f.unattended, snoozed = f.snoozed, open_tasks = f.open_tasks,
        open_due_at = f.open_due_at, falling = f.falling, next_at = f.next_at
    from (
        select k.customer_id, a.unattended, a.snoozed, t.open_tasks, t.open_due_at, coalesce(d.falling, false) as falling,
               coalesce(t.due_at, '9999-01-01T00:00Z') as due_at, least(a.next_at, t.next_at, d.next_at) as next_at,
               case
                   when a.worst < 4 then a.worst
                   when t.counted > 0 then 4
                   when d.falling then 5
                   when a.unattended > a.snoozed or t.waiting > 0 then 6
                   else 7
               end as rank
        from unnest(ids) as k (customer_id)
        cross join lateral (
            select count(*) as unattended,
                   count(*) filter (where e.snoozed) as snoozed,
                   min(e.severity_rank + waited(e.since)) filter (where not e.snoozed) as worst,
                   min(case
                       when e.snoozed then e.since
                       when e.severity_rank + waited(e.since) < 4
                       then e.since + (waited(e.since) + 1) * interval '168 hours'
                   end) as next_at
            from (
                select severity_rank, coalesce(snoozed_until > now(), false) as snoozed,
                       greatest(occurred_at, snoozed_until) as since
                from alerts
                where customer_id = k.customer_id and status in ('firing', 'updated') and not silent
                  and handled_at is null
            ) e
        ) a
        cross join lateral (
            select count(*) as open_tasks, min(e.due_at) as open_due_at,
                   count(*) filter (where not e.snoozed) as waiting,
                   count(*) filter (where not e.snoozed and waited(e.due_at) < 4) as counted,
                   min(e.due_at) filter (where not e.snoozed and waited(e.due_at) < 4) as due_at,
                   min(e.due_at + interval '672 hours') filter (where not e.snoozed and waited(e.due_at) < 4) as next_at
            from (
                select o.due_at, coalesce(l.snoozed_until > now() and l.handled_at is null, false) as snoozed
                from tasks o
                left join alerts l using (alert_id)
                where o.customer_id = k.customer_id and o.status = 'open'
            ) e
        ) t
        left join lateral (
            select e.until > now() as falling, case when e.until > now() then e.until end as next_at
            from (
                select case
                    when round((c.record ->> 'drop')::numeric, 9) > r.drop and c.record ->> 'evidence' <> 'insufficient'
                    then (c.record ->> 'as_of')::timestamptz + make_interval(hours => 24 * r.quiet_days)
                end as until
                from trends c
                join account_needs m using (customer_id)
                cross join lateral (
                    select drop, quiet_days
                    from fall_rules
                    where coalesce(customer_id = c.customer_id, true) and coalesce(tier = m.tier, tier is null)
                    order by customer_id nulls last, tier nulls last
                    limit 1
                ) r
                where c.customer_id = k.customer_id
            ) e
        ) d on true
    ) f
    where n.customer_id = f.customer_id
      and (n.rank, n.due_at, n.unattended, n.snoozed, n.open_tasks, n.open_due_at, n.falling, n.next_at)
          is distinct from
          (f.rank, f.due_at, f.unattended, f.snoozed, f.open_tasks, f.open_due_at, f.falling, f.next_at);
end
$$;

-- Of accounts that have changed by time alone, so many; open pages hear of it. How many there were.
create function refresh_needs_by_time(most integer) returns integer language plpgsql as $$
declare
    ids uuid[] := array(select customer_id from account_needs where next_at <= now() order by next_at limit most);
begin
    perform refresh_needs(ids);
    perform pg_notify('csatwatch_alerts', n.alert_id::text)
    from unnest(ids) k
    cross join lateral (
        select alert_id from alerts where customer_id = k order by occurred_at desc, alert_id limit 1
    ) n;
    return cardinality(ids);
end
$$;

-- An account may have changed its tier, and with it the measure of a fall.
create or replace function accounts_changed() returns trigger language plpgsql as $$
begin
    perform describe_accounts(array(select customer_id from new_rows));
    perform refresh_needs(array(select customer_id from new_rows join trends using (customer_id)));
    return null;
end
$$;

create or replace function rebuild_figures() returns void language plpgsql as $$
begin
    alter table tickets disable trigger user;
    update tickets t
    set answers = s.answers, rating_sum = s.rating_sum, low = s.low, first_at = s.first_at
    from (
        select customer_id, ticket_id, count(*) as answers, sum(rating) as rating_sum,
               count(*) filter (where rating <= 2) as low, min(responded_at) as first_at
        from support_satisfaction
        group by customer_id, ticket_id
    ) s
    where t.customer_id = s.customer_id
      and t.ticket_id = s.ticket_id
      and (t.answers, t.rating_sum, t.low, t.first_at) is distinct from (s.answers, s.rating_sum, s.low, s.first_at);
    alter table tickets enable trigger user;
    delete from support_months;
    for part in 0..15 loop -- an array of all would be large
        perform add_figures(1, array(
            select f from tickets t, figures_of(t) f where (hashtext(t.ticket_id) & 15) = part
        ));
    end loop;
    alter table alerts disable trigger user;
    update alerts a
    set handled_at = n.handled_at, followed_up_at = n.followed_up_at, snoozed_until = snooze_of(a.alert_id)
    from (
        select alert_id, min(at) filter (where has_in_hand(kind)) as handled_at,
               min(at) filter (where is_follow_up(kind)) as followed_up_at
        from actions
        where has_in_hand(kind) or kind = 'snoozed'
        group by alert_id
    ) n
    where a.alert_id = n.alert_id;
    alter table alerts enable trigger user;
    insert into alert_revisions (alert_id, revision, status, severity, rating, detected_at, published_at)
    select alert_id, revision, status, severity, (record ->> 'rating')::smallint, detected_at, published_at
    from alerts
    on conflict do nothing;
    perform describe_accounts(array(select customer_id from customers));
    perform refresh_needs(array(select customer_id from customers));
end
$$;

alter table alerts disable trigger user;
update alerts set snoozed_until = snooze_of(alert_id)
where alert_id in (select alert_id from actions where kind = 'snoozed');
alter table alerts enable trigger user;
select refresh_needs(array(select customer_id from customers));
