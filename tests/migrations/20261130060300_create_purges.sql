-- The functions run on rows of every table.
SELECT purge_events(ARRAY(SELECT id FROM payment_events));
SELECT purge_identities(10);
SELECT purge_unclaimed_results(10);
SELECT purge_proof_links(10);
