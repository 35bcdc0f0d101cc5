-- What was answered to a request that carried a key (Idempotency-Key), so that
-- the same request is answered alike and done once. at is real time; asked is
-- the SHA-256 of the document. Either draft is 0, or act is empty.

CREATE TABLE answer (
	person TEXT NOT NULL REFERENCES person (id),
	key    TEXT NOT NULL,
	asked  BLOB NOT NULL,
	at     TEXT NOT NULL,
	act    TEXT NOT NULL,
	leaf   BLOB NOT NULL,
	draft  INTEGER NOT NULL,
	PRIMARY KEY (person, key)
);

CREATE INDEX answer_at ON answer (at);
