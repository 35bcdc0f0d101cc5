package sqlstore

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

// envVictim holds the address of the database for the process that is killed.
const envVictim = "COMITY_TEST_VICTIM"

// A process is killed while many callers append. What it had confirmed is
// there afterwards, under a head that is right; nothing is there by half.
func TestKilled(t *testing.T) {
	if url := os.Getenv(envVictim); url != "" {
		victim(t, url)
		return
	}
	for name, address := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "comity.db") },
		"postgres": storetest.Postgres,
	} {
		t.Run(name, func(t *testing.T) {
			url := address(t)
			for range 3 {
				kill(t, url)
			}
		})
	}
}

func victim(t *testing.T, url string) {
	j := openJournal(t, mustOpen(t, url))
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for n := range 1000 { // killed long before
				var entry []byte
				a, err := j.Append(t.Context(), func(index int64) ([]byte, error) {
					entry = fmt.Appendf(nil, "%d of %d %s", index, os.Getpid(), strings.Repeat("x", n%1500))
					return entry, nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				fmt.Printf("confirmed %d %s\n", a.Index, tlog.RecordHash(entry))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func kill(t *testing.T, url string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestKilled$")
	cmd.Env = append(os.Environ(), envVictim+"="+url)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	confirmed := map[int64]string{}
	for in := bufio.NewScanner(out); in.Scan(); {
		var index int64
		var leaf string
		if _, err := fmt.Sscanf(in.Text(), "confirmed %d %s", &index, &leaf); err != nil || len(leaf) != 44 {
			continue // cut off, or the test's own words
		}
		confirmed[index] = leaf
		if len(confirmed) == 500 {
			cmd.Process.Kill()
		}
	}
	cmd.Wait()
	if len(confirmed) < 500 {
		t.Fatalf("only %d entries were confirmed", len(confirmed))
	}

	s := mustOpen(t, url)
	h, err := s.Head(t.Context(), origin)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := s.Entries(t.Context(), origin, 0, h.Size)
	if err != nil {
		t.Fatal(err)
	}
	for index, leaf := range confirmed {
		if index >= h.Size || tlog.RecordHash(entries[index]).String() != leaf {
			t.Fatalf("entry %d was confirmed, but is not among the %d there", index, h.Size)
		}
	}
	for i, e := range entries {
		if !strings.HasPrefix(string(e), fmt.Sprintf("%d of ", i)) {
			t.Fatalf("entry %d says it is %.20q", i, e)
		}
	}
	if root, err := journal.RootAt(t.Context(), s, origin, h.Size); err != nil || root != h.Root {
		t.Fatalf("root %s, %v; the head says %s", root, err, h.Root)
	}
	openJournal(t, s) // it goes on
	s.Close()
}

// Two processes, or a command beside the node, write one database.
func TestTwoWriters(t *testing.T) {
	each(t, func(t *testing.T, s *Store, url string) {
		const n = 40
		var wg sync.WaitGroup
		for i, s := range []*Store{s, mustOpen(t, url)} {
			j := openJournal(t, s)
			for c := range 4 {
				wg.Go(func() {
					for k := range n / 4 {
						if _, err := j.Append(t.Context(), text1(fmt.Sprint(i, c, k))); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		wg.Wait()
		h, err := s.Head(t.Context(), origin)
		if err != nil || h.Size != 2*n {
			t.Errorf("size %d, %v; want %d", h.Size, err, 2*n)
		}
		if root, err := journal.RootAt(t.Context(), s, origin, h.Size); err != nil || root != h.Root {
			t.Errorf("root %s, %v; the head says %s", root, err, h.Root)
		}
	})
}
