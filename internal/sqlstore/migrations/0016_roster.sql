-- The version of the roster: another text after every change. A process that
-- keeps the roster in memory sees by it alone whether another has changed it.

CREATE TABLE roster (
	one     INTEGER PRIMARY KEY,
	version TEXT NOT NULL
);

INSERT INTO roster (one, version) VALUES (1, '');
