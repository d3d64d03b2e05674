-- How the alerts $1 changed, revision by revision.
select alert_id, revision, status, severity, rating, detected_at
from alert_revisions
where alert_id = any($1::uuid[])
order by detected_at, alert_id, revision
