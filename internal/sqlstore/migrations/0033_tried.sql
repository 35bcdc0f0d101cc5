-- The sealing keys with which a sealed entry was tried that is closed because none
-- of them fits; of those before, none.

ALTER TABLE sealed ADD COLUMN tried TEXT NOT NULL DEFAULT '';
CREATE INDEX sealed_tried ON sealed (tried, act) WHERE state = 2 AND why = 'sealed to others';
