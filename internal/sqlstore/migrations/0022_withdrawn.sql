-- Events that a release read whole withdrew, as it has none of what an earlier one told.
ALTER TABLE feed_run ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;
