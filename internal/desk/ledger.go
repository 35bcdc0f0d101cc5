package desk

import (
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

	mu      sync.Mutex
	public  *casefile.Book
	full    *casefile.Book
	acts    map[comity.ActName]*Held
	order   []*Held // by position; order[i].Pos == i+1
	early   map[int64][]*Held
	missing map[comity.Hash]want // blobs of sealed entries that are not here
	heads   map[comity.Domain]int64
	news    chan struct{} // closed and replaced when something arrives
}

// want is a blob that a sealed entry commits to.
type want struct {
	size int64
	of   comity.ActName
}

// OpenLedger reads what the store holds.
func OpenLedger(ctx context.Context, self comity.Domain, store Store, blobs *blob.Store, keys seal.Keyring) (*Ledger, error) {
	l := &Ledger{self: self, store: store, blobs: blobs, keys: keys,
		public: casefile.NewBook(), full: casefile.NewBook(), acts: map[comity.ActName]*Held{},
		early: map[int64][]*Held{}, missing: map[comity.Hash]want{}, heads: map[comity.Domain]int64{}, news: make(chan struct{})}
	if err := l.load(ctx); err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	return l, nil
}

// chunk is how many entries are read at a time.
const chunk = 1024

func (l *Ledger) load(ctx context.Context) error {
	for {
		from := int64(len(l.order)) + 1
		runs, err := l.store.Arrivals(ctx, from, 256)
		if err != nil || len(runs) == 0 {
			return err
		}
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
		if errors.Is(err, blob.ErrNotFound) {
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
		if h.Why == whyAwaiting {
			l.missing[h.Sealed.Effects.SHA256] = want{h.Sealed.Effects.Size, h.Name}
			l.missing[h.Sealed.Content.SHA256] = want{h.Sealed.Content.Size, h.Name}
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

// Update implements journal.Store.
func (r *recording) Update(ctx context.Context, o comity.Origin, fn func(journal.Tx) error) error {
	var runs []run
	err := r.Store.Update(ctx, o, func(tx journal.Tx) error {
		runs = runs[:0]
		return fn(&recordingTx{Tx: tx, runs: &runs})
	})
	if errors.Is(err, journal.ErrAmbiguous) {
		// Whether it is there or not: read what the store says, when it can.
		return errors.Join(err, r.l.CatchUp(context.WithoutCancel(ctx)))
	}
	if err != nil {
		return err
	}
	for _, x := range runs {
		held, err := r.l.decode(context.WithoutCancel(ctx), o, x.first, x.pos, x.entries)
		if err != nil {
			return err
		}
		r.l.mu.Lock()
		r.l.take(held)
		r.l.mu.Unlock()
	}
	return nil
}

type recordingTx struct {
	journal.Tx
	runs *[]run
}

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
// here.
func (l *Ledger) Missing(o comity.Origin) []act.Commitment {
	d, err := o.Domain()
	if err != nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []act.Commitment
	for h, w := range l.missing {
		if w.of.Domain == d {
			out = append(out, act.Commitment{SHA256: h, Size: w.size})
		}
	}
	slices.SortFunc(out, func(a, b act.Commitment) int { return slices.Compare(a.SHA256[:], b.SHA256[:]) })
	return out
}

// Arrived says that a blob is in the blob store now; the act that waited for
// it is opened when all its blobs are there.
func (l *Ledger) Arrived(ctx context.Context, sha comity.Hash) error {
	l.mu.Lock()
	w, ok := l.missing[sha]
	delete(l.missing, sha)
	var old *Held
	if ok {
		old = l.acts[w.of]
	}
	l.mu.Unlock()
	if old == nil {
		return nil
	}
	held, err := l.decode(ctx, old.Name.Domain.Origin(), old.Name.Index, old.Pos, [][]byte{old.Entry})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	*old = *held[0]
	l.book(old)
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
