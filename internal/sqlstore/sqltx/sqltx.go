// Package sqltx is what the store runs its statements on: connections of
// database/sql, or a transaction that a driver runs better by itself.
package sqltx

import "context"

// Rows are what Query finds, one after the other, as *sql.Rows.
type Rows interface {
	Next() bool
	Scan(into ...any) error
	Err() error
	Close() error
}

// Runner runs statements, in the database's own words.
type Runner interface {
	// Exec returns how many rows were written or removed.
	Exec(ctx context.Context, q string, args ...any) (affected int64, err error)
	Query(ctx context.Context, q string, args ...any) (Rows, error)
}

// Tx is a transaction that writes. Rows must be closed before its next
// statement.
type Tx interface {
	Runner

	// Later runs a statement of which only a failure matters. It may be sent to
	// the server with the next statement that is waited for, or with the commit,
	// which then fails for it: its arguments stay as they are until then.
	Later(ctx context.Context, q string, args ...any) error

	// PutEntries inserts entries into the table entry at pos, pos+1, …, as Later
	// does. None of them is NULL.
	PutEntries(ctx context.Context, pos int64, entries [][]byte) error

	// PutRows inserts rows into a table, as Later does. values are int64 or []byte,
	// none of them nil, those of each row behind those of the one before, in the
	// order of columns ("id, body").
	PutRows(ctx context.Context, table, columns string, values []any) error

	// Flush waits for what Later, PutEntries and PutRows have left.
	Flush(ctx context.Context) error

	// Version is of all that the transaction sees or, once it is committed, has
	// left. The next finds the same if nobody has written since. It is nil if the
	// database does not say, or runs several transactions that write at a time.
	Version() any

	// Once runs a statement that is not worth keeping prepared.
	Once(ctx context.Context, q string) error

	// Commit commits. If it fails, unknown reports whether the transaction may
	// nevertheless be there.
	Commit(ctx context.Context) (unknown bool, err error)
}
