-- Where each act is folded, and what was made of it: all of it follows from
-- the entries and what could be opened, and can be made anew.
-- Acts are named here by the key of their entry: log.id * 2^40 + index.

-- Whether the acts of a run are in the tables below.
ALTER TABLE arrival ADD COLUMN placed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX arrival_unplaced ON arrival (pos) WHERE placed = 0;
CREATE INDEX arrival_log ON arrival (log, first);

-- By which version of the rules acts were placed.
CREATE TABLE fold (
	one   INTEGER PRIMARY KEY,
	rules TEXT NOT NULL
);

-- A scope is a situation, named "domain/index", or a house, named "domain".
-- version counts what changed in it; its briefs are as of version seen.
CREATE TABLE scope (
	id      INTEGER PRIMARY KEY,
	name    TEXT NOT NULL UNIQUE,
	version INTEGER NOT NULL,
	seen    INTEGER NOT NULL
);
CREATE INDEX scope_stale ON scope (id) WHERE version <> seen;

-- The acts of a scope. clear: it is in the public book, too. problem: why it
-- has no effect.
CREATE TABLE placed (
	scope   INTEGER NOT NULL,
	act     INTEGER NOT NULL,
	clear   INTEGER NOT NULL,
	problem TEXT NOT NULL,
	PRIMARY KEY (scope, act)
) WITHOUT ROWID;

-- Acts that wait for another to come or to be placed.
CREATE TABLE waiting (
	act    INTEGER NOT NULL PRIMARY KEY,
	domain TEXT NOT NULL,
	idx    INTEGER NOT NULL
);
CREATE INDEX waiting_for ON waiting (domain, idx);

-- What lists need of a scope. book: 0 the public one, 1 the full one, 2 both.
CREATE TABLE brief (
	scope  INTEGER NOT NULL,
	book   INTEGER NOT NULL,
	acts   INTEGER NOT NULL,
	digest BLOB NOT NULL,
	doc    BLOB NOT NULL,
	PRIMARY KEY (scope, book)
) WITHOUT ROWID;

-- Sealed entries. state: 0 open, 1 its content has not arrived, 2 closed for
-- the reason why. content is NULL if it is not open, or forgotten.
CREATE TABLE sealed (
	act     INTEGER NOT NULL PRIMARY KEY,
	log     INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	state   INTEGER NOT NULL,
	why     TEXT NOT NULL,
	effects BLOB,
	content BLOB
);
CREATE INDEX sealed_newest ON sealed (log, state, at);

-- Blobs that sealed entries commit to and that are not here.
CREATE TABLE wanted (
	act    INTEGER NOT NULL,
	sha256 BLOB NOT NULL,
	size   INTEGER NOT NULL,
	PRIMARY KEY (act, sha256)
) WITHOUT ROWID;
CREATE INDEX wanted_blob ON wanted (sha256);
