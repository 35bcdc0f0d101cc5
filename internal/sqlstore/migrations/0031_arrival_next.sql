-- The next position follows from the last run of arrival, and is not written with
-- each act: arrival_next says where positions go on when what came last was given
-- up. A version that is older and still runs lacks the columns, and gives out none.

ALTER TABLE arrival_next DROP COLUMN run;
ALTER TABLE arrival_next DROP COLUMN log;
ALTER TABLE arrival_next DROP COLUMN next;
