-- What was erased before is named by an entry of the erasure.
SELECT 1 / count(*) FROM audit_texts t JOIN audit_entries e ON e.id = t.erased_by
WHERE t.entry_id = '0192d1a0-0000-7000-8000-0000000000f6' AND t.text = '{"note": "erased"}' AND e.action = 'customer.texts_erased'
  AND e.actor = 'cli:bob' AND e.detail -> 'entries' ? t.entry_id::text;
