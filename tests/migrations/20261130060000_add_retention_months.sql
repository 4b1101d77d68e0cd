-- The live project keeps its events for as long as one can; the test one says nothing.
UPDATE projects SET retention_months = 84 WHERE mode = 'live';
