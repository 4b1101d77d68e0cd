-- Providers count messages by address, and several destinations may lead to one: `paced_by` is a hash of it, the same for all of these. It is
-- null where nothing is counted by an address, and until a message of this release went to a destination of the release before.
-- `asked_until` is until when the provider wants no other message there.
ALTER TABLE destinations ADD COLUMN paced_by bigint, ADD COLUMN asked_until timestamptz;
CREATE INDEX destinations_paced_by_idx ON destinations (paced_by) WHERE paced_by IS NOT NULL;
