-- What several processes need that share one database.

-- Whose database this is: one row.
CREATE TABLE house (
	one    INTEGER PRIMARY KEY,
	domain TEXT NOT NULL
);

-- In PostgreSQL every process hears what a transaction has changed, once that
-- is committed: see postgres.Line. (A ";" that ended a line would end the
-- statement.)
--postgres CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
--postgres DECLARE what text := current_setting('comity.process', true) || ' ' || TG_TABLE_NAME
--postgres ; BEGIN
--postgres 	IF TG_TABLE_NAME = 'cosignature' THEN what := what || ' ' || NEW.origin || ' ' || NEW.size || ' ' || NEW.signer || ' ' || NEW.at
--postgres 	; ELSIF TG_TABLE_NAME = 'followed' THEN what := what || ' ' || NEW.origin
--postgres 	; ELSIF TG_TABLE_NAME <> 'peer' THEN what := what || ' ' || NEW.origin || ' ' || NEW.size
--postgres 	; END IF
--postgres 	; PERFORM pg_notify('comity_' || md5(TG_TABLE_SCHEMA), what)
--postgres 	; RETURN NULL
--postgres ; END $$;
--postgres CREATE TRIGGER tell AFTER UPDATE ON log FOR EACH ROW WHEN (NEW.size > OLD.size) EXECUTE FUNCTION tell();
--postgres CREATE TRIGGER tell AFTER INSERT OR UPDATE ON mirrored FOR EACH ROW EXECUTE FUNCTION tell();
--postgres CREATE TRIGGER tell AFTER INSERT OR UPDATE ON followed FOR EACH ROW EXECUTE FUNCTION tell();
--postgres CREATE TRIGGER tell AFTER INSERT ON cosignature FOR EACH ROW WHEN (NEW.signer LIKE '%/mirror') EXECUTE FUNCTION tell();
--postgres CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON peer FOR EACH ROW EXECUTE FUNCTION tell();
