-- Attempts since the last one whose end was noted, the one under way included. A worker that dies leaves one; a database that
-- takes everything but that note leaves many, and the same message is not to go out every ten seconds. Until now an alert's
-- attempt was counted when it was noted, and such a row says 0.
ALTER TABLE alerts ADD COLUMN unnoted_attempts integer NOT NULL DEFAULT 0;
ALTER TABLE notices ADD COLUMN unnoted_attempts integer NOT NULL DEFAULT 0;

-- How long a message is left alone after its claim of ten seconds ran out: not at all after the first attempt without a note,
-- then so long that twice as much passes between two attempts each time, up to half an hour.
CREATE FUNCTION pause_after_unnoted(attempts integer) RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT least(interval '30 minutes', interval '10 seconds' * (power(2, least(greatest(attempts, 1), 10) - 1) - 1))
$$;
