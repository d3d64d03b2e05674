-- The tasks of the alerts $1.
select t.alert_id, t.title, t.owner_email, t.due_at, t.status, t.system, t.external_url, t.created_at, t.closed_at,
       t.closed_by
from deliveries d
join tasks t using (alert_id, step)
where d.alert_id = any($1::uuid[])
order by t.created_at
