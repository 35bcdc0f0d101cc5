package desk

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// known is what must be known of an act to place and to issue those that refer
// to it.
type known struct {
	casefile.Referent // in the full book
	public            bool
	clear             bool // placed in the public book, too
	problem           string
	scope             casefile.Scope
	tlp               comity.TLP
	situation         comity.ActName
}

// opened is an act as it was decoded before it became an entry.
type opened struct {
	act              *act.Act
	sealed           *act.Sealed
	effects, content []byte // of a sealed one
}

// placing places acts in one transaction. What it learned counts once that is
// committed: see commit.
type placing struct {
	l       *Ledger
	ctx     context.Context
	tx      FoldTx
	domain  comity.Domain // of held
	known   map[comity.ActName]known
	waits   bool // some act may wait
	quicker bool // another had opened an act before
	opened  int
	rows    []PlacedAct
	placed  []placedItem
	held    []*Held
	sealed  []comity.ActName // that may be opened now
	version map[casefile.Scope]int64
	err     error
}

// placedItem is an act that was placed.
type placedItem struct {
	casefile.Placed
	scope casefile.Scope
	clear bool
	size  int // bytes of its document
}

func (l *Ledger) newPlacing(ctx context.Context, tx FoldTx) (*placing, error) {
	p := &placing{l: l, ctx: ctx, tx: tx, known: map[comity.ActName]known{}}
	var err error
	p.waits, err = tx.AnyWaits()
	return p, err
}

// place places entries that have just been written.
func (l *Ledger) place(ctx context.Context, tx FoldTx, o comity.Origin, first, pos int64, entries [][]byte) (*placing, error) {
	d, err := o.Domain()
	if err != nil {
		return nil, err
	}
	p, err := l.newPlacing(ctx, tx)
	if err != nil {
		return nil, err
	}
	p.domain = d
	p.held = make([]*Held, 0, len(entries))
	for i, e := range entries {
		n := comity.ActName{Domain: d, Index: first + int64(i)}
		h := &Held{Pos: pos + int64(i), Name: n, Leaf: comity.LeafHash(e), Entry: e}
		p.held = append(p.held, h)
		if err := p.entry(h); err != nil {
			return nil, err
		}
	}
	return p, p.flush()
}

// entry decodes an entry, and places it if it can be read.
func (p *placing) entry(h *Held) error {
	if h.Name.Domain == p.l.self { // another's entry may have the same bytes
		if o := p.l.takePrepared(h.Leaf); o != nil {
			return p.own(h, o)
		}
	}
	e, err := decodeEntry(h.Name.Domain, h.Leaf, h.Entry)
	if err != nil {
		h.Why = err.Error()
		return nil
	}
	h.At, h.Status, h.Act, h.Sealed = e.Recorded, e.Status, e.Act, e.Sealed
	if h.Sealed == nil {
		return p.item(h)
	}
	p.l.mu.Lock()
	x, _ := p.l.unsealed.get(h.Name)
	p.l.mu.Unlock()
	if ok, err := x.place(p, h); ok || err != nil {
		return err
	}
	// Opening takes long, and perhaps the network: not in here.
	h.Why = whyAwaiting
	p.sealed = append(p.sealed, h.Name)
	if err := p.tx.PutSealed(Sealed{Name: h.Name, At: h.At, State: SealAwaiting}); err != nil {
		return err
	}
	return p.tx.Want(h.Name, h.Sealed.Effects, h.Sealed.Content)
}

// own places an entry of our own that was decoded before it was written.
func (p *placing) own(h *Held, o *opened) error {
	h.At, h.Status, h.Act, h.Sealed, h.Opened = o.act.Recorded, o.act.Status, o.act, o.sealed, o.content
	if o.sealed != nil {
		if err := p.tx.PutSealed(Sealed{Name: h.Name, At: h.At, State: SealOpen, Effects: o.effects, Content: o.content}); err != nil {
			return err
		}
	}
	return p.item(h)
}

