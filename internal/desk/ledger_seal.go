package desk

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/seal"
)

// unsealed is what became of a sealed act when it was to be opened.
type unsealed struct {
	Sealed
	with    Tried            // the keys that are here
	missing []act.Commitment // blobs that are not here; they are wanted, open or not: others read them from us
	erased  bool             // its content was not looked for: it is to be gone
}

// unseal opens a sealed act if get has its blobs and it is sealed to us. Only
// a failing disk is an error; anything wrong with the act is its own problem.
func (l *Ledger) unseal(ctx context.Context, r FoldReader, h *Held, get func(context.Context, comity.Hash) ([]byte, error)) (unsealed, error) {
	ring := l.ring.Load()
	out := unsealed{Sealed: Sealed{Name: h.Name, At: h.At, State: SealOpen}, with: ring.keys}
	var plain [2][]byte
	var err error
	if _, out.erased, err = r.Erasure(ctx, h.Name); err != nil {
		return out, err
	}
	for i, part := range []struct {
		purpose seal.Purpose
		c       act.Commitment
	}{{seal.Effects, h.Sealed.Effects}, {seal.Content, h.Sealed.Content}} {
		if out.erased && part.purpose == seal.Content {
			continue // not asked for again; what it did is in the effects
		}
		box, err := get(ctx, part.c.SHA256)
		if errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrCorrupt) { // damaged: it is fetched again
			out.missing = append(out.missing, part.c)
			continue
		}
		if err != nil {
			return out, fmt.Errorf("%s: %w", h.Name, err)
		}
		if out.State == SealClosed {
			continue
		}
		opened, err := ring.Open(h.Name.Domain, part.purpose, part.c, box)
		switch {
		case errors.Is(err, seal.ErrNotAddressee):
			out.State, out.Why, out.Tried = SealClosed, whySealed, ring.keys
		case err != nil:
			out.State, out.Why = SealClosed, err.Error()
		}
		plain[i] = opened.Payload
	}
	if out.State == SealClosed {
		return out, nil
	}
	if len(out.missing) > 0 {
		out.State = SealAwaiting
		return out, nil
	}
	e, err := decodeEntry(h.Name.Domain, h.Leaf, h.Entry)
	if err == nil {
		_, err = act.DecodeOpened(e, plain[0], plain[1])
	}
	if err != nil {
		out.State, out.Why = SealClosed, err.Error()
		return out, nil
	}
	out.Effects, out.Content = plain[0], plain[1]
	return out, nil
}

// Unseal opens entries first, first+1, … of a journal with boxes that came with
// them. Once durable was called, which says that the boxes are, the entries are
// placed as what they are when they are stored next. Those whose boxes did not
// all come are opened once they are stored.
func (l *Ledger) Unseal(ctx context.Context, o comity.Origin, first int64, entries, boxes [][]byte) (durable func(), err error) {
	d, err := o.Domain()
	if err != nil {
		return nil, err
	}
	var all []opensTo
	at := make(map[comity.Hash][]byte)
	for _, b := range boxes {
		at[sha256.Sum256(b)] = b
	}
	get := func(_ context.Context, sha comity.Hash) ([]byte, error) {
		if b, ok := at[sha]; ok {
			return b, nil
		}
		return nil, blob.ErrNotFound
	}
	for i, e := range entries {
		if !act.MayBeSealed(e) {
			continue
		}
		h := held(&Stored{Name: comity.ActName{Domain: d, Index: first + int64(i)}, Entry: e, State: SealAwaiting})
		if h.Sealed == nil {
			continue
		}
		x, err := l.unseal(ctx, l.store, h, get)
		if err != nil {
			return nil, err
		}
		if len(x.missing) == 0 {
			all = append(all, opensTo{h.Leaf, x.Sealed})
		}
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, x := range all {
			l.unsealed.put(x.Name, x, fileCost(len(x.Effects)+len(x.Content)))
		}
	}, nil
}

// opensTo is what became of an entry before it was stored.
type opensTo struct {
	leaf comity.Hash
	Sealed
}

// place places a sealed entry, if it was opened before. Nothing of it was erased
// meanwhile: that is for acts that are here.
func (x opensTo) place(p *placing, h *Held) (ok bool, err error) {
	if x.leaf != h.Leaf {
		return false, nil
	}
	if err := p.tx.PutSealed(x.Sealed); err != nil {
		return false, err
	}
	*h = *held(&Stored{Pos: h.Pos, Name: h.Name, Entry: h.Entry, State: x.State, Why: x.Why, Effects: x.Effects, Content: x.Content})
	if h.Act == nil {
		return true, nil
	}
	return true, p.item(h)
}

// openAll opens sealed acts whose blobs may be here already. What fails is
// fetched again by who follows that journal.
func (l *Ledger) openAll(ctx context.Context, names []comity.ActName) {
	if len(names) == 0 {
		return
	}
	if _, err := l.open(ctx, names); err != nil {
		l.log.WarnContext(ctx, "sealed acts could not be opened", "first", names[0].String(), "err", err)
	}
}

