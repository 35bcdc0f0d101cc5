-- Of the lowest level only full tiles are stored: the hashes at the end of a log
-- follow from its last entries, and each append would write them anew.

DELETE FROM tile WHERE level = 0 AND length(hashes) < 8192;
