-- A removed operator stays as a row, because the audit and links name them. The address is free
-- again: whoever is added under it is a new operator, who gets no session or token of the old one.
ALTER TABLE operators ADD COLUMN removed_at timestamptz;
ALTER TABLE operators DROP CONSTRAINT operators_email_key;
CREATE UNIQUE INDEX operators_email_key ON operators (email) WHERE removed_at IS NULL;
