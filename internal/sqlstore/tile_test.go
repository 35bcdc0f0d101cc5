package sqlstore

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
)

// TestTileAtTheEnd: of the lowest level only full tiles are stored, also in a
// database that had others; what the last entries give is read all the same. A
// full tile that was lost is missed.
func TestTileAtTheEnd(t *testing.T) {
	each(t, func(t *testing.T, s *Store, url string) {
		j := openJournal(t, s)
		var drafts []journal.Draft
		for i := range 300 {
			drafts = append(drafts, text1(fmt.Sprint("entry ", i)))
		}
		for _, r := range j.AppendAll(t.Context(), drafts...) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		rows := func(s *Store, level int) (n int) {
			t.Helper()
			if err := s.read().queryRow(t.Context(), "SELECT count(*) FROM tile WHERE level = ?", level).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if rows(s, 0) != 1 || rows(s, 1) != 1 {
			t.Errorf("%d tiles of the lowest level are stored and %d above, want 1 and 1", rows(s, 0), rows(s, 1))
		}

		// As a version before 0030 left it.
		err := s.Write(t.Context(), func(tx *Tx) error {
			return errors.Join(tx.exec("DELETE FROM migration WHERE version = 30"),
				tx.exec("INSERT INTO tile (log, level, idx, hashes) SELECT id, 0, 1, ? FROM log WHERE origin = ?", make([]byte, 40*tlog.HashSize), string(origin)))
		})
		if err != nil {
			t.Fatal(err)
		}
		entries, err := s.Entries(t.Context(), origin, 0, 300)
		if err != nil {
			t.Fatal(err)
		}
		whole := func(s *Store) {
			t.Helper()
			hashes, err := s.Tile(t.Context(), origin, 0, 1)
			if err != nil || len(hashes) != 44*tlog.HashSize {
				t.Errorf("the tile at the end: %d bytes, %v", len(hashes), err)
			}
			h, err := s.Head(t.Context(), origin)
			if err != nil {
				t.Fatal(err)
			}
			if root, err := h.RootAt(t.Context(), s, 299); err != nil || root != journaltest.Root(entries[:299]) {
				t.Errorf("the root one entry before: %v, %v", root, err)
			}
		}
		whole(s) // that version may still be running beside this one
		again := mustOpen(t, url)
		whole(again)
		if n := rows(again, 0); n != 1 {
			t.Errorf("%d tiles of the lowest level are stored after the migration", n)
		}

		if err := s.Write(t.Context(), func(tx *Tx) error { return tx.exec("DELETE FROM tile WHERE level = 0") }); err != nil {
			t.Fatal(err)
		}
		if _, err := again.Tile(t.Context(), origin, 0, 0); !errors.Is(err, journal.ErrNotFound) {
			t.Errorf("a full tile that was lost: %v, want ErrNotFound", err)
		}
		if _, err := again.Tile(t.Context(), origin, 0, 2); !errors.Is(err, journal.ErrNotFound) {
			t.Errorf("a tile behind the end: %v, want ErrNotFound", err)
		}
	})
}
