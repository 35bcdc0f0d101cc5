-- The keys of a witness that may have cosigned more than "witnessed" says: this is an
-- old copy. At most one row, until that is known again. See WitnessStates.SetBehind.

CREATE TABLE behind (
	one  INTEGER PRIMARY KEY,
	keys TEXT NOT NULL -- vkeys, a line each
);
