-- Signed checkpoints of a followed journal that could not be compared with its
-- largest one, as JSON.

ALTER TABLE followed ADD COLUMN unproven TEXT NOT NULL DEFAULT '';
