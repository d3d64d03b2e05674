-- A step that was given up, and that its own person does not ask for anew. $1: alert. $2: step. $3: the CSM (e-mail in
-- lower case) whose accounts count alone, null for all.
select a.customer_id, d.settled_at
from deliveries d
join alerts a using (alert_id)
join customers c using (customer_id)
where d.alert_id = $1
  and d.step = $2
  and d.state in ('failed', 'unknown')
  and d.workflow <> 'csm-actions'
  and ($3::text is null or lower(c.csm_email) = $3)
