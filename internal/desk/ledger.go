package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/seal"
)

// Store is what the ledger needs of the database: logs, and the order in which
// their entries arrived.
type Store interface {
	journal.Store
	// Arrivals returns up to limit runs of entries that arrived at or after
	// position from, in order. The first may have begun before from.
	Arrivals(ctx context.Context, from int64, limit int) ([]Arrival, error)
}

// Arriver is implemented by the transactions of a Store: it gives entries of
// the transaction's log the next positions, and returns the first.
type Arriver interface {
	Arrive(first int64, n int) (pos int64, err error)
}

// Arrival is a run of entries of one log that arrived together: entry
// First+i has position Pos+i.
type Arrival struct {
	Pos    int64
	Origin comity.Origin
	First  int64
	N      int64
}

// Ledger is everything this node holds, decoded and folded: its own journal
// and those it follows. It keeps two books: the public one, of CLEAR acts,
// which is the same at every node that holds the same journals; and the full
// one, with what this organization can open.
//
// Whatever is written through Journals is in the ledger when the write
// returns.
type Ledger struct {
	self  comity.Domain
	store Store
	blobs *blob.Store
	keys  seal.Keyring

	reading sync.Mutex // held while the store is read for what is not here
	opening sync.Mutex // held while acts are opened whose blobs have arrived

	mu      sync.Mutex
	public  *casefile.Book
	full    *casefile.Book
	acts    map[comity.ActName]*Held
	order   []*Held // by position; order[i].Pos == i+1
	early   map[int64][]*Held
	missing map[comity.Hash][]want // blobs of sealed entries that are not here
	heads   map[comity.Domain]int64
	sealed  map[comity.Domain][]*Held // sealed entries of each journal, by position in it
	behind  map[comity.Origin]bool    // logs of which the store may hold more than the ledger
	news    chan struct{}             // closed and replaced when something arrives
}

// want is a blob that a sealed entry commits to. Several may want the same one:
// anybody can write down another's commitment.
type want struct {
	size int64
	of   comity.ActName
}

// OpenLedger reads what the store holds.
func OpenLedger(ctx context.Context, self comity.Domain, store Store, blobs *blob.Store, keys seal.Keyring) (*Ledger, error) {
	l := &Ledger{self: self, store: store, blobs: blobs, keys: keys,
		public: casefile.NewBook(), full: casefile.NewBook(), acts: map[comity.ActName]*Held{},
		early: map[int64][]*Held{}, missing: map[comity.Hash][]want{}, heads: map[comity.Domain]int64{}, sealed: map[comity.Domain][]*Held{},
		behind: map[comity.Origin]bool{}, news: make(chan struct{})}
	if err := l.load(ctx); err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	return l, nil
}

// chunk is how many entries are read at a time.
const chunk = 1024

func (l *Ledger) load(ctx context.Context) error {
	l.reading.Lock()
	defer l.reading.Unlock()
	for last := int64(-1); ; {
		held := l.ordered()
		from := held + 1
		runs, err := l.store.Arrivals(ctx, from, 256)
		if err != nil || len(runs) == 0 {
			return err
		}
		if held == last {
			return fmt.Errorf("the store has entries after position %d and none at it", from)
		}
		last = held
		for _, r := range runs {
			for i := int64(0); i < r.N; i += chunk {
				n := min(chunk, r.N-i)
				entries, err := l.store.Entries(ctx, r.Origin, r.First+i, r.First+i+n)
				if err != nil {
					return err
				}
				held, err := l.decode(ctx, r.Origin, r.First+i, r.Pos+i, entries)
				if err != nil {
					return err
				}
				l.mu.Lock()
				l.take(held)
				l.mu.Unlock()
			}
		}
	}
}

func (l *Ledger) ordered() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.order))
}

// decode makes Held of entries, opening what is sealed to this organization.
// It does not touch the ledger's state.
func (l *Ledger) decode(ctx context.Context, o comity.Origin, first, pos int64, entries [][]byte) ([]*Held, error) {
	d, err := o.Domain()
	if err != nil {
		return nil, err
	}
	held := make([]*Held, len(entries))
	for i, e := range entries {
		h := &Held{Pos: pos + int64(i), Name: comity.ActName{Domain: d, Index: first + int64(i)}, Leaf: comity.LeafHash(e), Entry: e}
		held[i] = h
		entry, err := act.DecodeEntry(d, e)
		if err != nil {
			h.Why = err.Error()
			continue
		}
		h.At, h.Status, h.Act, h.Sealed = entry.Recorded, entry.Status, entry.Act, entry.Sealed
		if h.Sealed != nil {
			if err := l.unseal(ctx, h, entry); err != nil {
				return nil, err
			}
		}
	}
	return held, nil
}

