-- Logs: the organization's own journal and the mirrored ones of its peers.
-- See package journal for what the columns mean.

CREATE TABLE log (
	id     INTEGER PRIMARY KEY,
	origin TEXT NOT NULL UNIQUE,
	size   INTEGER NOT NULL DEFAULT 0,
	root   BLOB NOT NULL,
	note   BLOB NOT NULL
);

-- One row per tile of 1 to 256 hashes, 32 bytes each.
CREATE TABLE tile (
	log    INTEGER NOT NULL REFERENCES log (id),
	level  INTEGER NOT NULL,
	idx    INTEGER NOT NULL,
	hashes BLOB NOT NULL,
	PRIMARY KEY (log, level, idx)
);

-- pos is log.id * 2^40 + index: the key of the table itself, so that appending
-- touches no second tree.
CREATE TABLE entry (
	pos  INTEGER NOT NULL PRIMARY KEY,
	data BLOB NOT NULL
);

-- Hashes and sealed entries do not compress; compressing them halves the rate.
--postgres ALTER TABLE tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
--postgres ALTER TABLE entry ALTER COLUMN data SET STORAGE EXTERNAL;
