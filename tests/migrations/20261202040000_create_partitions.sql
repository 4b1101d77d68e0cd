-- No table is divided yet.
SELECT count(*) FROM list_partitions();
