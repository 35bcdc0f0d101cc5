-- What each act writes, in fewer places: a commit waits for every page of it.

-- A run of arrival goes on as long as entries of the same log come next; run is
-- the last one, of the log, and goes on with the entry next. 0: begin a new one.
ALTER TABLE arrival_next ADD COLUMN run  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE arrival_next ADD COLUMN log  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE arrival_next ADD COLUMN next INTEGER NOT NULL DEFAULT 0;

-- Whether version and seen of a scope differ: an index on that alone is written
-- when it begins and ends, and not with each act.
ALTER TABLE scope ADD COLUMN stale INTEGER NOT NULL DEFAULT 1;
UPDATE scope SET stale = 0 WHERE version = seen;
DROP INDEX scope_stale;
CREATE INDEX scope_stale ON scope (id) WHERE stale = 1;
