package sqlstore_test

import (
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
	"github.com/comity/comity/internal/sqlstore"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

// Connections are cut again and again while it is written and read: what was
// said to be written is there, once; what was said not to be is not; reads that
// had not begun do not fail.
func TestConnectionsCut(t *testing.T) {
	address := storetest.Postgres(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	params := u.Query()
	params.Set("application_name", "cut_"+params.Get("schema")) // pgx takes + for itself, not for a space
	u.RawQuery = params.Encode()
	s, err := sqlstore.Open(t.Context(), u.String(), sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const o = "un.example/journal"
	written := map[string]error{}
	done := make(chan struct{})
	var cuts atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if _, err := s.Head(t.Context(), o); err != nil {
				t.Errorf("a read failed: %v", err)
			}
		}
	})
	for cut := range 8 {
		for i := range 40 {
			name := fmt.Sprintf("%d/%d", cut, i)
			written[name] = s.Update(t.Context(), o, func(tx journal.Tx) error {
				size, root, err := journal.Extend(tx, [][]byte{[]byte(name)})
				if err != nil {
					return err
				}
				return tx.PutHead(journal.Head{Origin: o, Size: size, Root: root})
			})
			if i == 20 {
				wg.Go(func() { cuts.Add(int64(storetest.Cut(t, address, params.Get("application_name")))) })
			}
		}
	}
	close(done)
	wg.Wait()
	if cuts.Load() < 8 {
		t.Errorf("%d connections were cut, want some each time", cuts.Load())
	}
	h, err := s.Head(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := s.Entries(t.Context(), o, 0, h.Size)
	if err != nil || journaltest.Root(entries) != h.Root {
		t.Fatalf("%d entries do not have the root of the head: %v", len(entries), err)
	}
	times := map[string]int{}
	for _, e := range entries {
		times[string(e)]++
	}
	failed := 0
	for name, err := range written {
		n := times[name]
		switch {
		case err == nil && n != 1:
			t.Errorf("%s was written, and is there %d times", name, n)
		case errors.Is(err, journal.ErrAmbiguous) && n > 1, err != nil && !errors.Is(err, journal.ErrAmbiguous) && n != 0:
			t.Errorf("%s is there %d times after %v", name, n, err)
		}
		if err != nil {
			failed++
		}
	}
	if failed > 16 { // at most the one under way at each cut, on each of two connections
		t.Errorf("%d of %d writes failed for 8 cuts", failed, len(written))
	}
}
