-- What people call a destination: a label that an operator gives, or for Slack the end of its webhook.
-- NULL stands for its address, which is all that the release before knows.
ALTER TABLE destinations
    ADD COLUMN label text CONSTRAINT destinations_label_check CHECK (char_length(label) BETWEEN 1 AND 255);