// What Held.Why says of sealed acts that are not open here.
const (
	whySealed   = "sealed to others"
	whyAwaiting = "its sealed content has not arrived"
)

// unseal opens a sealed act if its blobs are here and it is sealed to us. Only
// a failing disk is an error; anything wrong with the act is its own problem.
func (l *Ledger) unseal(ctx context.Context, h *Held, e *act.Entry) error {
	var plain [2][]byte
	for i, part := range []struct {
		purpose seal.Purpose
		c       act.Commitment
	}{{seal.Effects, h.Sealed.Effects}, {seal.Content, h.Sealed.Content}} {
		box, err := l.blobs.Get(ctx, part.c.SHA256)
		if errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrCorrupt) { // damaged: it is fetched again
			h.Why = whyAwaiting
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
		opened, err := l.keys.Open(h.Name.Domain, part.purpose, part.c, box)
		switch {
		case errors.Is(err, seal.ErrNotAddressee):
			h.Why = whySealed
			return nil
		case err != nil:
			h.Why = err.Error()
			return nil
		}
		plain[i] = opened.Payload
	}
	a, err := act.DecodeOpened(e, plain[0], plain[1])
	if err != nil {
		h.Why = err.Error()
		return nil
	}
	h.Act, h.Opened, h.Why = a, plain[1], ""
	return nil
}

// take adds entries to books and order. The caller holds mu.
func (l *Ledger) take(held []*Held) {
	if len(held) == 0 {
		return
	}
	for _, h := range held {
		if _, ok := l.acts[h.Name]; ok {
			continue
		}
		l.acts[h.Name] = h
		l.heads[h.Name.Domain] = max(l.heads[h.Name.Domain], h.Name.Index+1)
		l.book(h)
		if h.Sealed != nil {
			l.sealed[h.Name.Domain] = append(l.sealed[h.Name.Domain], h)
		}
		if h.Why == whyAwaiting {
			for _, c := range []act.Commitment{h.Sealed.Effects, h.Sealed.Content} {
				l.missing[c.SHA256] = append(l.missing[c.SHA256], want{c.Size, h.Name})
			}
		}
		if h.Pos != int64(len(l.order))+1 {
			l.early[h.Pos] = append(l.early[h.Pos], h) // another log's commit was first
			continue
		}
		l.order = append(l.order, h)
		for {
			next := int64(len(l.order)) + 1
			e, ok := l.early[next]
			if !ok {
				break
			}
			l.order = append(l.order, e[0])
			delete(l.early, next)
		}
	}
	close(l.news)
	l.news = make(chan struct{})
}

// hides reports whether a journal holds sealed entries, recorded at or after a
// time, of which hidden says that they are. The caller holds mu.
func (l *Ledger) hides(d comity.Domain, since comity.Time, hidden func(*Held) bool) bool {
	sealed := l.sealed[d]
	for i := len(sealed) - 1; i >= 0 && !sealed[i].At.Before(since.Time); i-- {
		if hidden(sealed[i]) {
			return true
		}
	}
	return false
}

func (l *Ledger) book(h *Held) {
	if h.Act == nil {
		return
	}
	it := casefile.Item{Name: h.Name, Leaf: h.Leaf, Act: h.Act}
	l.full.Add(it)
	if h.Sealed == nil {
		l.public.Add(it)
	}
}

// Journals is the store through which journals must be written, so that the
// ledger learns of every entry: it gives entries their positions in the same
// transaction, and takes them into the books once that is committed.
func (l *Ledger) Journals() journal.Store { return &recording{Store: l.store, l: l} }

type recording struct {
	Store
	l *Ledger
}

type run struct {
	first, pos int64
	entries    [][]byte
}

// Head implements journal.Store.
func (r *recording) Head(ctx context.Context, o comity.Origin) (journal.Head, error) {
	_ = r.l.catchUp(ctx) // best effort: what keeps failing is said by the next Update
	return r.Store.Head(ctx, o)
}

