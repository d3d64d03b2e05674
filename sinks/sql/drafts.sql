-- Drafts of e-mails. Each version stays.

-- name: newest
-- The newest version of each draft.
select distinct on (draft_id) draft_id, version, to_name, to_email, from_name, from_email, subject, body, status
from email_drafts where draft_id = any($1::uuid[]) order by draft_id, version desc;

-- name: add
-- One version more; arrays of one length, an element a draft.
insert into email_drafts (
    draft_id, version, alert_id, step, customer_id, to_name, to_email, from_name, from_email, subject, body, status
)
select *, 'draft' from unnest(
    $1::uuid[], $2::integer[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[]
)
on conflict (draft_id, version) do nothing;

-- name: discard
-- All versions that were not sent.
update email_drafts set status = 'discarded' where draft_id = any($1::uuid[]) and status = 'draft';
