-- Functions alone are replaced; they are called as they are after the migrations.
SELECT partition FROM list_spent_partitions('audit_entries'); SELECT drop_partition('audit_entries');
