-- Whether the session $1, hashed, is over.
select exists (select from system_actions where session = $1) as is_over
