-- One page of accounts by name. $1: a part of a name, of a CSM's name or e-mail, or of an id, as a LIKE pattern;
-- $2, $3: the last account of the page before, or both null; $4: how many.
with page as (
    select customer_id, name, arr, currency, csm_name, csm_email, lower(coalesce(name, '')) as position
    from customers
    where ($1::text is null or name ilike $1 or csm_name ilike $1 or csm_email ilike $1 or customer_id::text ilike $1)
      and ($2::text is null or (lower(coalesce(name, '')), customer_id) > ($2::text, $3::uuid))
    order by lower(coalesce(name, '')), customer_id
    limit $4
)
select p.*, r.ratings, r.average, r.newest_at, a.open_alerts
from page p
cross join lateral (
    select count(*) as ratings, avg(s.rating)::double precision as average, max(s.responded_at) as newest_at
    from support_satisfaction s
    where s.customer_id = p.customer_id
) r
cross join lateral (
    select count(*) as open_alerts
    from alerts a
    where a.customer_id = p.customer_id and a.status in ('firing', 'updated') and not a.silent
) a
order by p.position, p.customer_id
