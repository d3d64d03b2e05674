-- Which customers an answer leads to: by the number of its ticket ($1), by the address of who answered ($2, in lower
-- case), by the domain of that ($3).
select 'ticket' as trace, customer_id::text from tickets where ticket_id = $1
union
select 'person', customer_id::text from customers where lower(record #>> '{primary_contact,email}') = $2
union
select 'person', customer_id::text from support_satisfaction where lower(contact ->> 'email') = $2
union
select 'domain', customer_id::text
from customers
where split_part(lower(record #>> '{primary_contact,email}'), '@', 2) = $3
