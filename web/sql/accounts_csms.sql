-- The CSMs that there are, by e-mail in lower case: found one after the other in the index.
with recursive csms as (
    (select csm_email from account_needs where csm_email is not null order by csm_email limit 1)
    union all
    select (select n.csm_email from account_needs n where n.csm_email > c.csm_email order by n.csm_email limit 1)
    from csms c
    where c.csm_email is not null
)
select c.csm_email as email, coalesce(p.csm_name, c.csm_email) as name
from csms c
left join lateral (select csm_name from customers where lower(csm_email) = c.csm_email limit 1) p on true
where c.csm_email is not null
order by name, email
limit 500
