-- What was done for the alerts $1, step by step, in the order of their making.
select d.alert_id, d.step, d.sink, d.state, d.due_at, d.attempts, d.destination, d.error, d.settled_at,
       d.held, d.not_before, d.unless, d.created_at, d.shown_revision, t.system as task_system, t.external_url as task_url,
       t.title as task_title, t.due_at as task_due_at, t.status as task_status, t.owner_email as task_owner,
       m.subject as draft_subject, m.body as draft_body, m.to_name as draft_to_name, m.to_email as draft_to_email,
       m.status as draft_status
from deliveries d
left join tasks t on t.alert_id = d.alert_id and t.step = d.step
left join lateral (
    select e.subject, e.body, e.to_name, e.to_email, e.status
    from email_drafts e
    where e.alert_id = d.alert_id and e.step = d.step
    order by e.version desc
    limit 1
) m on true
where d.alert_id = any($1::uuid[])
order by d.alert_id, d.created_at, d.step
