-- The alert $1 with the newest version of its e-mail draft and what was done with it, the newest 200 of that.
select a.record,
    (
        select to_jsonb(e) from (
            select draft_id, version, to_name, to_email, subject, body, status
            from email_drafts
            where alert_id = a.alert_id
            order by created_at desc, version desc
            limit 1
        ) as e
    ) as draft,
    (
        select coalesce(jsonb_agg(x.record order by x.at, x.action_id), '[]')
        from (select * from actions where alert_id = a.alert_id order by at desc limit 200) as x
    ) as done
from alerts a
where a.alert_id = $1
