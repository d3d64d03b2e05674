-- How many deliveries of each destination are in each state but done and cancelled. $1: of this CSM's accounts alone
-- (e-mail in lower case); null: of all.
select sink, state, count(*) as count
from (
    select sink, state from deliveries where $1::text is null and state in ('due', 'claimed', 'failed', 'unknown')
    union all
    select d.sink, d.state
    from account_needs n
    join alerts a using (customer_id)
    join deliveries d using (alert_id)
    where $1::text is not null and n.csm_email = $1 and d.state in ('due', 'claimed', 'failed', 'unknown')
) counted
group by sink, state
order by sink, state
