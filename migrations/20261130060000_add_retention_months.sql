-- How long a project keeps an event after it ended.
ALTER TABLE projects ADD COLUMN retention_months integer NOT NULL DEFAULT 12
    CONSTRAINT projects_retention_check CHECK (retention_months BETWEEN 1 AND 84);
