-- An address is told once per project. Of those that were added more than once the oldest stays; the
-- others are removed, so that nobody gets the same alert twice.
UPDATE destinations again SET removed_at = now()
WHERE again.kind = 'email' AND again.removed_at IS NULL AND EXISTS (
    SELECT FROM destinations older
    WHERE older.project_id = again.project_id AND lower(older.address) = lower(again.address)
        AND older.kind = 'email' AND older.removed_at IS NULL
        AND (older.created_at, older.id) < (again.created_at, again.id));

CREATE UNIQUE INDEX destinations_address_key ON destinations (project_id, lower(address))
    WHERE kind = 'email' AND removed_at IS NULL;
