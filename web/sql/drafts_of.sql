-- Every version of the e-mail drafts of the alerts $1.
select alert_id, version, to_name, to_email, subject, body, status, by, sent_at, created_at
from email_drafts
where alert_id = any($1::uuid[])
order by created_at, version
limit 200
