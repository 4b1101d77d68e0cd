-- Apart from the step before, so that the table can be written meanwhile.
ALTER TABLE alerts VALIDATE CONSTRAINT alerts_kind_check;
