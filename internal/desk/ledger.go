package desk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/seal"
)

// Ledger is everything this node holds: its own journal and those it follows.
// It keeps two books, see Book.
//
// It does not hold the record in memory. Where each act is folded stands in the
// database, written in the transaction that records its entry (ledger_place.go);
// a file is folded from its own acts when it is read, and the files read last
// are kept (ledger_file.go); lists are made of briefs that are kept in the
// database (ledger_brief.go).
//
// Whatever is written through Journals is in the ledger when the write
// returns.
type Ledger struct {
	self  comity.Domain
	store Store
	blobs *blob.Store
	ring  atomic.Pointer[ring]
	log   *slog.Logger

	reading  sync.Mutex // held while the store is read for what is not here, or is known to be sealed
	opening  sync.Mutex // held while acts are opened whose blobs have arrived
	tidying  sync.Mutex // held while briefs are made
	settling sync.Mutex // held while doubts are settled

	mu       sync.Mutex
	pos      int64 // of the newest entry
	sizes    map[comity.Domain]int64
	newest   map[comity.Domain][3]comity.Time // sealed entries, by state
	arriving map[comity.Domain][3]comity.Time // of newest: what came since the store was last asked
	outdated bool                             // newest may name what is open by now, and is to be read again
	doubts   int                              // how often the store may have been written unheard
	settled  int                              // how many of these times it was read afterwards
	news     chan struct{}                    // closed and replaced when something changes
	changes  int64                            // how often that was
	opens    int                              // how many transactions open acts at this moment
	epoch    int64                            // rises when something else than this ledger may have written the fold
	known    *lru[comity.ActName, known]      // of acts that wait for nothing
	files    *lru[scopeKey, *cachedFile]
	recent   recentActs
	prepared map[comity.Hash]*opened       // by leaf: entries of our own that are on their way
	unsealed *lru[comity.ActName, opensTo] // entries of others that are on their way
}

// LedgerOptions of OpenLedger. The zero value is good.
type LedgerOptions struct {
	Logger *slog.Logger // nil discards
	// FileBytes bounds the files kept in memory, roughly; 0 is 16 MiB.
	FileBytes int64
	// Refold folds the whole record anew.
	Refold bool
}

// OpenLedger opens the ledger of what the store holds. What was written by a
// version that kept no fold, or another, is folded first.
func OpenLedger(ctx context.Context, self comity.Domain, store Store, blobs *blob.Store, keys seal.Keyring, o LedgerOptions) (*Ledger, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FileBytes == 0 {
		o.FileBytes = 16 << 20
	}
	l := &Ledger{self: self, store: store, blobs: blobs, log: o.Logger,
		sizes: map[comity.Domain]int64{}, newest: map[comity.Domain][3]comity.Time{}, arriving: map[comity.Domain][3]comity.Time{}, news: make(chan struct{}),
		known: newLRU[comity.ActName, known](8192), files: newLRU[scopeKey, *cachedFile](o.FileBytes), prepared: map[comity.Hash]*opened{}, unsealed: newLRU[comity.ActName, opensTo](8 << 20)}
	l.SetKeyring(keys)
	if err := l.project(ctx, o.Refold); err != nil {
		return nil, fmt.Errorf("fold the record: %w", err)
	}
	if err := l.CatchUp(ctx); err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	return l, nil
}

// longestRead is how long CatchUp waits for the store.
const longestRead = 30 * time.Second

// CatchUp takes note of what the store holds and the ledger does not know of:
// after a commit whose outcome was unknown, or written by another process.
func (l *Ledger) CatchUp(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, longestRead) // others wait meanwhile
	defer stop()
	l.reading.Lock()
	defer l.reading.Unlock()
	pos, sizes, err := l.store.Position(ctx)
	if err != nil {
		return err
	}
	newest, err := l.readSealed(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sealed(newest)
	for o, n := range sizes {
		if d, err := o.Domain(); err == nil {
			l.sizes[d] = max(l.sizes[d], n)
		}
	}
	if pos > l.pos {
		l.pos = pos
		l.distrust()
		l.tell()
	}
	return nil
}

