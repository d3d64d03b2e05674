-- What time and the policy have to do with the order of the accounts; `account_needs` itself is kept by triggers.

-- name: is_mine
-- Whether this transaction is the one that sees to it; to its end.
select pg_try_advisory_xact_lock(hashtextextended('csatwatch needs', 0))

-- name: hold
-- Whoever else would change the rules waits for the end of the transaction.
lock table fall_rules in exclusive mode

-- name: rules
-- The measure of a fall that is in force, as rules.
select customer_id, tier, drop::double precision as drop, quiet_days from fall_rules

-- name: set_rules
-- Others; every account with a trend is due to be looked at anew. $1: a list of rows.
with gone as (delete from fall_rules), due as (
    update account_needs set next_at = now()
    where customer_id in (
        select customer_id from account_needs where customer_id in (select customer_id from trends)
        order by customer_id
        for update
    )
)
insert into fall_rules (customer_id, tier, drop, quiet_days)
select customer_id, tier, drop, quiet_days
from jsonb_to_recordset($1::jsonb) as (customer_id uuid, tier text, drop numeric, quiet_days integer)

-- name: refresh_by_time
-- What those need now that have changed by time alone. $1: at most. How many there were.
select refresh_needs_by_time($1)
