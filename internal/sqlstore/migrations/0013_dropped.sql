-- Entries of the copies of others' journals that were given up, because they
-- stood under a key that was revoked and the journal went on without them.
-- They are kept here, and nothing reads them but who asks for the evidence. nth
-- counts from 0 for each journal; signed is the checkpoint that tied them to the
-- journal, theirs the one that contradicts it.

CREATE TABLE dropped (
	origin TEXT NOT NULL,
	nth    INTEGER NOT NULL,
	first  INTEGER NOT NULL,
	size   INTEGER NOT NULL,
	signed BLOB NOT NULL,
	theirs BLOB NOT NULL,
	at     TEXT NOT NULL,
	person TEXT NOT NULL,
	reason TEXT NOT NULL,
	act    TEXT NOT NULL,
	PRIMARY KEY (origin, nth)
);

CREATE TABLE dropped_entry (
	origin TEXT NOT NULL,
	nth    INTEGER NOT NULL,
	idx    INTEGER NOT NULL,
	data   BLOB NOT NULL,
	PRIMARY KEY (origin, nth, idx)
);
