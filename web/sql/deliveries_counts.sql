-- How many deliveries of each destination are in each state but done and cancelled.
select sink, state, count(*) as count
from deliveries
where state in ('due', 'claimed', 'failed', 'unknown')
group by sink, state
order by sink, state
