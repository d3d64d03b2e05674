-- Forgetting what customers said. Who was erased when is noted first; what follows from it is in 0005_privacy.sql.

-- name: note_people
-- People of customers. $1: customers. $2: kinds of what tells them apart, id or email. $3: the ids and addresses. $4: the
-- broker's times.
insert into erased_people as p (customer_id, person, erased_at)
select customer_id, person_hash(kind, value), max(at)
from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) as e (customer_id, kind, value, at)
group by 1, 2
order by 1, 2
on conflict (customer_id, person) do update set erased_at = greatest(p.erased_at, excluded.erased_at)

-- name: any_erased
-- Whether any of these customers, or of their people, was erased. $1: ids.
select exists (select from customers where customer_id = any($1::uuid[]) and erased_at is not null)
    or exists (select from erased_people where customer_id = any($1::uuid[]))

-- name: forget_answers
-- The answers of people who were erased, and the subjects of their tickets: what was said of those before counts no
-- longer. $1: customers.
with forgotten as (
    update support_satisfaction s
    set feedback = null, contact = null, ticket_subject = null
    where customer_id = any($1::uuid[])
      and contact is not null
      and least(responded_at, published_at) <= person_erased_at(customer_id, contact)
    returning customer_id, ticket_id
)
update tickets t
set ticket_subject = null,
    assignee = null,
    said_at = t.said_at || jsonb_build_object('ticket_subject', e.at, 'assignee', e.at)
from (
    select distinct f.customer_id, f.ticket_id, floor(extract(epoch from m.at) * 1000000)::bigint as at
    from forgotten f
    join (select customer_id, max(erased_at) as at from erased_people group by customer_id) m using (customer_id)
) e
where t.customer_id = e.customer_id and t.ticket_id = e.ticket_id

-- name: forget_accounts
-- $1: ids.
update customers
set record = record - 'primary_contact'
where customer_id = any($1::uuid[])
  and published_at <= person_erased_at(customer_id, record -> 'primary_contact')

-- name: forget_alerts
-- The alerts, and through their triggers what stands around them. $1: customers.
update alerts a
set record = record
where customer_id = any($1::uuid[])
  and not record ? 'erased'
  and (
      least(occurred_at, published_at) <= (select erased_at from customers c where c.customer_id = a.customer_id)
      or least(occurred_at, published_at) <= person_erased_at(customer_id, record -> 'contact')
      or least(occurred_at, published_at) <= person_erased_at(customer_id, record #> '{customer,primary_contact}')
  )

-- name: forget_actions
-- Of customers who were erased as a whole, also those whose alert is not known. $1: ids.
update actions x
set note = null, record = x.record - 'note' - 'to' - 'subject' - 'body' - 'place'
from customers c
where x.customer_id = any($1::uuid[])
  and c.customer_id = x.customer_id
  and x.at <= c.erased_at
  and (x.note is not null or x.record ?| array['note', 'to', 'subject', 'body', 'place'])

-- name: forget_digests
-- $1: customers.
update digests d
set record = record
where exists (
    select from unnest($1::uuid[]) as id
    where d.record -> 'items' @> jsonb_build_array(jsonb_build_object('customer_id', id::text))
)

-- name: forget_sent_digests
-- $1: customers.
update alerts a
set record = record
where kind = 'weekly_digest'
  and exists (
      select from unnest($1::uuid[]) as id
      where a.record -> 'items' @> jsonb_build_array(jsonb_build_object('customer_id', id::text))
  )

-- name: take_turn
-- Whether this worker clears what is old; another does where it is false.
select pg_try_advisory_xact_lock(hashtext('csatwatch retention'))

-- name: age_answers
-- $1: before when. $2: at most. Returns how many.
with old as (
    select id from support_satisfaction
    where responded_at < $1 and (feedback is not null or contact is not null or ticket_subject is not null)
    order by responded_at
    limit $2
    for update skip locked
)
update support_satisfaction s set feedback = null, contact = null, ticket_subject = null
from old where s.id = old.id

-- name: age_tickets
-- The same for tickets.
with old as (
    select customer_id, ticket_id from tickets
    where created_at < $1
      and (ticket_subject is not null or assignee is not null)
      and coalesce(greatest(closed_at, escalated_at, first_at), created_at) < $1
    order by created_at
    limit $2
    for update skip locked
)
update tickets t set ticket_subject = null, assignee = null
from old where t.customer_id = old.customer_id and t.ticket_id = old.ticket_id

-- name: age_alerts
-- The same for alerts, and through their triggers for what stands around them.
with old as (
    select alert_id from alerts
    where occurred_at < $1 and not record ?| array['erased', 'aged']
    order by occurred_at
    limit $2
    for update skip locked
)
update alerts a
set record = case
    when a.kind = 'weekly_digest' then a.record || '{"items": [], "aged": true}'
    else without_words(a.record, false, '{"aged": true}')
end
from old where a.alert_id = old.alert_id

-- name: age_digests
-- $1: before when.
update digests set record = record || '{"items": []}' where due_at < $1 and record -> 'items' <> '[]'

-- name: customers_of_person
-- The customers that a person spoke for. $1: kind. $2: id or address.
select distinct customer_id from support_satisfaction where person_hash($1, contact ->> $1) = person_hash($1, $2)
union
select distinct customer_id from alerts
where customer_id is not null and person_hash($1, record -> 'contact' ->> $1) = person_hash($1, $2)
union
select customer_id from customers where person_hash($1, record -> 'primary_contact' ->> $1) = person_hash($1, $2)
union
select distinct customer_id from erased_people where person = person_hash($1, $2)

-- name: words_of_customer
-- What the customer said, and who: texts that must not be found any more. $1: customer.
select distinct word from (
    select feedback as word from support_satisfaction where customer_id = $1
    union all
    select v.word from support_satisfaction s
    cross join lateral (values (s.contact ->> 'id'), (s.contact ->> 'name'), (s.contact ->> 'email')) as v (word)
    where s.customer_id = $1
    union all
    select record ->> 'feedback' from alerts where customer_id = $1
    union all
    select v.word from customers c
    cross join lateral (
        values (c.name), (c.record -> 'primary_contact' ->> 'name'), (c.record -> 'primary_contact' ->> 'email')
    ) as v (word)
    where c.customer_id = $1
    union all
    select ticket_subject from tickets where customer_id = $1
    union all
    select body from email_drafts where customer_id = $1
    union all
    select note from actions where customer_id = $1
) w
where length(word) >= $2

-- name: words_of_person
-- The same for one person. $1: customer. $2: least length. $3: kind. $4: id or address.
select distinct word from (
    select v.word from support_satisfaction s
    cross join lateral (
        values (s.feedback), (s.contact ->> 'id'), (s.contact ->> 'name'), (s.contact ->> 'email')
    ) as v (word)
    where s.customer_id = $1 and person_hash($3, s.contact ->> $3) = person_hash($3, $4)
    union all
    select $4
) w
where length(word) >= $2

-- name: columns
-- Every column that can hold words.
select c.table_name, c.column_name, c.data_type
from information_schema.columns c
join information_schema.tables t using (table_schema, table_name)
where c.table_schema = current_schema() and t.table_type = 'BASE TABLE'
  and c.data_type in ('text', 'jsonb', 'json', 'character varying', 'ARRAY')
order by 1, 2
