package monitor_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/monitor/monitortest"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// shows has un.example show the checkpoint of a size of l, and nothing else, to
// a poll. first, if not nil, is called once it was asked for.
func (p *pushing) shows(l *witnesstest.Log, size int64, first func()) {
	p.t.Helper()
	p.origin.Set(func(o *monitortest.Origin) {
		o.Instead = func(rw http.ResponseWriter, r *http.Request) bool {
			switch {
			case strings.HasSuffix(r.URL.Path, "/checkpoint"):
				if first != nil {
					first()
				}
				rw.Write(l.Checkpoint(size))
			case strings.Contains(r.URL.Path, "/tile/"):
				http.Error(rw, "not now", http.StatusInternalServerError)
			default:
				return false
			}
			return true
		}
	})
	if _, err := p.m.Poll(p.t.Context()); err == nil {
		p.t.Fatal("entries were read that were not served")
	}
}

// keeps checks the checkpoints that the copy was not compared with: the largest,
// and the others.
func (p *pushing) keeps(largest int64, others ...int64) {
	p.t.Helper()
	st, err := p.mem.State(p.t.Context(), un)
	if err != nil || st.Claim == nil || st.Claim.Size != largest {
		p.t.Fatalf("the largest checkpoint is %+v, %v; want that of size %d", st.Claim, err, largest)
	}
	if !slices.EqualFunc(st.Unproven, others, func(c monitor.Claim, n int64) bool { return c.Size == n }) {
		p.t.Fatalf("beside it are kept %+v; want %d", st.Unproven, others)
	}
}

// frozenAt checks that evidence of a size is kept, and that nothing beyond mirrored
// was signed.
func (p *pushing) frozenAt(size, mirrored int64) {
	p.t.Helper()
	st, err := p.mem.State(p.t.Context(), un)
	if err != nil || st.Frozen == nil || st.Frozen.Size != size {
		p.t.Errorf("frozen by %+v, %v; want evidence of size %d", st.Frozen, err, size)
	}
	if c, err := p.mem.Mirror(p.t.Context(), un); err != nil || c.Size > mirrored {
		p.t.Errorf("signed for %d entries, %v; want at most %d", c.Size, err, mirrored)
	}
}

