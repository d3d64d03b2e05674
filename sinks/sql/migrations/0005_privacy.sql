-- What keeps a forgotten customer's or person's words out, whoever writes them again: by the topics' being read again,
-- or by a step that was under way. Counts, ratings and times stay.

-- People of a customer who were erased one by one; customers.erased_at is for all of them. Only hashes are kept.
create table erased_people (
    customer_id uuid not null references customers,
    person text not null,
    erased_at timestamptz not null, -- the broker's time
    primary key (customer_id, person)
);
create function person_hash(kind text, value text) returns text language sql immutable strict as $$
    select encode(sha256(convert_to(kind || ':' || lower(value), 'UTF8')), 'hex')
$$;
create function person_erased_at(customer uuid, contact jsonb) returns timestamptz language sql stable as $$
    select max(erased_at) from erased_people
    where customer_id = customer
      and person in (person_hash('id', contact ->> 'id'), person_hash('email', contact ->> 'email'))
$$;

-- An alert's record without anybody's words; `mark` says why, and since when. Of a whole customer the name goes too.
create function without_words(record jsonb, whole boolean, mark jsonb) returns jsonb language sql immutable as $$
    select (record - 'feedback' - 'contact') || mark
        || case
            when jsonb_typeof(record -> 'ticket') = 'object'
            then jsonb_build_object('ticket', (record -> 'ticket') - 'ticket_subject' - 'assignee' - 'message_id')
            else '{}'
        end
        || case
            when jsonb_typeof(record -> 'customer') <> 'object' then '{}'
            when whole
            then jsonb_build_object('customer', (record -> 'customer') - 'primary_contact' || '{"name": "(erased)"}')
            else jsonb_build_object('customer', (record -> 'customer') - 'primary_contact')
        end
        || case when whole then '{"reasons": ["What the customer said was erased."]}' else '{}'::jsonb end
$$;

-- A digest's record without the words on customers who were erased since.
create function without_items(digest jsonb) returns jsonb language sql stable as $$
    select case
        when jsonb_typeof(digest -> 'items') <> 'array' then digest
        else jsonb_set(digest, '{items}', (
            select coalesce(jsonb_agg(
                case
                    when c.erased_at >= (digest ->> 'detected_at')::timestamptz
                    then i.item - 'name' || '{"words": "What there was to say was erased."}'
                    else i.item
                end
                order by i.place
            ), '[]')
            from jsonb_array_elements(digest -> 'items') with ordinality as i (item, place)
            left join customers c on c.customer_id = (i.item ->> 'customer_id')::uuid
        ))
    end
$$;

create function forget_in_alert() returns trigger language plpgsql as $$
declare
    said timestamptz := least(new.occurred_at, new.published_at);
    customer_at timestamptz;
    person_at timestamptz;
begin
    if new.customer_id is null then
        new.record := without_items(new.record);
        return new;
    end if;
    select erased_at into customer_at from customers where customer_id = new.customer_id;
    if said <= customer_at then
        new.record := without_words(new.record, true, jsonb_build_object('erased', customer_at));
        return new;
    end if;
    person_at := person_erased_at(new.customer_id, new.record -> 'contact');
    if said <= person_at then
        new.record := without_words(new.record, false, jsonb_build_object('erased', person_at));
    elsif said <= person_erased_at(new.customer_id, new.record #> '{customer,primary_contact}') then
        new.record := new.record #- '{customer,primary_contact}';
    end if;
    return new;
end
$$;
create trigger forget_in_alert before insert or update of record on alerts
    for each row execute function forget_in_alert();

-- What stands around an alert that has lost its words loses them too.
create function forget_around(id uuid, until timestamptz) returns void language plpgsql as $$
begin
    update email_drafts
    set to_name = null, to_email = null, subject = '', body = '',
        status = case when status = 'draft' then 'discarded' else status end
    where alert_id = id and (subject, body) <> ('', '');
    update tasks set title = 'Follow up' where alert_id = id and title <> 'Follow up';
    update actions
    set note = null, record = record - 'note' - 'to' - 'subject' - 'body' - 'place'
    where alert_id = id and at <= until
      and (note is not null or record ?| array['note', 'to', 'subject', 'body', 'place']);
    update deliveries
    set config = config - 'note' - 'to' - 'subject' - 'body' - 'place',
        state = case when state = 'due' then 'cancelled' else state end,
        error = case when state = 'due' then 'erased' else error end
    where alert_id = id and workflow = 'csm-actions' and created_at <= until
      and config ?| array['note', 'to', 'subject', 'body', 'place'];
end
$$;
create function forget_around_alert() returns trigger language plpgsql as $$
begin
    perform forget_around(new.alert_id, coalesce((new.record ->> 'erased')::timestamptz, now()));
    if new.record ? 'erased' then
        -- The message in Slack and the task elsewhere are shown once more, without the words.
        update deliveries
        set state = case when state = 'claimed' then state else 'due' end,
            due_at = case when state = 'claimed' then due_at else now() end,
            stale = stale or state = 'claimed'
        where alert_id = new.alert_id and sink in ('slack', 'tasks')
          and (state = 'claimed' or state = 'done' and shown_revision > 0);
    end if;
    return null;
end
$$;
create trigger forget_around_new after insert on alerts
    for each row when (new.record ?| array['erased', 'aged']) execute function forget_around_alert();
create trigger forget_around_changed after update of record on alerts
    for each row
    when (
        new.record ?| array['erased', 'aged']
        and old.record -> 'erased' is distinct from new.record -> 'erased'
        or new.record ? 'aged' and not old.record ? 'aged'
    )
    execute function forget_around_alert();

-- A draft, a task or an action that comes after.
create function forget_in_draft() returns trigger language plpgsql as $$
begin
    if exists (select from alerts where alert_id = new.alert_id and record ?| array['erased', 'aged']) then
        new.to_name := null;
        new.to_email := null;
        new.subject := '';
        new.body := '';
    end if;
    return new;
end
$$;
create trigger forget_in_draft before insert on email_drafts for each row execute function forget_in_draft();
create function forget_in_task() returns trigger language plpgsql as $$
begin
    if exists (select from alerts where alert_id = new.alert_id and record ? 'erased') then
        new.title := 'Follow up';
    end if;
    return new;
end
$$;
create trigger forget_in_task before insert or update of title on tasks for each row execute function forget_in_task();
create function forget_in_action() returns trigger language plpgsql as $$
begin
    if exists (
        select from alerts where alert_id = new.alert_id and new.at <= (record ->> 'erased')::timestamptz
    ) or exists (select from customers where customer_id = new.customer_id and new.at <= erased_at) then
        new.note := null;
        new.record := new.record - 'note' - 'to' - 'subject' - 'body' - 'place';
    end if;
    return new;
end
$$;
create trigger forget_in_action before insert on actions for each row execute function forget_in_action();
create function forget_in_digest() returns trigger language plpgsql as $$
begin
    if new.record is not null then
        new.record := without_items(new.record);
    end if;
    return new;
end
$$;
create trigger forget_in_digest before update of record on digests for each row execute function forget_in_digest();

-- What is old enough to lose its words.
create index answers_with_words on support_satisfaction (responded_at)
    where feedback is not null or contact is not null or ticket_subject is not null;
create index tickets_with_words on tickets (created_at) where ticket_subject is not null or assignee is not null;
create index alerts_with_words on alerts (occurred_at) where not record ?| array['erased', 'aged'];
