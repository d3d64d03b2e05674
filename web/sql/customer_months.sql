-- The figures of the customer $1, month by month from $2 to before $3, the newest first.
select month, sum(tickets)::bigint as tickets, sum(answered)::bigint as answered, sum(answers)::bigint as answers,
       sum(rating_sum)::bigint as rating_sum, sum(low)::bigint as low, sum(resolved)::bigint as resolved,
       sum(resolution_hours)::double precision as resolution_hours, sum(sla_known)::bigint as sla_known,
       sum(sla_broken)::bigint as sla_broken, sum(first_contact_known)::bigint as first_contact_known,
       sum(first_contact)::bigint as first_contact, sum(escalated)::bigint as escalated
from support_by_month
where customer_id = $1 and month >= $2::date and month < $3::date
group by month
order by month desc
