-- Processes keep in memory who was erased together with the sealed key of their hashes. One that has no more than the newest master
-- key opens that once it is sealed again, and has to read it then.
CREATE CONSTRAINT TRIGGER reference_keys_count_change AFTER UPDATE ON reference_keys
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION count_key_change();
