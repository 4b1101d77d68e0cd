-- What a provider calls the message that an incident's conversation began with, where what follows edits it.
ALTER TABLE alerts ADD COLUMN posted text;
