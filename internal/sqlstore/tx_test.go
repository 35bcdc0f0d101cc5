package sqlstore

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/sqlstore/postgres"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

const other comity.Origin = "au.example/journal"

// One transaction may write several logs, and other tables.
func TestTxOn(t *testing.T) {
	each(t, func(t *testing.T, s *Store, _ string) {
		why := errors.New("changed my mind")
		write := func(result error) error {
			return s.Write(t.Context(), func(tx *Tx) error {
				for _, o := range []comity.Origin{origin, other} {
					log, err := tx.On(o)
					if err != nil {
						return err
					}
					size, root, err := journal.Extend(log, [][]byte{[]byte(o)})
					if err != nil {
						return err
					}
					if err := log.PutHead(journal.Head{Origin: o, Size: size, Root: root}); err != nil {
						return err
					}
				}
				return result
			})
		}
		if err := write(why); !errors.Is(err, why) {
			t.Fatal(err)
		}
		if err := write(nil); err != nil {
			t.Fatal(err)
		}
		for _, o := range []comity.Origin{origin, other} {
			if e, err := s.Entries(t.Context(), o, 0, 1); err != nil || string(e[0]) != string(o) {
				t.Errorf("%s: %q, %v", o, e, err)
			}
		}
	})
}

// What was given up before the commit was sent is not there, and that is known;
// the connection is good for the next.
func TestGivenUpBeforeCommit(t *testing.T) {
	s := mustOpen(t, storetest.Postgres(t))
	for _, n := range []int{1, 100} { // by INSERT, and by COPY
		ctx, giveUp := context.WithCancel(t.Context())
		err := s.Update(ctx, origin, func(tx journal.Tx) error {
			size, root, err := journal.Extend(tx, make([][]byte, n))
			if err == nil {
				err = tx.PutHead(journal.Head{Origin: origin, Size: size, Root: root})
			}
			giveUp()
			return err
		})
		if err == nil || errors.Is(err, journal.ErrAmbiguous) {
			t.Errorf("%d entries: %v", n, err)
		}
		if h, err := s.Head(t.Context(), origin); err == nil && h.Size != 0 {
			t.Errorf("%d entries are there", h.Size)
		}
	}
}

