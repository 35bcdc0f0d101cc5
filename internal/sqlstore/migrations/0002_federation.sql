-- What this organization knows of others. See packages peer, witness, monitor.

-- The roster: what operators pinned.
CREATE TABLE peer (
	domain      TEXT PRIMARY KEY,
	name        TEXT NOT NULL,
	url         TEXT NOT NULL,
	log_key     TEXT NOT NULL,
	witness_key TEXT NOT NULL,
	mirror_key  TEXT NOT NULL,
	recipient   TEXT NOT NULL,
	pinned      TEXT NOT NULL,
	paused      INTEGER NOT NULL,
	private     INTEGER NOT NULL
);

-- The newest checkpoint of each journal that our witness cosigned. hash is
-- the origin's, as it stands in addresses.
CREATE TABLE witnessed (
	origin TEXT PRIMARY KEY,
	hash   TEXT NOT NULL UNIQUE,
	size   INTEGER NOT NULL,
	root   BLOB NOT NULL,
	note   BLOB NOT NULL
);

-- Checkpoints that somebody cosigned, of our journal and of others.
CREATE TABLE cosigned (
	origin TEXT NOT NULL,
	size   INTEGER NOT NULL,
	root   BLOB NOT NULL,
	note   BLOB NOT NULL,
	PRIMARY KEY (origin, size)
);

-- Their cosignatures; at in seconds since 1970, as the cosigner says.
CREATE TABLE cosignature (
	origin   TEXT NOT NULL,
	size     INTEGER NOT NULL,
	signer   TEXT NOT NULL,
	key_hash INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	line     BLOB NOT NULL,
	PRIMARY KEY (origin, size, signer, key_hash, at),
	FOREIGN KEY (origin, size) REFERENCES cosigned (origin, size)
);

CREATE INDEX cosignature_key ON cosignature (origin, signer, key_hash, size, at);

-- What is known of each followed journal beside the copy of it. claim,
-- anchors and frozen are JSON, empty if there is none.
CREATE TABLE followed (
	origin     TEXT PRIMARY KEY,
	advertised INTEGER NOT NULL,
	reason     TEXT NOT NULL,
	error      TEXT NOT NULL,
	succeeded  TEXT NOT NULL,
	claim      TEXT NOT NULL,
	anchors    TEXT NOT NULL,
	frozen     TEXT NOT NULL
);

-- Blobs that could not be had.
CREATE TABLE blob_fault (
	origin   TEXT NOT NULL,
	hash     BLOB NOT NULL,
	gone     INTEGER NOT NULL,
	reason   TEXT NOT NULL,
	error    TEXT NOT NULL,
	tries    INTEGER NOT NULL,
	since    TEXT NOT NULL,
	next_try TEXT NOT NULL,
	PRIMARY KEY (origin, hash)
);

-- The newest checkpoint of each journal up to which everything is kept here,
-- under our mirror's signature.
CREATE TABLE mirrored (
	origin TEXT PRIMARY KEY,
	size   INTEGER NOT NULL,
	note   BLOB NOT NULL,
	signed TEXT NOT NULL
);
