-- Of a release that knew no causes.
UPDATE incidents SET cause = NULL, cause_code = NULL WHERE id = (SELECT min(id::text)::uuid FROM incidents);