// distrust has what is kept in memory held against the store before it is used
// again: somebody else may have written the fold. The caller holds mu.
func (l *Ledger) distrust() {
	l.epoch++
	l.recent.clear()
}

// Doubt says that the store may have been written, or may be yet, and that nobody
// will say so: what is kept in memory is held against it before it is used again,
// and once more before the next write or when missing blobs are looked for.
func (l *Ledger) Doubt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doubts++
	l.distrust()
	l.tell()
}

func (l *Ledger) doubting() (doubts int, any bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.doubts, l.doubts > l.settled
}

// errTurn ends a transaction of the fold that writes nothing.
var errTurn = errors.New("it is our turn")

// settle ends the doubts, if there are any.
func (l *Ledger) settle(ctx context.Context) error {
	if _, any := l.doubting(); !any {
		return nil
	}
	l.settling.Lock() // whoever waited finds that nothing is left to do
	defer l.settling.Unlock()
	doubts, any := l.doubting()
	if !any {
		return nil
	}
	// One writes the fold after the other: when it is our turn, what was on its way
	// is there, or never will be.
	if err := l.store.Fold(ctx, func(FoldTx) error { return errTurn }); !errors.Is(err, errTurn) {
		return err
	}
	if err := l.CatchUp(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settled = max(l.settled, doubts)
	l.distrust()
	l.tell()
	return nil
}

// readSealed reads what the store says of sealed entries. It is to be called, and
// sealed with what it returns, under reading: what was read first would else undo
// what was read last.
func (l *Ledger) readSealed(ctx context.Context) (map[comity.Origin][3]comity.Time, error) {
	l.mu.Lock()
	l.arriving, l.outdated = map[comity.Domain][3]comity.Time{}, false
	l.mu.Unlock()
	newest, err := l.store.NewestSealed(ctx)
	if err != nil {
		l.mu.Lock()
		l.outdated = true
		l.mu.Unlock()
	}
	return newest, err
}

// sealed takes note of it, and of what came since it was asked for. The caller
// holds mu.
func (l *Ledger) sealed(newest map[comity.Origin][3]comity.Time) {
	for o, at := range newest {
		d, err := o.Domain()
		if err != nil {
			continue
		}
		l.newest[d] = later(at, l.arriving[d])
	}
}

func later(a, b [3]comity.Time) [3]comity.Time {
	for i := range a {
		a[i] = latest(a[i], b[i])
	}
	return a
}

// openedElsewhere says that some sealed entries may have been opened by another
// process. The caller holds mu.
func (l *Ledger) openedElsewhere() {
	for _, at := range l.newest {
		l.outdated = l.outdated || !at[SealAwaiting].IsZero()
	}
}

// readAgain reads what is known to be sealed again, if it may be open by now. If
// that fails, something is said to be hidden for longer.
func (l *Ledger) readAgain(ctx context.Context) {
	l.mu.Lock()
	again := l.outdated
	l.mu.Unlock()
	if !again {
		return
	}
	if err := l.CatchUp(ctx); err != nil {
		l.log.DebugContext(ctx, "read which sealed entries are open", "err", err)
	}
}

// fold writes the fold. After an error, what was to be written may be there all
// the same.
func (l *Ledger) fold(ctx context.Context, fn func(FoldTx) error) error {
	err := l.store.Fold(ctx, fn)
	if errors.Is(err, journal.ErrAmbiguous) {
		l.Doubt()
	}
	return err
}

// tell wakes who waits for news. The caller holds mu.
func (l *Ledger) tell() {
	l.changes++
	close(l.news)
	l.news = make(chan struct{})
}

// Journals is the store through which journals must be written, so that the
// ledger learns of every entry: it gives entries their positions, and places
// them, in the same transaction.
func (l *Ledger) Journals() journal.Store { return &recording{Store: l.store, l: l} }

type recording struct {
	Store
	l *Ledger
}

// Head implements journal.Store.
func (r *recording) Head(ctx context.Context, o comity.Origin) (journal.Head, error) {
	if _, any := r.l.doubting(); any {
		_ = r.l.CatchUp(ctx) // best effort: what keeps failing is said by the next Update
	}
	return r.Store.Head(ctx, o)
}

// Update implements journal.Store. It writes nothing while the ledger cannot
// read what was written before.
func (r *recording) Update(ctx context.Context, o comity.Origin, fn func(journal.Tx) error) error {
	if err := r.l.settle(ctx); err != nil {
		return fmt.Errorf("read what was recorded before: %w", err)
	}
	var done []*placing
	err := r.Store.Update(ctx, o, func(tx journal.Tx) error {
		done = done[:0]
		return fn(&recordingTx{Tx: tx, l: r.l, o: o, ctx: ctx, done: &done})
	})
	ctx = context.WithoutCancel(ctx)
	if errors.Is(err, journal.ErrAmbiguous) {
		r.l.Doubt()
		return errors.Join(err, r.l.CatchUp(ctx))
	}
	if err != nil {
		return err
	}
	for _, p := range done {
		r.l.commit(p)
	}
	for _, p := range done {
		r.l.openAll(ctx, p.sealed)
	}
	return nil
}

type recordingTx struct {
	journal.Tx
	l    *Ledger
	o    comity.Origin
	ctx  context.Context
	done *[]*placing
}

// Unwrap returns the store's own transaction.
func (t *recordingTx) Unwrap() journal.Tx { return t.Tx }

func (t *recordingTx) PutEntries(first int64, entries [][]byte) error {
	if len(entries) == 0 {
		return nil
	}
	tx, ok := t.Tx.(FoldTx)
	if !ok {
		return errors.New("desk: the store keeps no fold")
	}
	if err := t.Tx.PutEntries(first, entries); err != nil {
		return err
	}
	pos, err := tx.Arrive(first, len(entries))
	if err != nil {
		return err
	}
	p, err := t.l.place(t.ctx, tx, t.o, first, pos, entries)
	if err != nil {
		return err
	}
	*t.done = append(*t.done, p)
	return nil
}

// noticed takes note that the store was found to hold an act at a position: it
// is there before commit says so, or another process wrote it. Whoever was shown
// an act finds it in every list, too; so what was sealed, and was opened just now.
func (l *Ledger) noticed(ctx context.Context, pos int64, opened bool) error {
	l.mu.Lock()
	newer := pos > l.pos
	if !newer && opened && l.opens > 0 {
		l.distrust()
		l.tell()
	}
	l.mu.Unlock()
	if !newer {
		return nil
	}
	return l.CatchUp(ctx)
}

// Changes counts what has arrived, was opened or forgotten: lists that were made
// at the same count are the same.
func (l *Ledger) Changes() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changes
}