// item places an act that can be read, and then those that waited for it. They
// are looked at even if it waits itself: they may refer to it by a wrong hash.
func (p *placing) item(h *Held) error {
	queue := []*Held{h}
	for n := 0; n < len(queue); n++ {
		h := queue[n]
		k, placed := p.resolve(h)
		if p.err != nil {
			return p.err
		}
		p.known[h.Name] = k
		if placed.Pending() {
			p.waits = true
			if err := p.tx.Wait(h.Name, placed.Waits); err != nil {
				return err
			}
			if n > 0 {
				continue // it was there before: nobody waits for it newly
			}
		} else {
			p.rows = append(p.rows, PlacedAct{Name: h.Name, Scope: k.scope, Clear: k.clear, Problem: k.problem})
			p.placed = append(p.placed, placedItem{Placed: casefile.Placed{Item: casefile.Item{Name: h.Name, Leaf: h.Leaf, Act: h.Act}, Problem: k.problem},
				scope: k.scope, clear: k.clear, size: len(h.Entry) + len(h.Opened)})
		}
		if !p.waits {
			continue
		}
		awake, err := p.tx.Awaken(h.Name)
		if err != nil {
			return err
		}
		for _, n := range awake {
			s, ok, err := p.tx.Stored(p.ctx, n)
			if err != nil {
				return err
			}
			if w := held(&s); ok && w.Act != nil {
				queue = append(queue, w)
			}
		}
	}
	return nil
}

// resolve finds where an act goes, in both books. What is placed in the public
// book is placed alike in the full one, which has all that the public one has.
func (p *placing) resolve(h *Held) (known, casefile.Placement) {
	it := casefile.Item{Name: h.Name, Leaf: h.Leaf, Act: h.Act}
	at := casefile.Resolve(it, p.referent)
	k := known{Referent: casefile.Referent{Leaf: h.Leaf, Status: h.Act.Status, Pending: at.Pending(), Opens: at.Opens},
		public: h.Sealed == nil, problem: at.Problem, scope: at.Scope, tlp: h.Act.TLP, situation: h.Act.Situation}
	k.clear = k.public && !at.Pending() && !casefile.Resolve(it, p.publicReferent).Pending()
	return k, at
}

func (p *placing) referent(n comity.ActName) (casefile.Referent, bool) {
	k, ok := p.lookUp(n)
	return k.Referent, ok
}

func (p *placing) publicReferent(n comity.ActName) (casefile.Referent, bool) {
	k, ok := p.lookUp(n)
	return k.inPublic(), ok && k.public
}

// inPublic is the referent as the public book knows it.
func (k known) inPublic() casefile.Referent {
	r := k.Referent
	r.Pending = r.Pending || !k.clear
	return r
}

func (p *placing) lookUp(n comity.ActName) (known, bool) {
	if k, ok := p.known[n]; ok {
		return k, true
	}
	k, ok, err := p.l.lookUp(p.ctx, p.tx, n)
	if err != nil && p.err == nil {
		p.err = err
	}
	return k, ok
}

// lookUp returns what is known of an act; ok is false if it is not here, or
// cannot be read.
func (l *Ledger) lookUp(ctx context.Context, r FoldReader, n comity.ActName) (known, bool, error) {
	if k, ok := l.isKnown(n); ok {
		return k, true, nil
	}
	s, ok, err := r.Stored(ctx, n)
	if err != nil || !ok {
		return known{}, false, err
	}
	return l.placedAs(ctx, r, read(&s))
}

// lookUpHeld is lookUp of an act that is at hand.
func (l *Ledger) lookUpHeld(ctx context.Context, h *Held) (known, bool, error) {
	if k, ok := l.isKnown(h.Name); ok {
		return k, true, nil
	}
	if !h.placed { // it may have been since it was read
		return l.lookUp(ctx, l.store, h.Name)
	}
	return l.placedAs(ctx, l.store, h)
}

func (l *Ledger) isKnown(n comity.ActName) (known, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known.get(n)
}

