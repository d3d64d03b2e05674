-- The alerts on the customer $1 from $2 to before $3, oldest first, and when somebody had them in hand.
select alert_id, kind, severity, status, silent, occurred_at, handled_at, followed_up_at, record
from alerts
where customer_id = $1 and occurred_at >= $2 and occurred_at < $3
order by occurred_at, alert_id
limit 200
