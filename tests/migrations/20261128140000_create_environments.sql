-- The migration has made the row; this one says which.
UPDATE environments SET id = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';
