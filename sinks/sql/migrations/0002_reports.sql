-- Figures for reports. Counts and sums only, so that they add up over any customers, categories and months:
-- response rate = answered / tickets, mean resolution = resolution_hours / resolved, first-contact resolution =
-- first_contact / first_contact_known, SLA met = 1 - sla_broken / sla_known, CSAT = rating_sum / answers.
-- A ticket counts once it was closed or rated, in the month (UTC) in which it was closed, or else first rated; one
-- that was closed and never rated is a survey without an answer.
create view support_by_month as
select
    t.customer_id,
    t.ticket_category,
    date_trunc('month', coalesce(t.closed_at, s.first_at) at time zone 'UTC')::date as month,
    count(*) as tickets,
    count(s.answers) as answered,
    coalesce(sum(s.answers), 0)::bigint as answers,
    coalesce(sum(s.rating_sum), 0)::bigint as rating_sum,
    count(t.resolution_time_hours) as resolved,
    coalesce(sum(t.resolution_time_hours), 0) as resolution_hours,
    count(t.resolution_time_hours + t.sla_hours) as sla_known,
    count(*) filter (where t.resolution_time_hours > t.sla_hours) as sla_broken,
    count(t.first_contact_resolution) as first_contact_known,
    count(*) filter (where t.first_contact_resolution) as first_contact,
    count(*) filter (where t.was_escalated) as escalated
from tickets t
left join (
    select customer_id, ticket_id, count(*) as answers, sum(rating) as rating_sum, min(responded_at) as first_at
    from support_satisfaction
    group by customer_id, ticket_id
) s using (customer_id, ticket_id)
where t.closed_at is not null or s.answers is not null
group by t.customer_id, t.ticket_category, month;
