-- The `traceparent` (https://www.w3.org/TR/trace-context/) that whatever is done for an event later follows: that
-- of the receipt's span where spans are exported, else as the app sent it. Null where there is none.
ALTER TABLE payment_events ADD COLUMN trace_parent text;
