// Package sqlstore is all the SQL of a node, written once for SQLite and
// PostgreSQL.
//
// # Statements
//
// Statements are written in the common subset of both, with "?" for
// parameters, and run through the helpers of this package: exec, query,
// queryRow. What cannot be said in common stands behind the dialect interface,
// in the packages sqlite and postgres: opening, locking, bulk append, and the
// meaning of errors.
//
// # Transactions
//
// Everything that writes does so in one function handed to [Store.Write] or,
// for what belongs to a log, to [Store.Update]; a nil result means committed
// and durable. SQLite has one writing connection, so writers queue there; in
// PostgreSQL they meet on the rows they lock. A commit whose answer was lost
// wraps [journal.ErrAmbiguous].
//
// # Schema
//
// The files migrations/NNNN_name.sql are applied in order when a store is
// opened, in one transaction, under a lock. They are written in SQLite's
// words; see [postgres.DB.DDL] for the few that differ. A file that has been
// released is never changed, a new one is added.
//
// # Adding to it
//
// A part of the node that needs tables brings migrations/NNNN_part.sql and
// part.go with methods on [Store] (that read) and [Tx] (that write). Types of
// package comity that are strings go in and out as they are; hashes are blobs,
// see hash; names and times are text, see text.
package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/sqlstore/postgres"
	"github.com/comity/comity/internal/sqlstore/sqlite"
	"github.com/comity/comity/internal/sqlstore/sqltx"
)

// Store is one organization's database. It is safe for concurrent use.
type Store struct {
	d     dialect
	log   *slog.Logger
	fault Fault

	mayUpgrade func() error // nil: yes
	left       bool         // as in Options

	known known // to the transaction that runs, if the database has one at a time

	logsMu sync.Mutex
	logs   logs // those seen so far
}

var _ journal.Store = (*Store)(nil)
var _ journal.Tx = (*Tx)(nil)

// dialect is what SQLite and PostgreSQL say differently.
type dialect interface {
	// Tables is the statement that lists the tables of the node.
	Tables() string

	// Counters is the statement that lists tables whose rows are numbered and
	// not only by their keys, and the last number given out; SetCounter sets
	// it, in a transaction.
	Counters() string
	SetCounter(ctx context.Context, tx sqltx.Runner, table string, value int64) error

	// CountOn has tables that number their rows themselves go on behind the highest
	// number that is there, in a transaction.
	CountOn(ctx context.Context, tx sqltx.Runner) error

	// Name for messages: "SQLite", "PostgreSQL".
	Name() string

	// Reader are the connections for reading, and Reads runs statements there.
	Reader() *sql.DB
	Reads() sqltx.Runner

	// Transact runs fn in a transaction of its own, and undoes what fn has not
	// committed. ctx may only end the wait for a connection; that which is handed
	// to fn is for the statements. An error of fn is returned as it is; with any
	// other, fn was not called.
	Transact(ctx context.Context, fn func(context.Context, sqltx.Tx) error) error

	// SQL turns a statement with "?" parameters into the database's own.
	SQL(statement string) string

	// DDL turns a migration into the database's own words.
	DDL(script string) string

	// LockSchema makes other processes wait that open the same database, and
	// creates the schema if it is not there.
	LockSchema(ctx context.Context, tx sqltx.Runner) error

	// Statement is the context for statements that read one row or a few.
	Statement(ctx context.Context) context.Context

	// ForUpdate ends a SELECT that locks its rows.
	ForUpdate() string

	// Unhurried lets a transaction wait as long as it likes for what it reads or
	// writes beside the database.
	Unhurried(ctx context.Context, tx sqltx.Runner) error

	// Snapshot is the isolation in which all statements of a reading
	// transaction see the same state.
	Snapshot() sql.IsolationLevel

	// Scrub removes from the files of the database what was deleted before, as
	// far as the database lets its user do so.
	Scrub(ctx context.Context) error

	// Reserve takes the room on the disk that the database's log of what is
	// written will need.
	Reserve(ctx context.Context) error

	// Broken returns an error once a failure means that the database must be
	// opened again before it can be trusted.
	Broken() error

	// Transient reports whether a failure is one of the connection or of the
	// moment, after which the same may succeed: the server was restarted, or
	// another became the primary. Nothing is said of a commit.
	Transient(err error) bool

	// Changed sets what is called when the database turns out to be on another
	// server, or to have another history, than before.
	Changed(func(was, is string))

	// Hint says what an error of the database means and what to do, in words
	// for people; "" if nothing is known.
	Hint(err error) string

	Close() error
}

