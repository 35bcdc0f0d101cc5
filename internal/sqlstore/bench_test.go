package sqlstore

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

const origin comity.Origin = "ecowas.example/journal"

// openJournal opens a new journal over s.
func openJournal(t testing.TB, s *Store) *journal.Journal {
	t.Helper()
	return openJournalWith(t, s, nil)
}

// openJournalWith does so with what is derived from its entries.
func openJournalWith(t testing.TB, s *Store, project func(journal.Tx, int64, [][]byte) error) *journal.Journal {
	t.Helper()
	skey, _, err := note.GenerateKey(rand.Reader, string(origin))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), journal.Config{Store: s, Origin: origin, Signer: signer, Project: project})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// BenchmarkAppend appends opaque entries of 1 KB: durable, in the tree, under
// a signed checkpoint. One operation is one entry. Beside the rate it reports
// the latency that callers see, and for comparison one write of 4 KB and
// fdatasync, measured just before.
func BenchmarkAppend(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "comity.db") },
		"postgres": storetest.Postgres,
	} {
		for _, callers := range []int{1, 16, 256, 4000} {
			b.Run(fmt.Sprintf("%s/callers=%d", name, callers), func(b *testing.B) {
				benchmarkAppend(b, url(b), callers)
			})
		}
	}
}

func benchmarkAppend(b *testing.B, url string, callers int) {
	sync50 := fdatasync(b)
	j := openJournal(b, mustOpen(b, url))
	entry := make([]byte, 1024)
	rand.Read(entry)
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for n := next.Add(1) - 1; n < int64(b.N); n = next.Add(1) - 1 {
				start := time.Now()
				_, err := j.Append(context.Background(), func(int64) ([]byte, error) { return entry, nil })
				if err != nil {
					b.Error(err)
					return
				}
				took[n] = time.Since(start)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric(ms(took[b.N/2]), "p50-ms")
	b.ReportMetric(ms(took[b.N*99/100]), "p99-ms")
	b.ReportMetric(sync50, "fdatasync-p50-ms")
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// fdatasync is the median time of appending 4 KB to a file and waiting for
// the disk, in milliseconds.
func fdatasync(b *testing.B) float64 {
	f, err := os.Create(filepath.Join(b.TempDir(), "sync"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	took := make([]time.Duration, 200)
	for i := range took {
		start := time.Now()
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			b.Fatal(err)
		}
		if err := datasync(f); err != nil {
			b.Fatal(err)
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	return ms(took[len(took)/2])
}

// BenchmarkVerify reads a journal of 1 KB entries again and recomputes its
// tree. One operation is one entry.
func BenchmarkVerify(b *testing.B) {
	s := mustOpen(b, "sqlite:"+filepath.Join(b.TempDir(), "comity.db"))
	j := openJournal(b, s)
	entry := make([]byte, 1024)
	rand.Read(entry)
	drafts := make([]journal.Draft, b.N)
	for i := range drafts {
		drafts[i] = func(int64) ([]byte, error) { return entry, nil }
	}
	for _, r := range j.AppendAll(b.Context(), drafts...) {
		if r.Err != nil {
			b.Fatal(r.Err)
		}
	}
	b.ResetTimer()
	// There is no key here to check with: all else is verified before that.
	if err := journal.Verify(b.Context(), s, origin, note.VerifierList()); err == nil {
		b.Fatal("verified without a key")
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}
