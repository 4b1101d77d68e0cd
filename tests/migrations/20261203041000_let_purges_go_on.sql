-- Called from the begin, as the release before does, and from where another batch ended.
SELECT purge_identities(10);
SELECT purge_identities(10, now() - interval '13 months');
SELECT purge_unclaimed_results(10);
SELECT purge_unclaimed_results(10, now() - interval '13 months', '0192d1a0-0000-7000-8000-000000000001');
SELECT purge_proof_links(10, now() - interval '31 days');