// Update implements journal.Store. It writes nothing while the ledger cannot
// read what was written before.
func (r *recording) Update(ctx context.Context, o comity.Origin, fn func(journal.Tx) error) error {
	if err := r.l.catchUp(ctx); err != nil {
		return fmt.Errorf("read what was recorded before: %w", err)
	}
	was := r.l.lags(o)
	var runs []run
	ran := false
	err := r.Store.Update(ctx, o, func(tx journal.Tx) error {
		ran, runs = true, runs[:0]
		return fn(&recordingTx{Tx: tx, runs: &runs})
	})
	ctx = context.WithoutCancel(ctx)
	if errors.Is(err, journal.ErrAmbiguous) {
		// Whether it is there or not: read what the store says, when it can, and
		// again once the log was locked, when the commit has come to its end.
		r.l.lag(o, true)
		return errors.Join(err, r.l.CatchUp(ctx))
	}
	if was && ran && r.l.CatchUp(ctx) == nil {
		r.l.lag(o, false)
	}
	if err != nil {
		return err
	}
	for _, x := range runs {
		held, err := r.l.decode(ctx, o, x.first, x.pos, x.entries)
		if err != nil {
			// It is recorded: an error would say that it is not.
			r.l.lag(o, true)
			return nil
		}
		r.l.mu.Lock()
		r.l.take(held)
		r.l.mu.Unlock()
	}
	return nil
}

func (l *Ledger) lag(o comity.Origin, lags bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if lags {
		l.behind[o] = true
	} else {
		delete(l.behind, o)
	}
}

func (l *Ledger) lags(o comity.Origin) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.behind[o]
}

// catchUp is CatchUp if the ledger may be behind the store.
func (l *Ledger) catchUp(ctx context.Context) error {
	l.mu.Lock()
	behind := len(l.behind) > 0
	l.mu.Unlock()
	if !behind {
		return nil
	}
	return l.CatchUp(ctx)
}

type recordingTx struct {
	journal.Tx
	runs *[]run
}

// Unwrap returns the store's own transaction.
func (t *recordingTx) Unwrap() journal.Tx { return t.Tx }

func (t *recordingTx) PutEntries(first int64, entries [][]byte) error {
	if len(entries) == 0 {
		return nil
	}
	a, ok := t.Tx.(Arriver)
	if !ok {
		return errors.New("desk: the store gives entries no positions")
	}
	if err := t.Tx.PutEntries(first, entries); err != nil {
		return err
	}
	pos, err := a.Arrive(first, len(entries))
	if err != nil {
		return err
	}
	*t.runs = append(*t.runs, run{first, pos, slices.Clone(entries)})
	return nil
}

// CatchUp takes in what the store holds and the ledger does not: after a
// commit whose outcome was unknown, or written by another process.
func (l *Ledger) CatchUp(ctx context.Context) error { return l.load(ctx) }

// News is closed when something arrives after the call.
func (l *Ledger) News() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.news
}

// Missing lists blobs that entries of a journal commit to and that are not
// here, of the oldest entry first.
func (l *Ledger) Missing(o comity.Origin) []act.Commitment {
	d, err := o.Domain()
	if err != nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	type wanted struct {
		act.Commitment
		index int64
	}
	var all []wanted
	for h, ws := range l.missing {
		if i := slices.IndexFunc(ws, func(w want) bool { return w.of.Domain == d }); i >= 0 {
			all = append(all, wanted{act.Commitment{SHA256: h, Size: ws[i].size}, ws[i].of.Index})
		}
	}
	slices.SortFunc(all, func(a, b wanted) int {
		return cmp.Or(cmp.Compare(a.index, b.index), slices.Compare(a.SHA256[:], b.SHA256[:]))
	})
	var out []act.Commitment
	for _, w := range all {
		out = append(out, w.Commitment)
	}
	return out
}

// Arrived says that a blob is in the blob store now; the acts that waited for
// it are opened when all their blobs are there. After an error it is as if it
// had not been called.
func (l *Ledger) Arrived(ctx context.Context, sha comity.Hash) error {
	// One at a time: else, of the two blobs of an act, the first to be looked
	// for could be the last to say whether it is open.
	l.opening.Lock()
	defer l.opening.Unlock()
	l.mu.Lock()
	var waiting []*Held
	for _, w := range l.missing[sha] {
		waiting = append(waiting, l.acts[w.of])
	}
	l.mu.Unlock()
	if len(waiting) == 0 {
		return nil
	}
	opened := make([]*Held, len(waiting))
	for i, old := range waiting {
		held, err := l.decode(ctx, old.Name.Domain.Origin(), old.Name.Index, old.Pos, [][]byte{old.Entry})
		if err != nil {
			return err
		}
		opened[i] = held[0]
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, old := range waiting {
		*old = *opened[i]
		l.book(old)
	}
	// Those that came meanwhile go on waiting, and are opened when it is
	// fetched for them.
	if ws := l.missing[sha][len(waiting):]; len(ws) > 0 {
		l.missing[sha] = ws
	} else {
		delete(l.missing, sha)
	}
	close(l.news)
	l.news = make(chan struct{})
	return nil
}

// Size is how many entries of a journal are held.
func (l *Ledger) Size(d comity.Domain) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heads[d]
}
