-- What is needed of a scope's acts to fold and to show its file, in one piece,
-- instead of entries that lie all over the journal. It follows from the entries
-- and from what could be opened, and can be made anew.
-- version: of the scope; the acts in doc are those that were placed up to it.
CREATE TABLE extract (
	scope   INTEGER NOT NULL PRIMARY KEY,
	version INTEGER NOT NULL,
	doc     BLOB NOT NULL
);

-- With which version of its scope an act was placed.
ALTER TABLE placed ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

-- Made with the briefs, of all scopes once.
UPDATE scope SET seen = version - 1, stale = 1;
