-- What retention takes can still be taken, and nothing else; and the months go on.
SELECT purge_unclaimed_results(10), split_audit_texts(ARRAY(SELECT id FROM audit_entries)), count(*) FROM audit_log;
SELECT make_partition('audit_entries');
