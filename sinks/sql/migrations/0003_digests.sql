-- The weekly digest: customers' trends, which digests are due, and how far each is. All of it is written by `deliver`.

-- The last trend of each customer, from csat-trends.
create table trends (
    customer_id uuid primary key, -- may be ahead of its row in customers
    record jsonb not null, -- as on the topic
    published_at timestamptz not null, -- the broker's time of the record: an older one never overwrites a newer one
    source_offset bigint not null -- of two at one time the later
);

-- The weeks whose digests were planned, for the CSMs of one time zone at a time: nobody who becomes a CSM later in the
-- week gets one, and a week that nobody planned before the next was due is left out.
create table digest_weeks (
    week text not null, -- of ISO 8601, as 2026-W20
    time_zone text not null,
    due_at timestamptz not null,
    planned_at timestamptz not null default now(),
    primary key (week, time_zone)
);

-- One digest a CSM a week: planned, then made, then published to alerts. Each stage is found again after a crash.
create table digests (
    alert_id uuid primary key,
    csm_email text not null, -- in lower case
    week text not null,
    due_at timestamptz not null,
    made_at timestamptz, -- null: planned only
    record jsonb, -- as on the topic; null once it is made: there was nothing to say
    published_at timestamptz, -- null: not acknowledged by the broker yet
    unique (csm_email, week)
);
create index digests_to_make on digests (due_at) where made_at is null;
create index digests_to_publish on digests (made_at) where record is not null and published_at is null;
create index customers_by_csm on customers (lower(csm_email)) where csm_email is not null;

-- A digest is about a CSM and a week, and no customer.
alter table alerts alter column customer_id drop not null;
alter table alerts alter column response_id drop not null;
alter table alerts add constraint alerts_about check (
    (kind = 'weekly_digest') = (customer_id is null) and (customer_id is null) = (response_id is null)
);
