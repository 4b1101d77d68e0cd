-- The words of an incident's reference, error code and error message, so that a search finds it by any of them. Kept by
-- the database itself, whichever release writes the incident; they leave with it.

-- Runs of letters and digits, lower-case, each once; at most so many, which the beginning of a long message fills.
CREATE FUNCTION words_of(texts text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(DISTINCT word), '{}') FROM (
        SELECT left(lower(word), 100) AS word
        FROM regexp_split_to_table(left(texts, 2000), '[^[:alnum:]]+') WITH ORDINALITY AS split (word, place)
        WHERE word <> '' ORDER BY place LIMIT 40) AS first
$$;

CREATE TABLE incident_words (
    project_id  uuid NOT NULL,
    word        text COLLATE "C" NOT NULL,
    incident_id uuid NOT NULL CONSTRAINT incident_words_incident_fkey REFERENCES incidents ON DELETE CASCADE,
    CONSTRAINT incident_words_pkey PRIMARY KEY (project_id, word, incident_id)
);
CREATE INDEX incident_words_incident_idx ON incident_words (incident_id);

CREATE FUNCTION keep_incident_words() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    words text[] := words_of(concat_ws(' ', NEW.internal_reference, NEW.error_code, NEW.error_message));
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM incident_words WHERE incident_id = NEW.id AND word <> ALL (words);
    END IF;
    INSERT INTO incident_words (project_id, word, incident_id) SELECT NEW.project_id, word, NEW.id FROM unnest(words) AS word
    ON CONFLICT ON CONSTRAINT incident_words_pkey DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER incidents_keep_words AFTER INSERT ON incidents FOR EACH ROW EXECUTE FUNCTION keep_incident_words();
CREATE TRIGGER incidents_change_words AFTER UPDATE ON incidents FOR EACH ROW
    WHEN ((OLD.internal_reference, OLD.error_code, OLD.error_message)
        IS DISTINCT FROM (NEW.internal_reference, NEW.error_code, NEW.error_message))
    EXECUTE FUNCTION keep_incident_words();

INSERT INTO incident_words (project_id, word, incident_id)
SELECT i.project_id, word, i.id FROM incidents i
    CROSS JOIN LATERAL unnest(words_of(concat_ws(' ', i.internal_reference, i.error_code, i.error_message))) AS word;
