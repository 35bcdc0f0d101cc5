-- Sealed acts whose content was erased, by the act that says so. content is
-- the SHA-256 of the sealed content; purged is when this node had removed what
-- it held of it, empty before.

CREATE TABLE erasure (
	target  TEXT PRIMARY KEY,
	act     TEXT NOT NULL,
	content BLOB NOT NULL,
	purged  TEXT NOT NULL
);

CREATE INDEX erasure_content ON erasure (content);
