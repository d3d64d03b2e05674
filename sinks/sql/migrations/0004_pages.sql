-- What the pages sort, count and follow along by, kept by triggers as the rows change: no page adds up years of rows.
-- Each trigger works on a whole statement's rows, and holds rows in the order of their keys.

-- Since when somebody has an alert in hand, and since when its customer has heard of us.
alter table alerts add column handled_at timestamptz, add column followed_up_at timestamptz;

create function has_in_hand(kind text) returns boolean language sql immutable as $$
    select kind in ('acknowledged', 'followed_up', 'not_useful', 'email_sent', 'call_scheduled', 'coordinated')
$$;
create function is_follow_up(kind text) returns boolean language sql immutable as $$
    select kind in ('followed_up', 'email_sent', 'call_scheduled')
$$;

create function note_actions() returns trigger language plpgsql as $$
begin
    perform from alerts
    where alert_id in (select alert_id from new_rows where has_in_hand(kind))
    order by alert_id
    for update;
    update alerts a
    set handled_at = least(a.handled_at, n.handled_at), followed_up_at = least(a.followed_up_at, n.followed_up_at)
    from (
        select alert_id, min(at) as handled_at, min(at) filter (where is_follow_up(kind)) as followed_up_at
        from new_rows
        where has_in_hand(kind)
        group by alert_id
    ) n
    where a.alert_id = n.alert_id
      and (
          a.handled_at is distinct from least(a.handled_at, n.handled_at)
          or a.followed_up_at is distinct from least(a.followed_up_at, n.followed_up_at)
      );
    return null;
end
$$;
create trigger note_actions after insert on actions referencing new table as new_rows
    for each statement execute function note_actions();

-- An alert may come after what was done with it, when the topics are read again.
create function find_actions() returns trigger language plpgsql as $$
begin
    select min(at), min(at) filter (where is_follow_up(kind))
    into new.handled_at, new.followed_up_at
    from actions
    where alert_id = new.alert_id and has_in_hand(kind);
    return new;
end
$$;
create trigger find_actions before insert on alerts for each row execute function find_actions();

-- An alert's revisions: alerts has the newest alone. Without anybody's words.
create table alert_revisions (
    alert_id uuid not null references alerts on delete cascade,
    revision integer not null,
    status text not null,
    severity text not null,
    rating smallint,
    detected_at timestamptz not null,
    published_at timestamptz not null,
    primary key (alert_id, revision)
);
create function keep_revision() returns trigger language plpgsql as $$
begin
    insert into alert_revisions (alert_id, revision, status, severity, rating, detected_at, published_at)
    values (
        new.alert_id, new.revision, new.status, new.severity, (new.record ->> 'rating')::smallint, new.detected_at,
        new.published_at
    )
    on conflict do nothing;
    return null;
end
$$;
create trigger keep_revision after insert or update of revision on alerts for each row execute function keep_revision();

drop index alerts_of_customer;
create index alerts_of_customer on alerts (customer_id, occurred_at desc, alert_id); -- with the id: read without the rows
create index alerts_unattended on alerts (customer_id, severity_rank)
    where status in ('firing', 'updated') and not silent and handled_at is null;
create index alerts_followed on alerts (occurred_at) include (handled_at, followed_up_at)
    where kind = 'poor_rating' and status in ('firing', 'updated') and not silent;
create index alerts_waiting on alerts (occurred_at, alert_id)
    where kind = 'poor_rating' and status in ('firing', 'updated') and not silent and handled_at is null;
