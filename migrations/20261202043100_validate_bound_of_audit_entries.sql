-- Reads the table without a lock that anyone notices.
SELECT partitions.validate_bound('audit_entries');
