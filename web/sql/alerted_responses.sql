-- The answers of the customer $1 that an alert was raised on, for the marks in the chart.
select alert_id, response_id, kind, severity, status, silent
from alerts
where customer_id = $1
order by occurred_at
