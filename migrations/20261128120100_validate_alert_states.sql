-- Apart from the step before, so that the table is read without a lock that keeps writers out.
ALTER TABLE alerts VALIDATE CONSTRAINT alerts_state_check;
