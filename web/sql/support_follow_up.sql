-- What became of the poor ratings that were alerted on, from $1 to before $2. Times in hours since the rating.
select count(*) as alerts, count(handled_at) as handled, count(followed_up_at) as followed_up,
       count(*) filter (where followed_up_at <= occurred_at + interval '24 hours') as within_day,
       percentile_cont(array[0.5, 0.9]) within group (
           order by extract(epoch from followed_up_at - occurred_at) / 3600
       ) filter (where followed_up_at is not null) as hours
from alerts
where kind = 'poor_rating'
  and occurred_at >= $1
  and occurred_at < $2
  and status in ('firing', 'updated')
  and not silent