// lookUpFile is lookUp of an act that should have opened a file: then one look
// into the store is enough.
func (l *Ledger) lookUpFile(ctx context.Context, n comity.ActName) (known, bool, error) {
	if k, ok := l.isKnown(n); ok {
		return k, true, nil
	}
	s, at, ok, err := l.store.Opener(ctx, n)
	switch {
	case err != nil:
		return known{}, false, err
	case !ok:
		return l.lookUp(ctx, l.store, n)
	}
	h := read(&s)
	if h.Act == nil {
		return known{}, false, nil
	}
	k := knownOf(h)
	k.placed(n, at)
	l.know(n, k)
	return k, true, nil
}

// knownOf is what an act itself says.
func knownOf(h *Held) known {
	return known{Referent: casefile.Referent{Leaf: h.Leaf, Status: h.Act.Status, Pending: !h.placed}, public: h.Sealed == nil, tlp: h.Act.TLP, situation: h.Act.Situation}
}

// placedAs is what is known of an act that was read from the store.
func (l *Ledger) placedAs(ctx context.Context, r FoldReader, h *Held) (known, bool, error) {
	if h.Act == nil {
		return known{}, false, nil
	}
	n := h.Name
	k := knownOf(h)
	if !h.placed {
		return k, true, nil
	}
	in := []casefile.Scope{n, casefile.House(n.Domain), n}
	if !h.Act.Situation.IsZero() {
		in[2] = h.Act.Situation
	}
	at, ok, err := r.PlacedIn(ctx, n, in...)
	if err != nil {
		return known{}, false, err
	}
	if !ok { // not placed yet: as if it were not here
		return known{}, false, nil
	}
	k.placed(n, at)
	if _, inTx := r.(FoldTx); !inTx {
		l.know(n, k)
	}
	return k, true, nil
}

func (k *known) placed(n comity.ActName, at PlacedIn) {
	k.scope, k.clear, k.problem, k.Opens = at.Scope, at.Clear, at.Problem, at.Scope == n
}

func (l *Ledger) know(n comity.ActName, k known) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known.put(n, k, 1)
}

// flush writes where the acts were placed.
func (p *placing) flush() (err error) {
	if len(p.rows) > 0 {
		p.version, err = p.tx.Place(p.rows)
	}
	p.tx, p.rows = nil, nil
	return err
}

// commit takes note of what a committed transaction did.
func (l *Ledger) commit(p *placing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(p.held) > 0 && p.held[0].Pos > l.pos+1 {
		// Another process has written before us, and its notice, which we have
		// overtaken, will find nothing new.
		l.distrust()
	}
	for n, k := range p.known {
		if !k.Pending {
			l.known.put(n, k, 1)
		}
	}
	for _, h := range p.held {
		l.recent.put(h)
		l.pos = max(l.pos, h.Pos)
		l.sizes[h.Name.Domain] = max(l.sizes[h.Name.Domain], h.Name.Index+1)
		if h.Sealed != nil {
			s := SealOpen
			switch {
			case h.Act == nil && h.Why == whyAwaiting:
				s = SealAwaiting
			case h.Act == nil:
				s = SealClosed
			}
			l.unsealed.drop(h.Name)
			var at [3]comity.Time
			at[s] = h.At
			l.newest[h.Name.Domain] = later(l.newest[h.Name.Domain], at)
			l.arriving[h.Name.Domain] = later(l.arriving[h.Name.Domain], at)
		}
	}
	l.extendFiles(p)
	l.tell()
}

func latest(a, b comity.Time) comity.Time {
	if b.After(a.Time) {
		return b
	}
	return a
}

// prepare says that an entry will be written, and what is in it, so that it is
// not decoded again. The returned function takes that back.
func (l *Ledger) prepare(leaf comity.Hash, o *opened) func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.prepared[leaf] = o
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.prepared[leaf] == o {
			delete(l.prepared, leaf)
		}
	}
}

func (l *Ledger) takePrepared(leaf comity.Hash) *opened {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.prepared[leaf]
}

