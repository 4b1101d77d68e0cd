-- Where a redirect leads, without credentials and query: redirects are never followed, so people need it.
ALTER TABLE callback_attempts ADD COLUMN redirect_to text;
