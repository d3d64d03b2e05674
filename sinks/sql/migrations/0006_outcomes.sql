-- Whether alerts help: how each was when it first fired, and the figures as they were last worked out.

-- A later revision moves occurred_at and detected_at on.
alter table alerts add column fired_at timestamptz, add column found_at timestamptz;
update alerts a
set fired_at = a.occurred_at, found_at = coalesce(
    (select r.detected_at from alert_revisions r where r.alert_id = a.alert_id order by r.revision limit 1), a.detected_at
);
create function note_firing() returns trigger language plpgsql as $$
begin
    new.fired_at := new.occurred_at;
    new.found_at := new.detected_at;
    return new;
end
$$;
create trigger note_firing before insert on alerts for each row execute function note_firing();
create index alerts_fired on alerts (fired_at) where kind <> 'weekly_digest';

-- Worked out once a day, for the page: it takes longer than a page may.
create table outcomes (
    as_of timestamptz primary key,
    record jsonb not null
);