// News is closed when something arrives after the call.
func (l *Ledger) News() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.news
}

// Size is how many entries of a journal are held.
func (l *Ledger) Size(d comity.Domain) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sizes[d]
}

// journals are those of which entries are held.
func (l *Ledger) journals() []comity.Domain {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.sizes))
}

// Held is how many entries are held of all journals: the position of the
// newest.
func (l *Ledger) Held() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pos
}

// hides reports whether a journal holds sealed entries in one of the states,
// recorded at or after a time.
func (l *Ledger) hides(d comity.Domain, since comity.Time, states ...SealState) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.newest[d]
	return slices.ContainsFunc(states, func(s SealState) bool { return !at[s].IsZero() && !at[s].Before(since.Time) })
}

// get returns one act; nil if it is not held.
func (l *Ledger) get(ctx context.Context, n comity.ActName) (*Held, error) {
	l.mu.Lock()
	h := l.recent.get(n)
	l.mu.Unlock()
	if h != nil {
		return h, nil
	}
	s, ok, err := l.store.Stored(ctx, n)
	if err != nil || !ok {
		return nil, err
	}
	h = read(&s)
	return h, l.noticed(ctx, h.Pos, h.Sealed != nil && s.State != SealAwaiting)
}

// leaf is the leaf hash of an act, whether or not it can be read; ok is false if
// it is not held.
func (l *Ledger) leaf(ctx context.Context, n comity.ActName) (leaf comity.Hash, ok bool, err error) {
	l.mu.Lock()
	k, ok := l.known.get(n)
	l.mu.Unlock()
	if ok {
		return k.Leaf, true, nil
	}
	h, err := l.get(ctx, n)
	if err != nil || h == nil {
		return leaf, false, err
	}
	return h.Leaf, true, nil
}

