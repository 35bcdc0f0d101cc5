-- Evidence acts that had arrived up to this position were known to whoever
-- ended a freeze, and do not bring it back.

ALTER TABLE unfrozen ADD COLUMN held INTEGER NOT NULL DEFAULT 0;

-- Evidence files, by SHA-256, about which our journal has an act: written in
-- the transaction that records it, so that there is one.

CREATE TABLE published (
	proof BLOB PRIMARY KEY,
	act   TEXT NOT NULL
);
