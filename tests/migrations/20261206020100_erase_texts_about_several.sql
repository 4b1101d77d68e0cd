-- Words that name a customer, and words that hold the same letters.
SELECT 1 / (audit_text_names('{"note": "as user_9 said"}', 'user_9') AND NOT audit_text_names('{"note": "as user_99 said"}', 'user_9'))::int;
