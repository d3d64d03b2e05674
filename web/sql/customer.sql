-- The account $1 with its figures. $2: now.
select c.customer_id, c.name, c.arr, c.currency, c.csm_name, c.csm_email, c.record,
       r.ratings, r.average, r.low, r.recent, r.recent_average, a.open_alerts
from customers c
cross join lateral (
    select count(*) as ratings,
           avg(s.rating)::double precision as average,
           count(*) filter (where s.rating <= 2) as low,
           count(*) filter (where s.responded_at > $2::timestamptz - interval '30 days') as recent,
           (avg(s.rating) filter (where s.responded_at > $2::timestamptz - interval '30 days'))::double precision
               as recent_average
    from support_satisfaction s
    where s.customer_id = c.customer_id
) r
cross join lateral (
    select count(*) as open_alerts
    from alerts a
    where a.customer_id = c.customer_id and a.status in ('firing', 'updated') and not a.silent
) a
where c.customer_id = $1
