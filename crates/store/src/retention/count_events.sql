-- How many rows of each table `purge_events` would delete with these events, by the month in which they ended.
WITH due AS MATERIALIZED (
    SELECT d.event_id, date_trunc('month', d.ended_at AT TIME ZONE 'UTC')::date AS month, i.id AS incident_id
    FROM due_events($1) AS d LEFT JOIN incidents i ON i.event_id = d.event_id
)
SELECT rows.purged AS "table!", rows.month AS "month!", rows.quantity AS "rows!" FROM (
    SELECT 'payment_events' AS purged, month, count(*) AS quantity FROM due GROUP BY month
    UNION ALL SELECT 'event_identities', month, count(*) FROM due JOIN payment_events e ON e.id = due.event_id
        JOIN event_identities t ON t.project_id = e.project_id AND t.provider = e.provider
            AND t.provider_event_id = e.provider_event_id COLLATE "default" AND t.effect_type = e.effect_type AND t.event_id = e.id
        GROUP BY month
    UNION ALL SELECT 'results', month, count(*) FROM due JOIN results t ON t.event_id = due.event_id GROUP BY month
    UNION ALL SELECT 'incidents', month, count(*) FROM due WHERE incident_id IS NOT NULL GROUP BY month
    UNION ALL SELECT 'callback_attempts', month, count(*) FROM due JOIN reprocesses r ON r.incident_id = due.incident_id
        JOIN callback_attempts t ON t.replay_id = r.id GROUP BY month
    UNION ALL SELECT 'reprocesses', month, count(*) FROM due JOIN reprocesses t ON t.incident_id = due.incident_id GROUP BY month
    UNION ALL SELECT 'alerts', month, count(*) FROM due JOIN alerts t ON t.incident_id = due.incident_id GROUP BY month
    UNION ALL SELECT 'proof_links', month, count(*) FROM due JOIN proof_links t ON t.incident_id = due.incident_id GROUP BY month
    UNION ALL SELECT 'extension_calls', month, count(*) FROM due JOIN extension_calls t ON t.event_id = due.event_id GROUP BY month
    UNION ALL SELECT 'audit_entries', month, count(*) FROM due JOIN audit_entries t ON t.event_id = due.event_id GROUP BY month
) AS rows
