package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// texts are the tables that hold what was opened of sealed acts, or was to be
// sealed.
var texts = []string{"sealed", "brief", "extract", "draft"}

const (
	scrubPatience = 5 * time.Second // for transactions that may still see what was deleted
	scrubLock     = "3s"            // for a table; whoever comes later waits as long
)

// Scrub writes the tables that hold such text anew, into other files. A plain
// VACUUM would not do: it frees the place of a deleted row in its page and leaves
// the bytes there. While one table is being written nobody reads or writes it.
//
// What a transaction may still see is kept by that, too. So Scrub first waits
// until all that began before have ended; if one goes on, as a backup does, it is
// an error, and Scrub is to be called again. The write-ahead log, archives of it
// and snapshots of the disk keep what they have.
func (db *DB) Scrub(ctx context.Context) (err error) {
	c, err := db.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := outlive(ctx, c); err != nil {
		return err
	}
	if _, err := c.ExecContext(ctx, "SET lock_timeout = '"+scrubLock+"'"); err != nil {
		return err
	}
	defer func() {
		_, reset := c.ExecContext(context.WithoutCancel(ctx), "RESET lock_timeout")
		err = errors.Join(err, reset)
	}()
	for _, t := range texts {
		file := func() (n int64, err error) {
			err = c.QueryRowContext(ctx, "SELECT pg_relation_filenode($1::regclass)::bigint", t).Scan(&n)
			return n, err
		}
		was, err := file()
		if err != nil {
			return err
		}
		if _, err := c.ExecContext(ctx, "VACUUM FULL "+t); err != nil {
			return fmt.Errorf("write the table %s anew: %w", t, err)
		}
		// A role that may not do so is only warned.
		switch is, err := file(); {
		case err != nil:
			return err
		case is == was:
			return fmt.Errorf("the table %s was not written anew: it must belong to the node's role", t)
		}
	}
	return nil
}

// outlive waits until nobody can see what was deleted before.
func outlive(ctx context.Context, c *sql.Conn) error {
	var deleted string // a transaction later than those that deleted
	if err := c.QueryRowContext(ctx, "SELECT pg_current_xact_id()::xid::text").Scan(&deleted); err != nil {
		return err
	}
	t := time.NewTicker(50 * time.Millisecond)
	defer t.Stop()
	for end := time.Now().Add(scrubPatience); ; {
		var older int
		err := c.QueryRowContext(ctx, `SELECT count(*) FROM (
			SELECT backend_xmin AS seen FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (datname = current_database() OR datname IS NULL)
			UNION ALL SELECT xmin FROM pg_replication_slots
			UNION ALL SELECT transaction FROM pg_prepared_xacts) AS others WHERE age(seen) >= age($1::text::xid)`, deleted).Scan(&older)
		switch {
		case err != nil:
			return err
		case older == 0:
			return nil
		case time.Now().After(end):
			return errors.New("a long transaction on the database, as of a backup, may still see what was deleted; tried again in a moment")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
}
