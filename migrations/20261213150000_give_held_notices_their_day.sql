-- When a notice was last found to wait because its project is not told. The 24 hours after which it is given up begin then.
ALTER TABLE notices ADD COLUMN held_at timestamptz;