// Whatever a journal has signed is compared with the copy in the end, also what
// could not be compared when it was shown, whichever is larger and however it came.
func TestUnprovenIsCompared(t *testing.T) {
	// begin has 10 entries of a copied; b is another past from entry 12 on.
	begin := func(t *testing.T) (p *pushing, a, b *witnesstest.Log) {
		t.Helper()
		p = newPushing(t, 30)
		a = p.origin.Log
		wantStatus(t, p.addCheckpoint(0, nil, a.Checkpoint(10)), http.StatusOK)
		wantStatus(t, p.addEntries(upload{un, 0, 10, ""}, packages(t, a, 0, 10, 10)...), http.StatusOK)
		p.holds(10)
		return p, a, a.Fork(12)
	}
	const unprocessable = http.StatusUnprocessableEntity
	t.Run("a smaller one, polled", func(t *testing.T) {
		p, a, b := begin(t)
		wantStatus(t, p.addCheckpoint(10, b.Proof(20, 10), b.Checkpoint(20)), http.StatusOK)
		p.shows(a, 15, nil)
		p.keeps(20, 15)
		wantStatus(t, p.addEntries(upload{un, 10, 20, ""}, packages(t, b, 10, 20, 20)...), unprocessable)
		p.frozenAt(15, 10)
	})
	t.Run("a larger one, polled", func(t *testing.T) {
		p, a, b := begin(t)
		p.shows(a, 15, nil)
		p.shows(b, 20, nil)
		p.keeps(15, 20)
		wantStatus(t, p.addCheckpoint(15, a.Proof(25, 15), a.Checkpoint(25)), http.StatusOK)
		p.keeps(25, 20)
		wantStatus(t, p.addEntries(upload{un, 10, 25, ""}, packages(t, a, 10, 25, 25)...), unprocessable)
		p.frozenAt(20, 10)
	})
	t.Run("one pushed with a proof that fails", func(t *testing.T) {
		p, a, b := begin(t)
		wantStatus(t, p.addCheckpoint(10, a.Proof(15, 10), a.Checkpoint(15)), http.StatusOK)
		wantStatus(t, p.addCheckpoint(15, b.Proof(20, 15), b.Checkpoint(20)), unprocessable)
		p.keeps(15, 20)
		p.restart()
		wantStatus(t, p.addEntries(upload{un, 10, 15, ""}, packages(t, a, 10, 15, 15)...), http.StatusOK)
		p.origin.Set(func(o *monitortest.Origin) { o.Size, o.Instead = 25, nil })
		p.forks(25)
		p.frozenAt(20, 15)
	})
	t.Run("one of the same size", func(t *testing.T) {
		p, a, b := begin(t)
		wantStatus(t, p.addCheckpoint(10, b.Proof(20, 10), b.Checkpoint(20)), http.StatusOK)
		p.shows(a, 15, nil)
		wantStatus(t, p.addCheckpoint(20, b.Proof(20, 20), b.Checkpoint(20)), http.StatusOK)
		p.shows(b, 15, nil)
		p.frozenAt(15, 10)
	})
	t.Run("one that a remembered checkpoint would replace", func(t *testing.T) {
		p, a, _ := begin(t)
		p.origin.Set(func(o *monitortest.Origin) { o.Log.Grow(600) })
		b := a.Fork(300)
		ticket := "comity/checkpoint\n" + string(witness.FormatRequest(10, b.Proof(600, 10), b.Checkpoint(600)))
		wantStatus(t, p.addEntries(upload{un, 10, 600, ticket}), http.StatusBadRequest)
		p.shows(a, 400, nil)
		p.keeps(400)
		sent := packages(t, b, 10, 600, 600)
		wantStatus(t, p.addEntries(upload{un, 10, 600, ""}, sent[0]), http.StatusAccepted)
		p.keeps(600, 400)
		wantStatus(t, p.addEntries(upload{un, 256, 600, ""}, sent[1:]...), unprocessable)
		p.frozenAt(400, 10)
	})
	t.Run("one that the copy grew over, by a push that was cut off before they were compared", func(t *testing.T) {
		p, a, b := begin(t)
		ctx, cut := context.WithCancel(t.Context())
		p.conf.Journal = cutOff{p.copy, cut}
		p.restart()
		wantStatus(t, p.addCheckpoint(10, b.Proof(20, 10), b.Checkpoint(20)), http.StatusOK)
		p.shows(a, 15, nil)
		body := append(upload{un, 10, 20, ""}.encode(), bytes.Join(packages(t, b, 10, 20, 20), nil)...)
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/add-entries", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/octet-stream")
		rec := httptest.NewRecorder()
		p.server.ServeHTTP(rec, r)
		wantStatus(t, rec, http.StatusInternalServerError)
		p.holds(20)
		p.origin.Set(func(o *monitortest.Origin) { o.Log, o.Size, o.Instead = b, 20, nil })
		p.forks(20)
		p.frozenAt(15, 10)
	})
	for name, n := range map[string]int64{"smaller": 14, "of the same size": 15, "larger": 16} {
		t.Run("one shown to another process meanwhile, "+name, func(t *testing.T) {
			p, a, b := begin(t)
			p.shows(a, 15, func() { p.wasShown(b, n) })
			p.keeps(max(n, 15), min(n, 15))
			larger, end := a, int64(15)
			if n > end {
				larger, end = b, n
			}
			wantStatus(t, p.addEntries(upload{un, 10, end, ""}, packages(t, larger, 10, end, end)...), unprocessable)
			p.frozenAt(min(n, 15), 10)
		})
	}
	t.Run("one shown to another process, that the copy is larger than by now", func(t *testing.T) {
		p, a, b := begin(t)
		wantStatus(t, p.addCheckpoint(10, a.Proof(20, 10), a.Checkpoint(20)), http.StatusOK)
		wantStatus(t, p.addEntries(upload{un, 10, 20, ""}, packages(t, a, 10, 20, 20)...), http.StatusOK)
		p.wasShown(b, 15)
		wantStatus(t, p.addCheckpoint(20, a.Proof(25, 20), a.Checkpoint(25)), unprocessable)
		p.frozenAt(15, 20)
	})
}

// cutOff is a store whose caller's context ends with a commit of his. It heeds that.
type cutOff struct {
	journal.Store
	cut context.CancelFunc
}

func (c cutOff) Tile(ctx context.Context, o comity.Origin, level int, n int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return c.Store.Tile(ctx, o, level, n)
}

func (c cutOff) Update(ctx context.Context, o comity.Origin, fn func(journal.Tx) error) error {
	err := c.Store.Update(ctx, o, fn)
	if err == nil {
		c.cut()
	}
	return err
}
