-- Arrival: in which order this node came to hold entries, of all logs. One row
-- for each run of entries of one log that arrived together; entry idx of it
-- has position pos + idx - first. Positions start at 1; the only gaps are where
-- entries were given up since (0013_dropped.sql).

CREATE TABLE arrival (
	pos   INTEGER PRIMARY KEY,
	log   INTEGER NOT NULL REFERENCES log (id),
	first INTEGER NOT NULL,
	n     INTEGER NOT NULL
);

-- The next position. Its row is locked while positions are given out, so that
-- they become visible in order.
CREATE TABLE arrival_next (
	one INTEGER PRIMARY KEY,
	pos INTEGER NOT NULL
);

INSERT INTO arrival_next (one, pos) VALUES (1, 1);
