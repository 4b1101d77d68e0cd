-- What is there can still be changed, and the months go on.
UPDATE results SET project_id = project_id;
SELECT make_partition('results');
