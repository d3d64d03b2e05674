-- The tiers that there are, of the accounts of the CSM $1 or, where that is null, of all: found one after the other in
-- the index.
with recursive tiers as (
    (select tier from account_needs where $1::text is null and tier is not null order by tier limit 1)
    union all
    select (select n.tier from account_needs n where n.tier > t.tier order by n.tier limit 1)
    from tiers t
    where t.tier is not null
)
(select tier from tiers where tier is not null limit 50)
union
select distinct tier from account_needs where $1::text is not null and csm_email = $1 and tier is not null
order by tier
