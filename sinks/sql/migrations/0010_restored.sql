-- What a restore from a backup leaves unknown, what steps wait for by themselves, and the traces that alerts belong to.

-- Each time that the topics were to be read again from `back_to` on. What was published before `rewound_at` may have been
-- carried out already, by the database that is lost.
create table rewinds (
    rewound_at timestamptz primary key default now(),
    back_to timestamptz not null
);
alter table deliveries
    add column restored boolean not null default false, -- its destination may show it, though no row says so
    add column held_until timestamptz; -- until when it was held back although nothing failed
alter table alerts add column traceparent text; -- W3C trace context of what recorded it; null: it is not traced
