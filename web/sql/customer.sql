-- The account $1 with its figures. $2: now; $3: only where this is its CSM, by e-mail in lower case; null: whoever it is.
select c.customer_id, c.name, c.arr, c.currency, c.csm_name, c.csm_email, c.record, t.record as trend,
       r.ratings, r.average, r.low, r.recent, r.recent_average, r.before, r.before_average,
       n.unattended, n.snoozed, n.open_tasks, n.open_due_at
from customers c
join account_needs n using (customer_id)
left join trends t using (customer_id)
cross join lateral (
    select count(*) as ratings,
           avg(s.rating)::double precision as average,
           count(*) filter (where s.rating <= 2) as low,
           count(*) filter (where s.responded_at > $2::timestamptz - interval '30 days') as recent,
           (avg(s.rating) filter (where s.responded_at > $2::timestamptz - interval '30 days'))::double precision
               as recent_average,
           count(*) filter (where s.responded_at between $2::timestamptz - interval '120 days'
               and $2::timestamptz - interval '30 days') as before,
           (avg(s.rating) filter (where s.responded_at between $2::timestamptz - interval '120 days'
               and $2::timestamptz - interval '30 days'))::double precision as before_average
    from support_satisfaction s
    where s.customer_id = c.customer_id
) r
where c.customer_id = $1
  and ($3::text is null or lower(c.csm_email) = $3)
