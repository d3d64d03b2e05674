-- What was done to csatwatch itself, the newest first. $1: how many.
select kind, by, at, record from system_actions order by at desc, action_id limit $1
