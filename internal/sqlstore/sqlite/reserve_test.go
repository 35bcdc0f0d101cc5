package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/comity/comity/internal/sqlstore/sqltx"
)

// TestReserve: commits write into the room that was taken and do not make the
// log longer, and whoever finds the files after a crash finds what was
// committed, and nothing else.
func TestReserve(t *testing.T) {
	path := filepath.Join(t.TempDir(), "comity.db")
	db, err := Open(t.Context(), path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	write := func(q string, args ...any) {
		t.Helper()
		err := db.Transact(t.Context(), func(ctx context.Context, tx sqltx.Tx) error {
			if err := tx.Later(ctx, q, args...); err != nil {
				return err
			}
			_, err := tx.Commit(ctx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	size := func() int64 {
		t.Helper()
		st, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return st.Size()
	}
	// crash opens the files as they are at this moment, without the index of the
	// log, which is lost.
	crash := func(want int) {
		t.Helper()
		copied := filepath.Join(t.TempDir(), "comity.db")
		for _, ending := range []string{"", "-wal"} {
			b, err := os.ReadFile(path + ending)
			if err == nil {
				err = os.WriteFile(copied+ending, b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		again, err := Open(t.Context(), copied, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		var n int
		var whole string
		if err := again.reader.QueryRow("SELECT count(*) FROM act").Scan(&n); err != nil || n != want {
			t.Errorf("%d rows after a crash, %v; want %d", n, err, want)
		}
		if err := again.reader.QueryRow("PRAGMA integrity_check").Scan(&whole); err != nil || whole != "ok" {
			t.Errorf("after a crash: %s, %v", whole, err)
		}
	}

	write("CREATE TABLE act (n INTEGER PRIMARY KEY, doc BLOB)")
	if err := db.Reserve(t.Context()); err != nil {
		t.Fatal(err)
	}
	room := size()
	if room < logPages*PageSize {
		t.Fatalf("the log has %d bytes; it gets %d long before it is copied", room, logPages*PageSize)
	}
	crash(0)
	for i := range 100 {
		write("INSERT INTO act VALUES (?, ?)", i, make([]byte, 3000))
	}
	crash(100)
	if _, err := db.writer.Exec("PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		write("INSERT INTO act VALUES (?, ?)", 100+i, make([]byte, 3000))
	}
	crash(150)
	if size() != room {
		t.Errorf("commits made the log longer: %d bytes, and %d were reserved", size(), room)
	}
	if err := db.Reserve(t.Context()); err != nil || size() != room {
		t.Errorf("reserved again: %d bytes, %v; want %d", size(), err, room)
	}
}

// The log is copied into the file beside the commits, which do not make it longer
// then.
func TestLogIsCopied(t *testing.T) {
	db := openTemp(t)
	db.mustTransact(t, func(ctx context.Context, tx sqltx.Tx) error {
		_, err := tx.Exec(ctx, "CREATE TABLE t (a BLOB)")
		return err
	})
	length := func() int64 {
		st, err := os.Stat(db.path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return st.Size()
	}
	copies := func() int64 {
		db.logged.copying.Lock()
		defer db.logged.copying.Unlock()
		return db.logged.copies
	}
	const blob = 1 << 20
	for round := range int64(4) {
		for written := int64(0); written <= logPages*PageSize; written += blob {
			db.mustTransact(t, func(ctx context.Context, tx sqltx.Tx) error {
				_, err := tx.Exec(ctx, "INSERT INTO t VALUES (?)", make([]byte, blob))
				return err
			})
		}
		for end := time.Now().Add(20 * time.Second); copies() == round; runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatalf("the log was copied %d times", round)
			}
		}
	}
	if n := length(); n > (logPages+logPages/2)*PageSize {
		t.Errorf("the log has %d bytes", n)
	}
}
