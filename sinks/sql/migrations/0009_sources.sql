-- Survey sources: how far each was read, and the ways from an answer to its customer.

-- Written by `csatwatch poll`, which holds an advisory lock of the source meanwhile.
create table source_polls (
    source text primary key,
    read_to timestamptz not null,
    polled_at timestamptz not null default now()
);

create index tickets_by_number on tickets (ticket_id);
create index customers_by_contact on customers (lower(record #>> '{primary_contact,email}'))
    where lower(record #>> '{primary_contact,email}') is not null;
create index customers_by_domain on customers (split_part(lower(record #>> '{primary_contact,email}'), '@', 2))
    where split_part(lower(record #>> '{primary_contact,email}'), '@', 2) is not null;
create index support_satisfaction_by_contact on support_satisfaction (lower(contact ->> 'email'))
    where lower(contact ->> 'email') is not null;
