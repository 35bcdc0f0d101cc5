-- What is known of how a peer's keys changed: the statements of its root key,
-- as a file of package keys; "" if only its keys were pinned. repinned is when
-- an administrator pinned other keys out of band, who and why.

ALTER TABLE peer ADD COLUMN history      TEXT NOT NULL DEFAULT '';
ALTER TABLE peer ADD COLUMN repinned     TEXT NOT NULL DEFAULT '';
ALTER TABLE peer ADD COLUMN repinned_by  TEXT NOT NULL DEFAULT '';
ALTER TABLE peer ADD COLUMN repinned_why TEXT NOT NULL DEFAULT '';