// Options of Open. The zero value is good.
type Options struct {
	Logger *slog.Logger // nil discards

	// Changed, if set, is called when a connection leads to another server than
	// the one before, or to one that another has taken over from, before
	// anything is written there: what was committed may be missing. Its
	// arguments are for messages. It must not use the store.
	Changed func(was, is string)

	Fault Fault // nil: nothing fails but what does; for tests and simulations

	// MayUpgrade, if set, is asked before the schema of a database with a record is
	// changed; its error leaves the database as it is.
	MayUpgrade func() error

	// Left says that a database from which the record was moved is opened, too.
	Left bool

	// Readers is how many connections to SQLite read at once; 0 is what the
	// processors make use of. Each reads the schema and prepares its statements
	// anew: where databases are opened all the time, few are quicker.
	Readers int
}

// Open opens the database at url and brings its schema up to date:
//
//	sqlite:/var/lib/comity/comity.db      a file, made if it is not there
//	postgres://user@host/db?schema=ecowas a database and a schema, made if it is not there
//
// Without schema PostgreSQL's default, usually "public", is used; with it,
// many nodes can share one database. All other parameters are PostgreSQL's
// connection parameters.
//
// A database written by a newer version of the program is refused, and one from which
// the record was moved to another: [MovedError].
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d, err := open(ctx, url, o.Readers)
	if err != nil {
		return nil, err
	}
	s := &Store{d: d, log: o.Logger, fault: o.Fault, mayUpgrade: o.MayUpgrade, left: o.Left}
	if o.Changed != nil {
		d.Changed(o.Changed)
	}
	err = s.migrate(ctx, migrations)
	if err == nil && !o.Left {
		err = s.Moved(ctx)
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return s, nil
}

func open(ctx context.Context, url string, readers int) (dialect, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "sqlite":
		return sqlite.Open(ctx, rest, readers)
	case "postgres", "postgresql":
		return postgres.Open(ctx, url)
	}
	return nil, fmt.Errorf("database %q: write sqlite:/path/comity.db or postgres://user@host/database?schema=name", scheme+":…")
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.failed("reach the database", s.d.Reader().PingContext(ctx))
}

// Reserve takes the room on the disk, about 35 MB, into which commits then write
// sooner. It may take some tenths of a second; others write meanwhile. A failure
// only means that commits go on as before.
func (s *Store) Reserve(ctx context.Context) error {
	return s.failed("make commits quicker", s.d.Reserve(ctx))
}

// Close waits for what is running and closes the connections.
func (s *Store) Close() error { return s.d.Close() }

// failed wraps an error with what was being done and, if the database's
// error is a known one, with what it means.
func (s *Store) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	if hint := s.d.Hint(err); hint != "" {
		return &hinted{hint, fmt.Errorf("%s: %s: %w", what, hint, err)}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// hinted is a failure whose meaning for people is known: see Hint.
type hinted struct {
	hint string
	error
}

func (h *hinted) Unwrap() error { return h.error }

// Hint says what the failure means and what to do.
func (h *hinted) Hint() string { return h.hint }

// Drop removes the schema that the URL of a PostgreSQL database names, with
// everything in it. It refuses a URL without one.
func Drop(ctx context.Context, url string) error {
	db, err := postgres.Open(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Drop(ctx)
}
