-- The figures as they were last worked out.
select record from outcomes order by as_of desc limit 1
