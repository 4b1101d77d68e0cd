-- When the sweep last had its workflow woken, which it does less and less often while nothing sees to it.
ALTER TABLE bulk_reprocesses ADD COLUMN woken_at timestamptz;