// rules name what decides where acts are placed. If they change, the record is
// folded anew.
func rules() string {
	h := sha256.New()
	for _, k := range act.Kinds() {
		fmt.Fprintln(h, k.Kind)
	}
	return fmt.Sprintf("fold 1, effect set %d, kinds %x", effect.Version, h.Sum(nil)[:8])
}

// chunk is how many entries are placed in one transaction.
const chunk = 1024

// project brings into the fold what is not there: the record of a version that
// kept none.
func (l *Ledger) project(ctx context.Context, anew bool) error {
	was, err := l.store.Rules(ctx)
	if err != nil {
		return err
	}
	if now := rules(); was != now || anew {
		if err := l.store.Fold(ctx, func(tx FoldTx) error { return tx.Reset(now) }); err != nil {
			return err
		}
	}
	said := time.Now()
	began := false
	for {
		runs, left, err := l.store.Unplaced(ctx, 256)
		if err != nil {
			return err
		}
		if len(runs) == 0 {
			break
		}
		if !began || time.Since(said) > 5*time.Second {
			l.log.InfoContext(ctx, "folding the record", "acts_left", left)
			began, said = true, time.Now()
		}
		if err := l.projectRuns(ctx, runs); err != nil {
			return err
		}
	}
	if err := l.openOwn(ctx, began); err != nil || !began {
		return err
	}
	l.log.InfoContext(ctx, "folded the record")
	return nil
}

// projectRuns places runs of entries, as many as make a chunk at a time.
func (l *Ledger) projectRuns(ctx context.Context, runs []Arrival) error {
	for len(runs) > 0 {
		k, n := 0, int64(0)
		for k < len(runs) && (k == 0 || n+runs[k].N <= chunk) {
			n += runs[k].N
			k++
		}
		some := runs[:k]
		runs = runs[k:]
		var entries [][][]byte
		for _, r := range some {
			e, err := l.store.Entries(ctx, r.Origin, r.First, r.First+r.N)
			if err != nil {
				return err
			}
			entries = append(entries, e)
		}
		err := l.store.Fold(ctx, func(tx FoldTx) error {
			p, err := l.newPlacing(ctx, tx)
			if err != nil {
				return err
			}
			for i, r := range some {
				if err := p.again(r, entries[i]); err != nil {
					return err
				}
				if err := tx.SetPlaced(r); err != nil {
					return err
				}
			}
			return p.flush()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// again places entries that were there before the fold was.
func (p *placing) again(r Arrival, entries [][]byte) error {
	d, err := r.Origin.Domain()
	if err != nil {
		return err
	}
	for i, e := range entries {
		n := comity.ActName{Domain: d, Index: r.First + int64(i)}
		h := &Held{Pos: r.Pos + int64(i), Name: n, Leaf: comity.LeafHash(e), Entry: e}
		s, ok, err := p.tx.Stored(p.ctx, n)
		if err != nil {
			return err
		}
		if ok && s.State != SealAwaiting {
			if h = held(&s); h.Act != nil {
				err = p.item(h)
			}
		} else {
			err = p.entry(h)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// openOwn opens acts whose content may be here although nobody said that it had
// come: of our own journal, or of all if the record was folded just now.
func (l *Ledger) openOwn(ctx context.Context, all bool) error {
	origins := []comity.Origin{l.self.Origin()}
	if all {
		_, sizes, err := l.store.Position(ctx)
		if err != nil {
			return err
		}
		for o := range sizes {
			if !slices.Contains(origins, o) {
				origins = append(origins, o)
			}
		}
	}
	for _, o := range origins {
		for from := int64(0); ; {
			some, err := l.store.Awaiting(ctx, o, from, 256)
			if err != nil {
				return err
			}
			if len(some) == 0 {
				break
			}
			l.openAll(ctx, some)
			from = some[len(some)-1].Index + 1
			if all {
				l.log.InfoContext(ctx, "opening sealed acts", "journal", string(o), "to", from)
			}
		}
	}
	return nil
}
