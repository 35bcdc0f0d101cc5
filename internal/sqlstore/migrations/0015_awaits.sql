-- The number of the statement of our keys that revokes all those that sign the
-- log: only who signs with the keys of that statement, or of a later one, appends
-- to it, but for the act that carries the statement itself. 0: everybody.
ALTER TABLE log ADD COLUMN awaits INTEGER NOT NULL DEFAULT 0;

-- Of a draft that carries such a statement, its number; 0 of all others.
ALTER TABLE draft ADD COLUMN statement INTEGER NOT NULL DEFAULT 0;
