-- Bulks that were frozen together, one for each of several projects, have the same set; they start together.
-- `excluded_no_repair_url` is how many incidents were left out because their project cannot reprocess.
ALTER TABLE bulk_reprocesses
    ADD COLUMN set_id                 uuid,
    ADD COLUMN excluded_no_repair_url bigint NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX bulk_reprocesses_set_key ON bulk_reprocesses (set_id, project_id) WHERE set_id IS NOT NULL;
