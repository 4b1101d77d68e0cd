-- Apart from the step before, so that the table is read without a lock that keeps writers out.
ALTER TABLE destinations VALIDATE CONSTRAINT destinations_kind_check;