// open opens sealed acts, if their blobs are here, and returns how many are open
// that were not.
func (l *Ledger) open(ctx context.Context, names []comity.ActName) (int, error) {
	var all []unsealed
	for _, n := range names {
		s, ok, err := l.store.Stored(ctx, n)
		if err != nil {
			return 0, err
		}
		h := held(&s)
		if !ok || h.Sealed == nil {
			continue
		}
		x, err := l.unseal(ctx, l.store, h, l.blobs.Get)
		if err != nil {
			return 0, err
		}
		if len(x.missing) < 2 || s.State == SealClosed { // else it is as it was
			all = append(all, x)
		}
	}
	if len(all) == 0 {
		return 0, nil
	}
	l.mu.Lock()
	l.opens++
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.opens--
		l.mu.Unlock()
	}()
	var p *placing
	err := l.fold(ctx, func(tx FoldTx) (err error) {
		if p, err = l.newPlacing(ctx, tx); err != nil {
			return err
		}
		for _, x := range all {
			if err := p.unsealed(x); err != nil {
				return err
			}
		}
		return p.flush()
	})
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	for _, x := range all {
		l.recent.drop(x.Name)
	}
	if p.quicker {
		l.distrust() // another process may not have said so, nor ever say
	}
	l.mu.Unlock()
	l.commit(p)
	l.reading.Lock()
	defer l.reading.Unlock()
	newest, err := l.readSealed(ctx)
	if err != nil {
		return p.opened, nil // it is read again when somebody asks; until then something may be hidden
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sealed(newest)
	return p.opened, nil
}

// unsealed notes what became of a sealed act, and places it if it is open now.
func (p *placing) unsealed(x unsealed) error {
	s, ok, err := p.tx.Stored(p.ctx, x.Name)
	if err != nil || !ok {
		return err
	}
	h := held(&s)
	if !x.erased {
		// An erasure that was read since takes its turn at the fold after us; one
		// that has had it would not come again.
		_, erased, err := p.tx.Erasure(p.ctx, x.Name)
		if err == nil && erased {
			x, err = p.l.unseal(p.ctx, p.tx, h, p.l.blobs.Get)
		}
		if err != nil {
			return err
		}
	}
	for _, c := range []act.Commitment{h.Sealed.Effects, h.Sealed.Content} {
		if slices.Contains(x.missing, c) {
			err = p.tx.Want(x.Name, c)
		} else {
			err = p.tx.Unwant(x.Name, c.SHA256)
		}
		if err != nil {
			return err
		}
	}
	if !s.undecided(x.with) {
		p.quicker = true
		return nil
	}
	switch {
	case x.State == SealAwaiting && s.State == SealAwaiting: // it goes on waiting
		return nil
	case x.State == SealOpen:
		p.opened++
	default:
		x.Tried = x.Tried.and(s.Tried)
	}
	if err := p.tx.PutSealed(x.Sealed); err != nil {
		return err
	}
	s.State, s.Why, s.Effects, s.Content = x.State, x.Why, x.Effects, x.Content
	if h = held(&s); h.Act == nil {
		return nil
	}
	return p.item(h)
}

// Missing lists blobs that entries of a journal commit to and that are not
// here, of the oldest entry first.
func (l *Ledger) Missing(ctx context.Context, o comity.Origin) ([]act.Commitment, error) {
	if err := l.settle(ctx); err != nil {
		return nil, err
	}
	all, err := l.store.Wanted(ctx, o)
	seen := map[comity.Hash]bool{}
	var out []act.Commitment
	for _, c := range all {
		if !seen[c.SHA256] {
			seen[c.SHA256] = true
			out = append(out, c)
		}
	}
	return out, err
}

// Arrived says that a blob is in the blob store now; the acts that waited for
// it are opened when all their blobs are there. After an error the blob is
// missing still, or they are open, which is then found out.
func (l *Ledger) Arrived(ctx context.Context, sha comity.Hash) error {
	// One at a time: else, of the two blobs of an act, the first to be looked
	// for could be the last to say whether it is open.
	l.opening.Lock()
	defer l.opening.Unlock()
	waiting, err := l.store.Wanting(ctx, sha)
	if err != nil {
		return err
	}
	if len(waiting) == 0 { // nobody's, or another process was quicker
		l.mu.Lock()
		l.distrust()
		l.openedElsewhere()
		l.tell()
		l.mu.Unlock()
		return nil
	}
	_, err = l.open(ctx, waiting)
	return err
}

// Forget deletes what a sealed act says from the database; what it did stays.
// Its blob is for the caller to delete. An act that is not open here is left
// as it is. Whether there was something to delete is known only in its turn at the
// fold; if there was, removed is true also after an error.
func (l *Ledger) Forget(ctx context.Context, name comity.ActName) (removed bool, err error) {
	var k known
	var ok bool
	err = l.fold(ctx, func(tx FoldTx) (err error) {
		removed = false // it may be run again
		if k, ok, err = l.lookUp(ctx, tx, name); err != nil {
			return err
		}
		s, stored, err := tx.Stored(ctx, name)
		if err != nil || !stored || len(s.Content) == 0 {
			return err
		}
		h := held(&s)
		why := s.Why
		if h.Act != nil && h.Act.Contradiction != "" {
			why = h.Act.Contradiction // without the content nobody could tell
		}
		removed = true
		if err := tx.PutSealed(Sealed{Name: name, At: h.At, State: s.State, Why: why, Effects: s.Effects}); err != nil {
			return err
		}
		return tx.Touch(k.scope)
	})
	if err != nil {
		return removed, fmt.Errorf("forget what %s says: %w", name, err)
	}
	l.mu.Lock()
	l.recent.drop(name)
	l.unsealed.drop(name) // another process may have stored it
	if e, cached := l.files.by[k.scope]; ok && cached {
		f := e.Value.(*lruItem[scopeKey, *cachedFile]).v
		f.void, f.arrived = true, nil
		l.files.drop(k.scope)
	}
	l.tell()
	l.mu.Unlock()
	// What the old brief said of it goes with the next.
	return removed, l.tidy(ctx)
}

func (r *recentActs) drop(n comity.ActName) {
	if pos, ok := r.by[n]; ok {
		r.ring[pos%int64(len(r.ring))] = nil
		delete(r.by, n)
	}
}
