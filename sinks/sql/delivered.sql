-- What became of the alerts, for who looks on. The weekly digests are no part of it, nor is what follows a message
-- later when nobody answers it.

-- name: steps
-- Each step of each alert as it stands.
select d.alert_id, d.step, d.state, d.shown_revision, d.uncertain
from deliveries as d
join alerts as a using (alert_id)
where a.kind <> 'weekly_digest' and d.step not like '%#%'

-- name: delivered
-- Each delivered step with what it left, alert by alert in the order of their ratings.
select d.alert_id, d.step, d.sink, d.config, d.destination, a.record,
    t.title, t.owner_email, t.due_at, t.priority, t.status as task_status,
    e.subject, e.to_name, e.to_email, e.status as draft_status
from deliveries as d
join alerts as a using (alert_id)
left join tasks as t using (alert_id, step)
left join lateral (
    select subject, to_name, to_email, status from email_drafts
    where alert_id = d.alert_id and step = d.step
    order by version desc
    limit 1
) as e on true
where d.state = 'done' and a.kind <> 'weekly_digest' and d.step not like '%#%'
order by a.occurred_at, d.alert_id, array_position(array['slack', 'tasks', 'email'], d.sink), d.step
