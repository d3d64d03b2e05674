-- What people did with the alerts $1, and what came of it; the newest 500.
select alert_id, record
from (
    select alert_id, action_id, at, record
    from actions
    where alert_id = any($1::uuid[])
    order by at desc
    limit 500
) newest
order by at, action_id
