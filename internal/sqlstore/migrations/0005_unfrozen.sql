-- What once froze the copy of a journal, and who ended that. frozen is the
-- JSON that stood in followed; nth counts from 0 for each journal.

CREATE TABLE unfrozen (
	origin      TEXT NOT NULL,
	nth         INTEGER NOT NULL,
	frozen      TEXT NOT NULL,
	unfrozen_at TEXT NOT NULL,
	person      TEXT NOT NULL,
	reason      TEXT NOT NULL,
	PRIMARY KEY (origin, nth)
);
