-- Forecasts with the organization's own reports stand beside those of what others
-- tell: each has its label. own is 1 of the former.
DROP INDEX watch_forecast_last;
ALTER TABLE watch_forecast RENAME TO watch_forecast_before;
CREATE TABLE watch_forecast (
	exercise   INTEGER NOT NULL,
	own        INTEGER NOT NULL,
	level      TEXT NOT NULL,
	place      TEXT NOT NULL,
	last       INTEGER NOT NULL,
	afterwards INTEGER NOT NULL,
	brief      TEXT NOT NULL,
	doc        BLOB NOT NULL,
	PRIMARY KEY (exercise, own, level, place, last)
);
INSERT INTO watch_forecast (exercise, own, level, place, last, afterwards, brief, doc)
	SELECT exercise, 0, level, place, last, afterwards, brief, doc FROM watch_forecast_before;
DROP TABLE watch_forecast_before;
CREATE INDEX watch_forecast_last ON watch_forecast (exercise, own, level, last);
