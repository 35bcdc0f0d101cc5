package postgres

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/comity/comity/internal/sqlstore/sqltx"
)

// whichServer is the statement that says on which history of which database
// cluster a connection writes: the cluster's identifier, which a copy of its
// files keeps, and the timeline, which is a new one after each promotion and
// each restoring to a point in time. It takes no permission. A standby has
// none: it takes no writes.
const whichServer = `SELECT CASE WHEN pg_is_in_recovery() THEN ''
	ELSE (SELECT system_identifier::text FROM pg_control_system()) || ', timeline ' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END`

// server remembers with which server the connections were made.
type server struct {
	mu      sync.Mutex
	is      string // "" before the first connection to a primary
	changed func(was, is string)
}

// met takes note of a connection's server.
func (s *server) met(is string) {
	s.mu.Lock()
	was, changed := s.is, s.changed
	if is != "" {
		s.is = is
	}
	s.mu.Unlock()
	if is != "" && was != "" && was != is && changed != nil {
		changed(was, is)
	}
}

// ask asks a new connection, before anything else goes over it.
func (s *server) ask(ctx context.Context, c *pgx.Conn) error {
	var is string
	err := c.QueryRow(ctx, whichServer).Scan(&is)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && !strings.HasPrefix(pg.Code, "57P") {
		// What speaks PostgreSQL's language and does not know this cannot be
		// told apart from another like it. "57P…": it is shutting down.
		return nil
	}
	if err != nil {
		return err
	}
	s.met(is)
	return nil
}

// Unhurried lifts longestPause for a transaction.
func (db *DB) Unhurried(ctx context.Context, tx sqltx.Runner) error {
	_, err := tx.Exec(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0")
	return err
}

// Changed sets what is called when a connection is made to another server, or
// another history of it, than the one before; before anything is written over
// it. Its arguments are for messages.
func (db *DB) Changed(f func(was, is string)) {
	db.server.mu.Lock()
	defer db.server.mu.Unlock()
	db.server.changed = f
}
