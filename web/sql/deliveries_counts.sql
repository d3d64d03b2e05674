-- How many deliveries of each destination are in each state but done and cancelled. $1: of this CSM's accounts alone
-- (e-mail in lower case); null: of all.
with standing as materialized (
    select alert_id, sink, state from deliveries where state in ('due', 'claimed', 'failed', 'unknown')
)
select sink, state, count(*) as count
from standing s
where $1::text is null
   or exists (
       select
       from alerts a
       join account_needs n using (customer_id)
       where a.alert_id = s.alert_id and n.csm_email = $1
   )
group by sink, state
order by sink, state