func TestTxUnbound(t *testing.T) {
	each(t, func(t *testing.T, s *Store, _ string) {
		if err := s.Write(t.Context(), func(tx *Tx) error {
			_, err := tx.Head()
			_, err2 := tx.Tile(0, 0)
			for i, err := range []error{err, err2, tx.PutTile(0, 0, make([]byte, 32)), tx.PutEntries(0, nil), tx.PutHead(journal.Head{})} {
				if !errors.Is(err, errUnbound) {
					t.Errorf("%d: %v", i, err)
				}
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
}

// A view sees one state, however long it takes, and cannot write.
func TestView(t *testing.T) {
	each(t, func(t *testing.T, s *Store, _ string) {
		j := openJournal(t, s)
		if err := s.View(t.Context(), func(tx *Tx) error {
			var before, after int
			if err := tx.queryRow(tx.ctx, "SELECT count(*) FROM entry").Scan(&before); err != nil {
				return err
			}
			if _, err := j.Append(t.Context(), text1("meanwhile")); err != nil {
				return err
			}
			if err := tx.queryRow(tx.ctx, "SELECT count(*) FROM entry").Scan(&after); err != nil {
				return err
			}
			if before != 0 || after != 0 {
				t.Errorf("saw %d entries, then %d", before, after)
			}
			if err := tx.exec("DELETE FROM entry"); err == nil {
				t.Error("a view has written")
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		mustRead(t, s, "meanwhile")
	})
}

func TestValues(t *testing.T) {
	each(t, func(t *testing.T, s *Store, _ string) {
		type values struct {
			Domain comity.Domain
			Name   comity.ActName
			Time   comity.Time
			Hash   comity.Hash
			Blob   []byte
		}
		rows := []values{
			{"ecowas.example", comity.ActName{Domain: "ecowas.example", Index: 12}, comity.TimeOf(time.Unix(1050000000, 0)), comity.Hash{1, 31: 2}, []byte{0, 255}},
			{},
		}
		if err := s.Write(t.Context(), func(tx *Tx) error {
			if err := tx.script("CREATE TABLE t (n INTEGER PRIMARY KEY, d TEXT NOT NULL, a TEXT NOT NULL, w TEXT NOT NULL, h BLOB NOT NULL, b BLOB NOT NULL);"); err != nil {
				return err
			}
			for _, r := range rows {
				if err := tx.exec("INSERT INTO t (d, a, w, h, b) VALUES (?, ?, ?, ?, ?)",
					r.Domain, text(r.Name), text(r.Time), hash(r.Hash), blob(r.Blob)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		rs, err := s.read().query(t.Context(), "SELECT d, a, w, h, b FROM t ORDER BY n")
		got, err := collect(rs, err, func(rs row) (r values, err error) {
			return r, rs.Scan(&r.Domain, intoText(&r.Name), intoText(&r.Time), intoHash(&r.Hash), &r.Blob)
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range got {
			if w := rows[i]; r.Domain != w.Domain || r.Name != w.Name || !r.Time.Equal(w.Time.Time) || r.Hash != w.Hash || string(r.Blob) != string(w.Blob) {
				t.Errorf("row %d came back as %+v, want %+v", i, r, w)
			}
		}
		var h comity.Hash
		if err := s.read().queryRow(t.Context(), "SELECT b FROM t WHERE n = 1").Scan(intoHash(&h)); err == nil {
			t.Error("two bytes were read as a hash")
		}
	})
}

// Statements are kept prepared from their second use on, and their errors are
// reported when they are run.
func TestStatementsPrepared(t *testing.T) {
	each(t, func(t *testing.T, s *Store, _ string) {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				for range 20 {
					var n int
					if err := s.read().queryRow(t.Context(), "SELECT count(*) FROM entry WHERE pos > ?", 3).Scan(&n); err != nil {
						t.Error(err)
					}
					if _, err := s.read().query(t.Context(), "SELECT nothing FROM nowhere"); err == nil {
						t.Error("nonsense was run")
					}
				}
			})
		}
		wg.Wait()
		for range 3 {
			if err := s.Write(t.Context(), func(tx *Tx) error {
				err := tx.exec("INSERT INTO nowhere VALUES (1)")
				return err
			}); err == nil {
				t.Error("nonsense was run")
			}
		}
	})
}

func TestRebind(t *testing.T) {
	for in, want := range map[string]string{
		"SELECT 1":                          "SELECT 1",
		"INSERT INTO a VALUES (?, ?, ?)":    "INSERT INTO a VALUES ($1, $2, $3)",
		"SELECT '?', x FROM a WHERE y = ?":  "SELECT '?', x FROM a WHERE y = $1",
		"SELECT 'it''s ?' FROM a WHERE y=?": "SELECT 'it''s ?' FROM a WHERE y=$1",
	} {
		if got := new(postgres.DB).SQL(in); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}

func TestDDL(t *testing.T) {
	const in = `CREATE TABLE a (
	id  INTEGER PRIMARY KEY,
	pos INTEGER NOT NULL,
	w   REAL,
	b   BLOB NOT NULL
) STRICT, WITHOUT ROWID;
--postgres ALTER TABLE a ALTER b SET STORAGE EXTERNAL;
--sqlite CREATE INDEX c ON a (w);
`
	const want = `CREATE TABLE a (
	id  BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	pos BIGINT NOT NULL,
	w   DOUBLE PRECISION,
	b   BYTEA NOT NULL
);
ALTER TABLE a ALTER b SET STORAGE EXTERNAL;
--sqlite CREATE INDEX c ON a (w);
`
	if got := new(postgres.DB).DDL(in); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
