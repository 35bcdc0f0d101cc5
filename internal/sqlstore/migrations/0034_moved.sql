-- That the record has been moved from here to another database, and goes on there:
-- at most one row. See Store.Leave.

CREATE TABLE moved (
	one       INTEGER PRIMARY KEY,
	into_what TEXT NOT NULL, -- for people, without a password
	at        TEXT NOT NULL
);

--postgres CREATE FUNCTION moved() RETURNS trigger LANGUAGE plpgsql AS $$
--postgres BEGIN RAISE EXCEPTION 'the record was moved from here to another database'
--postgres ; END $$;