create index alerts_digests on alerts (lower(record #>> '{csm,email}'), occurred_at desc, alert_id)
    where kind = 'weekly_digest';
create index tasks_of_customer on tasks (customer_id, status, due_at, task_id);
create index tasks_of_owner on tasks ((coalesce(owner_email, '')), status, due_at, task_id);
create index tasks_by_status on tasks (status, due_at, task_id);
create index deliveries_by_state on deliveries (state, created_at desc, alert_id desc, step desc);
create index drafts_of_alert on email_drafts (alert_id, created_at);
create index actions_of_customer on actions (customer_id, at desc);
create index poor_ratings on support_satisfaction (responded_at desc, id) where rating <= 2;
create index ratings_of_ticket on support_satisfaction (customer_id, ticket_id);

-- The accounts in the order in which they need somebody, and what finds them.
create extension if not exists pg_trgm;
create table account_needs (
    customer_id uuid primary key references customers on delete cascade,
    csm_email text, -- in lower case
    tier text,
    name text not null default '', -- in lower case, to sort by
    found_by text not null default '', -- what a search looks in
    -- 0 to 3: the severity of the worst alert that nobody has in hand; 4: only a follow-up is open; 5: the average is
    -- falling; 6: nothing.
    rank smallint not null default 6,
    due_at timestamptz not null default '9999-01-01T00:00Z', -- of the next open follow-up; that: there is none
    unattended integer not null default 0,
    open_tasks integer not null default 0,
    falling boolean not null default false
);
create index account_needs_order on account_needs (rank, due_at, name, customer_id);
create index account_needs_of_csm on account_needs (csm_email, rank, due_at, name, customer_id);
create index account_needs_of_tier on account_needs (tier, rank, due_at, name, customer_id);
create index account_needs_found on account_needs using gin (found_by gin_trgm_ops);

create function refresh_needs(ids uuid[]) returns void language plpgsql as $$
begin
    -- Held first, counted after: each count sees all that was committed before the hold.
    perform from account_needs where customer_id = any(ids) order by customer_id for update;
    update account_needs n
    set rank = f.rank, due_at = f.due_at, unattended = f.unattended, open_tasks = f.open_tasks, falling = f.falling
    from (
        select k.customer_id, a.unattended, t.open_tasks, coalesce(d.falling, false) as falling,
               coalesce(t.due_at, '9999-01-01T00:00Z') as due_at,
               case
                   when a.unattended > 0 then a.worst
                   when t.open_tasks > 0 then 4
                   when d.falling then 5
                   else 6
               end as rank
        from unnest(ids) as k (customer_id)
        cross join lateral (
            select count(*) as unattended, min(severity_rank) as worst
            from alerts
            where customer_id = k.customer_id and status in ('firing', 'updated') and not silent and handled_at is null
        ) a
        cross join lateral (
            select count(*) as open_tasks, min(due_at) as due_at
            from tasks
            where customer_id = k.customer_id and status = 'open'
        ) t
        left join lateral (
            select (record ->> 'drop')::double precision > 0.2 and record ->> 'evidence' in ('strong', 'weak') as falling
            from trends
            where customer_id = k.customer_id
        ) d on true
    ) f
    where n.customer_id = f.customer_id
      and (n.rank, n.due_at, n.unattended, n.open_tasks, n.falling)
          is distinct from (f.rank, f.due_at, f.unattended, f.open_tasks, f.falling);
end
$$;

create function needs_of_new() returns trigger language plpgsql as $$
begin
    perform refresh_needs(array(select distinct customer_id from new_rows where customer_id is not null));
    return null;
end
$$;
create function needs_of_old() returns trigger language plpgsql as $$
begin
    perform refresh_needs(array(select distinct customer_id from old_rows where customer_id is not null));
    return null;
end
$$;
create trigger needs_insert after insert on alerts referencing new table as new_rows
    for each statement execute function needs_of_new();
create trigger needs_update after update on alerts referencing new table as new_rows
    for each statement execute function needs_of_new();
create trigger needs_delete after delete on alerts referencing old table as old_rows
    for each statement execute function needs_of_old();
create trigger needs_insert after insert on tasks referencing new table as new_rows
    for each statement execute function needs_of_new();
create trigger needs_update after update on tasks referencing new table as new_rows
    for each statement execute function needs_of_new();
create trigger needs_delete after delete on tasks referencing old table as old_rows
    for each statement execute function needs_of_old();
create trigger needs_insert after insert on trends referencing new table as new_rows
    for each statement execute function needs_of_new();
create trigger needs_update after update on trends referencing new table as new_rows
    for each statement execute function needs_of_new();
create trigger needs_delete after delete on trends referencing old table as old_rows
    for each statement execute function needs_of_old();

create function describe_accounts(ids uuid[]) returns void language sql as $$
    insert into account_needs as n (customer_id, csm_email, tier, name, found_by)
    select customer_id, lower(csm_email), nullif(record ->> 'tier', ''), lower(coalesce(name, '')),
           concat_ws(' ', name, csm_name, csm_email, customer_id::text)
    from customers
    where customer_id = any(ids)
    order by customer_id
    on conflict (customer_id) do update
    set csm_email = excluded.csm_email, tier = excluded.tier, name = excluded.name, found_by = excluded.found_by
    where (n.csm_email, n.tier, n.name, n.found_by)
        is distinct from (excluded.csm_email, excluded.tier, excluded.name, excluded.found_by)
$$;
create function accounts_came() returns trigger language plpgsql as $$
begin
    perform describe_accounts(array(select customer_id from new_rows));
    -- A trend may be ahead of its customer.
    perform refresh_needs(array(select customer_id from new_rows join trends using (customer_id)));
    return null;
end
$$;
create function accounts_changed() returns trigger language plpgsql as $$
begin
    perform describe_accounts(array(select customer_id from new_rows));
    return null;
end
$$;
create trigger describe_insert after insert on customers referencing new table as new_rows
    for each statement execute function accounts_came();
create trigger describe_update after update on customers referencing new table as new_rows
    for each statement execute function accounts_changed();

-- What a ticket's answers come to, beside the ticket.
alter table tickets
    add column answers integer not null default 0,
    add column rating_sum integer not null default 0,
    add column low integer not null default 0, -- ratings of 1 or 2
    add column first_at timestamptz; -- the earliest answer

-- Counted anew each time: one statement can add an answer to a ticket and change another one of it.
create function recount_answers(customers uuid[], ids text[]) returns void language plpgsql as $$
begin
    perform from tickets
    where (customer_id, ticket_id) in (select * from unnest(customers, ids))
    order by customer_id, ticket_id
    for update;
    update tickets t
    set answers = s.answers, rating_sum = s.rating_sum, low = s.low, first_at = s.first_at
    from (select distinct * from unnest(customers, ids) as u (customer_id, ticket_id)) k
    cross join lateral (
        select count(*) as answers, coalesce(sum(rating), 0) as rating_sum, count(*) filter (where rating <= 2) as low,
               min(responded_at) as first_at
        from support_satisfaction
        where customer_id = k.customer_id and ticket_id = k.ticket_id
    ) s
    where t.customer_id = k.customer_id and t.ticket_id = k.ticket_id;
end
$$;
create function add_answers() returns trigger language plpgsql as $$
begin
    perform recount_answers(
        (select array_agg(customer_id) from new_rows), (select array_agg(ticket_id) from new_rows)
    );
    return null;
end
$$;
create trigger add_answers after insert on support_satisfaction referencing new table as new_rows
    for each statement execute function add_answers();
create function change_answers() returns trigger language plpgsql as $$
declare
    customers uuid[];
    ids text[];
begin
    select array_agg(c.customer_id), array_agg(c.ticket_id)
    into customers, ids
    from old_rows o
    join new_rows n using (id)
    cross join lateral (values (o.customer_id, o.ticket_id), (n.customer_id, n.ticket_id)) as c (customer_id, ticket_id)
    where (o.ticket_id, o.rating, o.responded_at) is distinct from (n.ticket_id, n.rating, n.responded_at);
    if customers is not null then
        perform recount_answers(customers, ids);
    end if;
    return null;
end
$$;
create trigger change_answers after update on support_satisfaction
    referencing old table as old_rows new table as new_rows
    for each statement execute function change_answers();
create function drop_answers() returns trigger language plpgsql as $$
begin
    perform recount_answers(
        (select array_agg(customer_id) from old_rows), (select array_agg(ticket_id) from old_rows)
    );
    return null;
end
$$;
create trigger drop_answers after delete on support_satisfaction referencing old table as old_rows
    for each statement execute function drop_answers();

-- The figures of 0002, now without looking at the answers one by one.
drop view support_by_month;
create view support_by_month as
select
    customer_id,
    ticket_category,
    date_trunc('month', coalesce(closed_at, first_at) at time zone 'UTC')::date as month,
    count(*) as tickets,
    count(*) filter (where answers > 0) as answered,
    sum(answers)::bigint as answers,
    sum(rating_sum)::bigint as rating_sum,
    sum(low)::bigint as low,
    count(resolution_time_hours) as resolved,
    coalesce(sum(resolution_time_hours), 0) as resolution_hours,
    count(resolution_time_hours + sla_hours) as sla_known,
    count(*) filter (where resolution_time_hours > sla_hours) as sla_broken,
    count(first_contact_resolution) as first_contact_known,
    count(*) filter (where first_contact_resolution) as first_contact,
    count(*) filter (where was_escalated) as escalated
from tickets
where closed_at is not null or answers > 0
group by customer_id, ticket_category, month;

-- The same of all customers together, added up as the tickets change. A writer has a shard of its own, as near as may
-- be, so that writers do not wait for each other: a reader adds the shards up.
create table support_months (
    month date not null,
    category text not null, -- "" where none is known
    shard smallint not null,
    tickets bigint not null,
    answered bigint not null,
    answers bigint not null,
    rating_sum bigint not null,
    low bigint not null,
    resolved bigint not null,
    resolution_hours numeric not null,
    sla_known bigint not null,
    sla_broken bigint not null,
    first_contact_known bigint not null,
    first_contact bigint not null,
    escalated bigint not null,
    primary key (month, category, shard)
);
create type ticket_figures as (
    month date, category text, answers integer, rating_sum integer, low integer, hours numeric, sla_known boolean,
    sla_broken boolean, first_contact boolean, escalated boolean
);
-- One row; a function that gives rows is taken into the query that asks for them, and costs no call a ticket.
create function figures_of(t tickets) returns setof ticket_figures language sql immutable rows 1 as $$
    select date_trunc('month', coalesce(t.closed_at, t.first_at) at time zone 'UTC')::date,
           coalesce(t.ticket_category, ''), t.answers, t.rating_sum, t.low, t.resolution_time_hours::numeric,
           t.resolution_time_hours is not null and t.sla_hours is not null,
           coalesce(t.resolution_time_hours > t.sla_hours, false), t.first_contact_resolution,
           coalesce(t.was_escalated, false)
$$;
create function add_figures(sign integer, figures ticket_figures[]) returns void language sql as $$
    insert into support_months as m (
        month, category, shard, tickets, answered, answers, rating_sum, low, resolved, resolution_hours, sla_known,
        sla_broken, first_contact_known, first_contact, escalated
    )
    select month, category, pg_backend_pid() % 16, sign * count(*), sign * count(*) filter (where answers > 0),
           sign * sum(answers), sign * sum(rating_sum), sign * sum(low), sign * count(hours),
           sign * coalesce(sum(hours), 0), sign * count(*) filter (where sla_known),
           sign * count(*) filter (where sla_broken), sign * count(first_contact),
           sign * count(*) filter (where first_contact), sign * count(*) filter (where escalated)
    from unnest(figures)
    where month is not null
    group by month, category
    order by month, category
    on conflict (month, category, shard) do update set
        tickets = m.tickets + excluded.tickets,
        answered = m.answered + excluded.answered,
        answers = m.answers + excluded.answers,
        rating_sum = m.rating_sum + excluded.rating_sum,
        low = m.low + excluded.low,
        resolved = m.resolved + excluded.resolved,
        resolution_hours = m.resolution_hours + excluded.resolution_hours,
        sla_known = m.sla_known + excluded.sla_known,
        sla_broken = m.sla_broken + excluded.sla_broken,
        first_contact_known = m.first_contact_known + excluded.first_contact_known,
        first_contact = m.first_contact + excluded.first_contact,
        escalated = m.escalated + excluded.escalated
$$;
create function tickets_came() returns trigger language plpgsql as $$
begin
    perform add_figures(1, array(select f from new_rows n, figures_of(n::tickets) f));
    return null;
end
$$;
create function tickets_went() returns trigger language plpgsql as $$
begin
    perform add_figures(-1, array(select f from old_rows o, figures_of(o::tickets) f));
    return null;
end
$$;
create function tickets_changed() returns trigger language plpgsql as $$
begin
    -- What is the same before and after cancels out.
    perform add_figures(-1, array(
        select f from old_rows o, figures_of(o::tickets) f except all select f from new_rows n, figures_of(n::tickets) f
    ));
    perform add_figures(1, array(
        select f from new_rows n, figures_of(n::tickets) f except all select f from old_rows o, figures_of(o::tickets) f
    ));
    return null;
end
$$;
create trigger figures_insert after insert on tickets referencing new table as new_rows
    for each statement execute function tickets_came();
create trigger figures_update after update on tickets referencing old table as old_rows new table as new_rows
    for each statement execute function tickets_changed();
create trigger figures_delete after delete on tickets referencing old table as old_rows
    for each statement execute function tickets_went();

-- Pages that are open hear of tasks, drafts and actions as of alerts.
create trigger announce_task after insert or update of status, due_at on tasks
    for each row execute function announce_alert();
create trigger announce_draft after insert or update of status on email_drafts
    for each row execute function announce_alert();
create trigger announce_action after insert on actions for each row execute function announce_alert();

-- All of it from the rows that are there: at the migration, and after rows were written with the triggers off.
create function rebuild_figures() returns void language plpgsql as $$
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
    set handled_at = n.handled_at, followed_up_at = n.followed_up_at
    from (
        select alert_id, min(at) as handled_at, min(at) filter (where is_follow_up(kind)) as followed_up_at
        from actions
        where has_in_hand(kind)
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
select rebuild_figures();
