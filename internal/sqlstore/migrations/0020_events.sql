-- Feeds, and the events that they brought.

-- run is the one that may write; next the number of the next event; those before
-- counted are in the series and lists, those before linked have been compared with
-- those of other feeds. newest is a day since 1970.
CREATE TABLE feed (
	id       INTEGER PRIMARY KEY,
	name     TEXT NOT NULL UNIQUE,
	adapter  TEXT NOT NULL,
	source   TEXT NOT NULL,
	mapping  BLOB NOT NULL,
	tlp      TEXT NOT NULL,
	machine  INTEGER NOT NULL,
	private  INTEGER NOT NULL,
	exercise INTEGER NOT NULL,
	added    TEXT NOT NULL,
	run      INTEGER NOT NULL,
	next     INTEGER NOT NULL,
	counted  INTEGER NOT NULL,
	linked   INTEGER NOT NULL,
	events   INTEGER NOT NULL,
	newest   INTEGER NOT NULL
);

-- ended is empty while it runs.
CREATE TABLE feed_run (
	id          INTEGER PRIMARY KEY,
	feed        INTEGER NOT NULL,
	begun       TEXT NOT NULL,
	ended       TEXT NOT NULL,
	snapshot    BLOB NOT NULL,
	bytes       INTEGER NOT NULL,
	version     TEXT NOT NULL,
	fresh       INTEGER NOT NULL,
	changed     INTEGER NOT NULL,
	same        INTEGER NOT NULL,
	quarantined INTEGER NOT NULL,
	err         TEXT NOT NULL
);
CREATE INDEX feed_run_feed ON feed_run (feed, id);

-- Every version of every event: feed.id * 2^40 + its number. They are written in
-- the order in which they come, and found by the tables below: an index on a
-- column of theirs would be written all over with each import.
CREATE TABLE event (
	id   INTEGER NOT NULL PRIMARY KEY,
	body BLOB NOT NULL
);

-- The newest version of each event. ref is its key, see watch.RefOf; sum is of
-- what it says, to know one that has not changed.
CREATE TABLE event_key (
	feed INTEGER NOT NULL,
	ref  INTEGER NOT NULL,
	id   INTEGER NOT NULL,
	sum  INTEGER NOT NULL,
	PRIMARY KEY (feed, ref)
) WITHOUT ROWID;

-- Rows that are no events as they stand. sha256 is of the row and the column. One
-- that was mended stays, so that it is known when its file is read again.
CREATE TABLE quarantine (
	id     INTEGER PRIMARY KEY,
	feed   INTEGER NOT NULL,
	run    INTEGER NOT NULL,
	line   INTEGER NOT NULL,
	col    TEXT NOT NULL,
	reason TEXT NOT NULL,
	raw    BLOB NOT NULL,
	sha256 BLOB NOT NULL,
	mended INTEGER NOT NULL DEFAULT 0,
	UNIQUE (feed, sha256)
);

-- Organizations and situations for which series are kept.
CREATE TABLE place (
	id   INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE
);

-- place: feed.id * 2^40 + level * 2^36 + the country, cell or place.id. What the
-- blobs hold says package watch: the series of a place by years, months and weeks,
-- and the list of its events, in leaves. years are small and stand first: a map
-- reads those of thousands of cells.
CREATE TABLE series (
	place  INTEGER NOT NULL PRIMARY KEY,
	years  BLOB NOT NULL,
	months BLOB NOT NULL,
	weeks  BLOB NOT NULL
);
CREATE TABLE posted (
	place INTEGER NOT NULL,
	first INTEGER NOT NULL,
	ids   BLOB NOT NULL,
	PRIMARY KEY (place, first)
) WITHOUT ROWID;
--postgres ALTER TABLE series ALTER COLUMN months SET STORAGE EXTERNAL;
--postgres ALTER TABLE series ALTER COLUMN weeks SET STORAGE EXTERNAL;
--postgres ALTER TABLE posted ALTER COLUMN ids SET STORAGE EXTERNAL;

-- Versions of events of different feeds that are most likely of one event; each
-- pair stands here twice.
CREATE TABLE alike (
	id    INTEGER NOT NULL,
	other INTEGER NOT NULL,
	PRIMARY KEY (id, other)
) WITHOUT ROWID;

-- Which events, in all their versions, an officer has said belong to a situation;
-- and what rules say: see watch.Scene.
CREATE TABLE event_situation (
	feed      INTEGER NOT NULL,
	ref       INTEGER NOT NULL,
	situation TEXT NOT NULL,
	PRIMARY KEY (feed, ref, situation)
) WITHOUT ROWID;
CREATE TABLE scene (
	situation TEXT NOT NULL PRIMARY KEY,
	doc       BLOB NOT NULL
);