// after returns up to limit acts that arrived after a position, in order.
func (l *Ledger) after(ctx context.Context, pos int64, limit int) ([]*Held, error) {
	l.mu.Lock()
	n := min(int64(limit), l.pos-pos)
	out := l.recent.run(pos+1, n)
	l.mu.Unlock()
	if n <= 0 || out != nil {
		return out, nil
	}
	all, err := l.store.StoredFrom(ctx, pos+1, int(n))
	for i := range all {
		out = append(out, read(&all[i]))
	}
	return out, err
}

// What Held.Why says of sealed acts that are not open here.
const (
	whySealed   = "sealed to others"
	whyAwaiting = "its sealed content has not arrived"
)

// read is held of what was read from the store.
func read(s *Stored) *Held {
	h := held(s)
	h.placed = !s.Waits
	return h
}

// held decodes what is stored.
func held(s *Stored) *Held {
	h := &Held{Pos: s.Pos, Name: s.Name, Leaf: comity.LeafHash(s.Entry), Entry: s.Entry}
	e, err := decodeEntry(s.Name.Domain, h.Leaf, s.Entry)
	if err != nil {
		h.Why = err.Error()
		return h
	}
	h.At, h.Status, h.Act, h.Sealed = e.Recorded, e.Status, e.Act, e.Sealed
	switch {
	case h.Sealed == nil:
	case s.State == SealAwaiting:
		h.Why = whyAwaiting
	case s.State == SealClosed:
		h.Why = s.Why
	default:
		if h.Act, err = act.DecodeOpened(e, s.Effects, s.Content); err != nil {
			h.Act, h.Why = nil, err.Error()
			return h
		}
		h.Opened = s.Content
		if s.Content == nil && s.Why != "" {
			h.Act.Contradiction = s.Why
		}
	}
	return h
}

// recentActs are those that arrived last. Streams and pages ask for them at
// once, all of them.
type recentActs struct {
	ring [512]*Held // by position
	by   map[comity.ActName]int64
}

// maxRecent is the largest entry or document, in bytes, that is kept: others
// are read again.
const maxRecent = 8 << 10

func (r *recentActs) put(h *Held) {
	if r.by == nil {
		r.by = map[comity.ActName]int64{}
	}
	at := &r.ring[h.Pos%int64(len(r.ring))]
	if *at != nil && (*at).Pos > h.Pos {
		return
	}
	if *at != nil {
		delete(r.by, (*at).Name)
		*at = nil
	}
	if len(h.Entry) <= maxRecent && len(h.Opened) <= maxRecent {
		*at, r.by[h.Name] = h, h.Pos
	}
}

func (r *recentActs) get(n comity.ActName) *Held {
	if pos, ok := r.by[n]; ok {
		return r.ring[pos%int64(len(r.ring))]
	}
	return nil
}

// run returns n acts from a position on; nil if one of them is not kept.
func (r *recentActs) run(from, n int64) []*Held {
	if n <= 0 || n > int64(len(r.ring)) {
		return nil
	}
	out := make([]*Held, n)
	for i := range out {
		h := r.ring[(from+int64(i))%int64(len(r.ring))]
		if h == nil || h.Pos != from+int64(i) {
			return nil
		}
		out[i] = h
	}
	return out
}

func (r *recentActs) clear() { *r = recentActs{} }
