-- When a feed was removed; empty: it is read. What its events are then, their newest
-- versions say.
ALTER TABLE feed ADD COLUMN removed TEXT NOT NULL DEFAULT '';

-- What a reading does not have, though it ended well.
ALTER TABLE feed_run ADD COLUMN note TEXT NOT NULL DEFAULT '';
