-- The act of ours that says that other keys were pinned out of band, like
-- un.example/12.

ALTER TABLE peer ADD COLUMN repinned_act TEXT NOT NULL DEFAULT '';
