-- Apart from adding them, so that the tables can be written meanwhile.
ALTER TABLE alerts VALIDATE CONSTRAINT alerts_state_check;
ALTER TABLE notices VALIDATE CONSTRAINT notices_state_check;
