-- The migration has made the row; by now it has counted.
UPDATE key_versions SET version = 42;
