-- They run where there is nothing to do.
SELECT make_partition('audit_entries'), drop_partition('audit_entries');
