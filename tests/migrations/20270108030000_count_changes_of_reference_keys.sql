-- A master key was rotated.
UPDATE reference_keys SET sealed = sealed;
