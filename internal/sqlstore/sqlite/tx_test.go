package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/internal/sqlstore/sqltx"
)

func openTemp(t *testing.T) *DB {
	t.Helper()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "comity.db"), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// transact runs fn and commits.
func (db *DB) mustTransact(t *testing.T, fn func(ctx context.Context, tx sqltx.Tx) error) {
	t.Helper()
	err := db.Transact(t.Context(), func(ctx context.Context, tx sqltx.Tx) error {
		if err := fn(ctx, tx); err != nil {
			return err
		}
		_, err := tx.Commit(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

type word string

// scanned remembers what it was given.
type scanned struct{ v any }

func (s *scanned) Scan(v any) error { s.v = v; return nil }

// What a transaction reads it stores in variables as database/sql does, or
// refuses as that does.
func TestScanAsDatabaseSQL(t *testing.T) {
	db := openTemp(t)
	values := []string{"NULL", "0", "1", "-9000000000", "300", "1.5", "''", "'text'", "'1'", "x''", "x'00ff'"}
	variables := map[string]func() any{
		"int64":    func() any { return new(int64) },
		"int":      func() any { return new(int) },
		"int8":     func() any { return new(int8) },
		"string":   func() any { return new(string) },
		"word":     func() any { return new(word) },
		"bytes":    func() any { return new([]byte) },
		"raw":      func() any { return new(sql.RawBytes) },
		"null":     func() any { return new(sql.NullInt64) },
		"scanner":  func() any { return new(scanned) },
		"no place": func() any { return nil },
	}
	// Of these database/sql takes more, by way of text; the store has none.
	more := func(v, into string) bool {
		number, text := v == "0" || v == "1" || v == "-9000000000" || v == "300" || v == "1.5", v == "''" || v == "'text'" || v == "'1'" || v == "x''" || v == "x'00ff'"
		return number && (into == "string" || into == "word" || into == "bytes" || into == "raw") || text && (into == "int64" || into == "int" || into == "int8" || into == "word")
	}
	db.mustTransact(t, func(ctx context.Context, tx sqltx.Tx) error {
		for _, v := range values {
			for name, variable := range variables {
				got, want := variable(), variable()
				rows, err := tx.Query(ctx, "SELECT "+v)
				if err != nil {
					return err
				}
				if !rows.Next() {
					t.Fatalf("%s: no row, %v", v, rows.Err())
				}
				gotErr := rows.Scan(got)
				wantErr := db.reader.QueryRow("SELECT " + v).Scan(want)
				if name == "raw" { // which QueryRow refuses
					wantErr = db.reader.QueryRow("SELECT " + v).Scan((*[]byte)(want.(*sql.RawBytes)))
				}
				switch {
				case more(v, name) && gotErr != nil:
				case (gotErr == nil) != (wantErr == nil):
					t.Errorf("%s into %s: %v; database/sql says %v", v, name, gotErr, wantErr)
				case name == "bytes" || name == "raw": // nil and empty are the same
					if got, want := reflect.ValueOf(got).Elem().Bytes(), reflect.ValueOf(want).Elem().Bytes(); wantErr == nil && !bytes.Equal(got, want) {
						t.Errorf("%s into %s: %x; database/sql gives %x", v, name, got, want)
					}
				case gotErr == nil && !reflect.DeepEqual(got, want):
					t.Errorf("%s into %s: %#v; database/sql gives %#v", v, name, reflect.ValueOf(got).Elem(), reflect.ValueOf(want).Elem())
				}
				if rows.Next() || rows.Err() != nil {
					t.Errorf("%s: a second row, %v", v, rows.Err())
				}
				if err := rows.Close(); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Whatever becomes of a transaction, the next begins anew.
func TestTransactionEnds(t *testing.T) {
	db := openTemp(t)
	count := func() (n int64) {
		t.Helper()
		if err := db.reader.QueryRow("SELECT count(*) FROM act").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	insert := func(ctx context.Context, tx sqltx.Tx) error {
		n, err := tx.Exec(ctx, "INSERT INTO act (doc) VALUES (?)", []byte("doc"))
		if err == nil && n != 1 {
			t.Errorf("%d rows were written, want 1", n)
		}
		return err
	}
	db.mustTransact(t, func(ctx context.Context, tx sqltx.Tx) error {
		return tx.Once(ctx, "CREATE TABLE act (n INTEGER PRIMARY KEY, doc BLOB); CREATE INDEX act_doc ON act (doc)")
	})
	db.mustTransact(t, insert)

	enough := errors.New("enough")
	err := db.Transact(t.Context(), func(ctx context.Context, tx sqltx.Tx) error { return errors.Join(insert(ctx, tx), enough) })
	if !errors.Is(err, enough) || count() != 1 {
		t.Errorf("after an error: %v, %d rows", err, count())
	}
	if err := db.Transact(t.Context(), insert); err != nil || count() != 1 {
		t.Errorf("without a commit: %v, %d rows", err, count())
	}
	err = db.Transact(t.Context(), func(ctx context.Context, tx sqltx.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO nothing VALUES (1)")
		return err
	})
	if err == nil {
		t.Error("a statement that cannot be prepared was run")
	}
	func() {
		defer func() {
			if recover() != enough {
				t.Error("the panic was lost")
			}
		}()
		_ = db.Transact(t.Context(), func(ctx context.Context, tx sqltx.Tx) error {
			if err := insert(ctx, tx); err != nil {
				return err
			}
			panic(enough)
		})
	}()
	if count() != 1 {
		t.Errorf("after a panic: %d rows", count())
	}
	db.mustTransact(t, insert)
	if count() != 2 {
		t.Errorf("%d rows, want 2", count())
	}
}

// A database that was closed is closed: SQLite removes its log with the last
// connection, which a statement that is kept would keep open.
func TestCloseClosesStatements(t *testing.T) {
	db := openTemp(t)
	db.mustTransact(t, func(ctx context.Context, tx sqltx.Tx) error {
		if err := tx.Once(ctx, "CREATE TABLE act (n INTEGER PRIMARY KEY)"); err != nil {
			return err
		}
		return tx.Later(ctx, "INSERT INTO act VALUES (?)", 7)
	})
	for range 2 { // closing again is no mistake
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(db.path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the log is still there: %v", err)
	}
}

// A connection that database/sql gives up, here since a statement was
// interrupted, is closed with what was prepared on it; the next transaction has
// its own. Nothing of either stays open.
func TestConnectionReplaced(t *testing.T) {
	db := openTemp(t)
	write := func() {
		t.Helper()
		db.mustTransact(t, func(ctx context.Context, tx sqltx.Tx) error {
			_, err := tx.Exec(ctx, "CREATE TABLE IF NOT EXISTS t (a INTEGER)")
			return err
		})
	}
	connection := func() (c *writing) {
		t.Helper()
		conn, err := db.writer.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.Raw(func(on any) error { c = on.(*writing); return nil }); err != nil {
			t.Fatal(err)
		}
		return c
	}
	write()
	before := connection()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO t SELECT count(*) FROM n"
	if _, err := db.writer.ExecContext(ctx, endless); err == nil {
		t.Fatal("what has no end has ended")
	}
	if connection() == before {
		t.Fatal("the connection was kept: this tests nothing")
	}
	write()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("the open files cannot be listed here")
	}
	for _, fd := range fds {
		if to, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.HasPrefix(to, db.path) {
			t.Errorf("%s is still open", to)
		}
	}
}
