-- All customers' figures by month and category, from $1 to before $2.
select month, category, sum(tickets)::bigint as tickets, sum(answered)::bigint as answered,
       sum(answers)::bigint as answers, sum(rating_sum)::bigint as rating_sum, sum(low)::bigint as low,
       sum(resolved)::bigint as resolved, sum(resolution_hours)::double precision as resolution_hours,
       sum(sla_known)::bigint as sla_known, sum(sla_broken)::bigint as sla_broken,
       sum(first_contact_known)::bigint as first_contact_known, sum(first_contact)::bigint as first_contact,
       sum(escalated)::bigint as escalated
from support_months
where month >= $1::date and month < $2::date
group by month, category
having sum(tickets) > 0
order by month desc, category
