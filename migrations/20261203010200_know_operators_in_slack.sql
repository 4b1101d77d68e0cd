-- By which id an operator is known in Slack, where buttons of messages act with their rights; no two have the same.
ALTER TABLE operators ADD COLUMN slack_user_id text
    CONSTRAINT operators_slack_user_check CHECK (slack_user_id ~ '^[UW][A-Z0-9]{8,19}$');
CREATE UNIQUE INDEX operators_slack_user_key ON operators (slack_user_id) WHERE removed_at IS NULL;
