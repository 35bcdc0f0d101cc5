// Package sqlite is what the store says only to SQLite.
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/comity/comity/internal/sqlstore/sqltx"
)

// DB is one file, with one connection for writing and several for reading.
type DB struct {
	path           string
	writer, reader *sql.DB
	reads          *sqltx.Stmts // the driver parses what it is to run each time
	broken         atomic.Pointer[error]
	logged         *logged
}

// PageSize in bytes of a new file. In pages of this size a tile of hashes is
// one page to write; with smaller ones, or larger, appending is slower.
const PageSize = 8192

// writeCache in KiB is what the writing connection keeps of the file. An append
// to a situation chosen at random among 10,000 touches pages all over it, most of
// which SQLite's own 2 MB do not hold.
const writeCache = 16 << 10

// Open opens the file at path, which only the owner may read if it is new. It is
// read on so many connections at once; with 0, on as many as are of use.
//
// The file is in WAL mode and synchronous=FULL: a commit waits until the disk
// has it, readers never wait for the writer.
func Open(ctx context.Context, path string, readers int) (*DB, error) {
	if path == "" {
		return nil, errors.New("database sqlite: no file given; write sqlite:/path/comity.db")
	}
	if strings.HasPrefix(path, ":") || strings.ContainsAny(path, "?#\x00") {
		return nil, fmt.Errorf("database sqlite:%s: not the path of a file", path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("database sqlite:%s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	forWriting, err := connector(path, url.Values{"_pragma": {fmt.Sprintf("cache_size(-%d)", writeCache)}})
	if err != nil {
		return nil, err
	}
	forReading, err := connector(path, url.Values{"_pragma": {"query_only(1)"}})
	if err != nil {
		return nil, err
	}
	db := &DB{path: path, logged: newLogged(), writer: sql.OpenDB(writingConnector{forWriting}), reader: sql.OpenDB(forReading)}
	db.reads = &sqltx.Stmts{DB: db.reader}
	db.writer.SetMaxOpenConns(1)
	// The page size of a file is settled when it is first written.
	for _, pragma := range []string{fmt.Sprintf("page_size = %d", PageSize), "journal_mode = wal"} {
		if _, err := db.writer.ExecContext(ctx, "PRAGMA "+pragma); err != nil {
			db.Close()
			if hint := db.Hint(err); hint != "" {
				return nil, fmt.Errorf("open the database %s: %s: %w", path, hint, err)
			}
			return nil, fmt.Errorf("open the database %s: %w", path, err)
		}
	}
	if readers == 0 {
		readers = max(4, 2*runtime.GOMAXPROCS(0))
	}
	db.reader.SetMaxOpenConns(readers)
	db.reader.SetMaxIdleConns(readers)
	db.logged.work.Go(db.copyLog)
	return db, nil
}

func connector(path string, params url.Values) (driver.Connector, error) {
	for _, pragma := range []string{"busy_timeout(10000)", "synchronous(full)", fmt.Sprintf("wal_autocheckpoint(%d)", longestLog), "foreign_keys(1)", "trusted_schema(0)",
		"journal_size_limit(67108864)"} {
		params.Add("_pragma", pragma)
	}
	dsn := (&url.URL{Scheme: "file", Path: path, RawQuery: params.Encode()}).String()
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	return c, nil
}

// Name of the database for messages.
func (db *DB) Name() string { return "SQLite" }

// Writer is a pool of one connection.
func (db *DB) Writer() *sql.DB { return db.writer }

// Reader is a pool of connections that cannot write.
func (db *DB) Reader() *sql.DB { return db.reader }

// Reads runs statements on it.
func (db *DB) Reads() sqltx.Runner { return sqltx.SQL{On: db.reader, Stmts: db.reads} }

// SQL returns the statement as it is.
func (db *DB) SQL(statement string) string { return statement }

// DDL returns the script as it is: migrations are written in SQLite's words.
// Lines that start with "--sqlite " are for SQLite alone.
func (db *DB) DDL(script string) string {
	return strings.ReplaceAll(script, "\n--sqlite ", "\n")
}

// LockSchema does nothing: a transaction of the writer locks the file.
func (db *DB) LockSchema(context.Context, sqltx.Runner) error { return nil }

// Statement is ctx without its end: to watch it the driver and database/sql
// each start a goroutine per statement, which takes as long as the statement.
func (db *DB) Statement(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// ForUpdate is empty: a transaction of the writer locks the file.
func (db *DB) ForUpdate() string { return "" }

// Unhurried does nothing: no transaction is hurried.
func (db *DB) Unhurried(context.Context, sqltx.Runner) error { return nil }

// Snapshot is the default: a transaction sees the state at its first read.
func (db *DB) Snapshot() sql.IsolationLevel { return sql.LevelDefault }

// Changed does nothing: a file is opened once, by one machine.
func (db *DB) Changed(func(was, is string)) {}

// Broken returns an error after a commit that the disk failed.
func (db *DB) Broken() error {
	if p := db.broken.Load(); p != nil {
		return *p
	}
	return nil
}

// Transient is false: there is no connection that breaks.
func (db *DB) Transient(error) bool { return false }

// Hint explains the errors that people meet.
func (db *DB) Hint(err error) string {
	switch c := code(err); c & 0xff {
	case sqlite3.SQLITE_FULL:
		return "the disk is full; nothing that was confirmed is lost, and this was not recorded; make room in " + filepath.Dir(db.path)
	case sqlite3.SQLITE_BUSY:
		return "another process keeps the database locked; stop it, or try again"
	case sqlite3.SQLITE_NOTADB:
		return db.path + " is not a database"
	case sqlite3.SQLITE_CORRUPT:
		return "the file " + db.path + " is damaged; bring back a copy"
	case sqlite3.SQLITE_READONLY:
		return "the file " + db.path + " may not be written; check who owns it and its folder"
	}
	return ""
}

// code is SQLite's extended result code; 0 if err is not from SQLite.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// Close closes all connections.
func (db *DB) Close() error {
	db.logged.close()
	db.reads.Close()
	return errors.Join(db.reader.Close(), db.writer.Close())
}

// Scrub writes the file anew, and empties the write-ahead log. Nothing less
// helps: with "secure_delete" copies are left behind where rows were moved from
// one page to another. Meanwhile nothing else is written. Twice the file's size
// must be free on its disk: for a temporary file, which is kept beside it since
// it holds the same, and for the log.
func (db *DB) Scrub(ctx context.Context) error {
	// For all databases of the process, which loses nothing but the place.
	dir := strings.ReplaceAll(filepath.Dir(db.path), "'", "''")
	if _, err := db.writer.ExecContext(ctx, "PRAGMA temp_store_directory = '"+dir+"'"); err != nil {
		return err
	}
	if _, err := db.writer.ExecContext(ctx, "VACUUM"); err != nil {
		return err
	}
	db.logged.copying.Lock()
	defer db.logged.copying.Unlock()
	var busy, frames, copied int
	if err := db.writer.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &copied); err != nil {
		return err
	}
	if busy != 0 {
		return errors.New("the write-ahead log is in use by a long read and still holds what was deleted; tried again in a moment")
	}
	return nil
}

// Tables lists the tables of the file.
func (db *DB) Tables() string {
	return "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
}

// Counters lists the tables with AUTOINCREMENT.
func (db *DB) Counters() string { return "SELECT name, seq FROM sqlite_sequence ORDER BY name" }

// CountOn has nothing to do: rowids go on behind the highest.
func (db *DB) CountOn(context.Context, sqltx.Runner) error { return nil }

// SetCounter sets the last number that a table with AUTOINCREMENT gave out.
func (db *DB) SetCounter(ctx context.Context, tx sqltx.Runner, table string, value int64) error {
	if _, err := tx.Exec(ctx, "DELETE FROM sqlite_sequence WHERE name = ?", table); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", table, value)
	return err
}
