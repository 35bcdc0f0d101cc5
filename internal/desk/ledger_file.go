package desk

import (
	"context"
	"slices"
	"sync"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
)

type scopeKey = casefile.Scope

// cachedFile is one scope, folded from its acts, in both books. The acts are
// abridged.
type cachedFile struct {
	scope casefile.Scope

	mu      sync.Mutex // held while it is read from the store, folded or viewed
	loaded  bool
	version int64
	full    *casefile.File
	public  *casefile.File // full itself if all its acts are CLEAR
	fresh   int            // how many acts are not in the extract of the scope

	// Guarded by Ledger.mu:
	epoch   int64      // of the ledger when it was last held against the store
	arrived []arrivals // not in the files yet
	void    bool       // to be read again
	bytes   int64
}

// arrivals are acts that came together, and the version of the scope with them.
type arrivals struct {
	version int64
	acts    []placedItem
}

// fileCost is roughly how many bytes an act takes in a file in memory of which so
// many were read.
func fileCost(size int) int64 { return 1100 + int64(size) }

// extendFiles gives acts to the files that are kept. The caller holds mu.
func (l *Ledger) extendFiles(p *placing) {
	if len(p.placed) == 0 || len(l.files.by) == 0 {
		return
	}
	by := map[casefile.Scope][]placedItem{}
	for _, a := range p.placed {
		if _, ok := l.files.by[a.scope]; ok {
			by[a.scope] = append(by[a.scope], a)
		}
	}
	for s, acts := range by {
		f := l.files.by[s].Value.(*lruItem[scopeKey, *cachedFile]).v
		if len(f.arrived) >= 64 { // nobody reads it
			l.files.drop(s)
			f.void, f.arrived = true, nil
			continue
		}
		f.arrived = append(f.arrived, arrivals{p.version[s], acts})
	}
}

// file hands the file of a scope to fn, in both books, while nobody else uses
// it. Either is nil if there is no such file.
func (l *Ledger) file(ctx context.Context, s casefile.Scope, fn func(full, public *casefile.File)) error {
	l.mu.Lock()
	f, ok := l.files.get(s)
	if !ok {
		f = &cachedFile{scope: s, epoch: l.epoch}
		l.files.put(s, f, fileCost(0))
	}
	l.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := l.bring(ctx, f); err != nil {
		return err
	}
	fn(f.books())
	return nil
}

// cached is file, if the file is kept.
func (l *Ledger) cached(ctx context.Context, s casefile.Scope, fn func(full, public *casefile.File)) (bool, error) {
	l.mu.Lock()
	_, ok := l.files.by[s]
	l.mu.Unlock()
	if !ok {
		return false, nil
	}
	return true, l.file(ctx, s, fn)
}

// books are the file in each, nil where there is none: nothing is in a file
// whose opener is not.
func (f *cachedFile) books() (full, public *casefile.File) {
	there := func(x *casefile.File) *casefile.File {
		if x == nil || x.Len() == 0 {
			return nil
		}
		if _, ok := x.Get(f.scope); !ok && f.scope.Index >= 0 {
			return nil
		}
		return x
	}
	return there(f.full), there(f.public)
}

// bring makes the file as new as the store. The caller holds f.mu.
func (l *Ledger) bring(ctx context.Context, f *cachedFile) error {
	l.mu.Lock()
	arrived, epoch := f.arrived, l.epoch
	check := f.epoch != epoch
	if f.void {
		f.loaded, f.void = false, false
	}
	f.arrived = nil
	l.mu.Unlock()
	for _, a := range arrived {
		f.extend(a)
	}
	if check && f.loaded {
		version, _, err := l.store.Versions(ctx, f.scope)
		if err != nil {
			return err
		}
		f.loaded = version == f.version
	}
	if !f.loaded {
		err := f.load(ctx, l.store)
		if err == nil {
			err = l.noticed(ctx, 0, true) // it may hold what was opened just now
		}
		if err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f.epoch = epoch
	if e, ok := l.files.by[f.scope]; ok && e.Value.(*lruItem[scopeKey, *cachedFile]).v == f {
		if f.full.Len() == 0 {
			l.files.drop(f.scope) // there is none: anybody can ask for any name
		} else if e.Value.(*lruItem[scopeKey, *cachedFile]).cost != f.bytes {
			l.files.put(f.scope, f, f.bytes)
		}
	}
	return nil
}

// extend adds acts that have come; if some are missing in between, the file is
// to be read again.
func (f *cachedFile) extend(a arrivals) {
	if !f.loaded || a.version <= f.version {
		return
	}
	if a.version != f.version+int64(len(a.acts)) {
		f.loaded = false
		return
	}
	for _, x := range a.acts {
		if !x.clear && f.public == f.full {
			f.loaded = false // the books part
			return
		}
		f.add(abridged(x))
		f.fresh++
	}
	f.version = a.version
}

// add puts abridged acts into the file.
func (f *cachedFile) add(acts ...placedItem) {
	full, public := make([]casefile.Placed, len(acts)), make([]casefile.Placed, 0, len(acts))
	for i, x := range acts {
		full[i] = x.Placed
		if x.clear {
			public = append(public, x.Placed)
		}
		f.bytes += fileCost(x.size)
	}
	f.full.Add(full...)
	if f.public != f.full {
		f.public.Add(public...)
	}
}

// load reads the file from the store: what the extract has of it, and the rest
// from the entries.
func (f *cachedFile) load(ctx context.Context, s Store) error {
	x, err := s.Extract(ctx, f.scope)
	if err != nil {
		return err
	}
	var acts []placedItem
	if x.Doc != nil {
		if acts, err = extracted(x.Doc, f.scope); err != nil { // the entries have it all
			acts, x = nil, Extract{}
			if x.Version, x.Since, err = s.Scope(ctx, f.scope); err != nil {
				return err
			}
		}
	}
	f.fresh = len(x.Since)
	for i, h := range decoded(x.Since) {
		if h.Act != nil { // it was placed
			acts = append(acts, abridged(placedItem{Placed: casefile.Placed{Item: casefile.Item{Name: h.Name, Leaf: h.Leaf, Act: h.Act}, Problem: x.Since[i].Problem},
				scope: f.scope, clear: x.Since[i].Clear, size: len(h.Entry) + len(h.Opened)}))
		}
	}
	f.full, f.version, f.bytes = casefile.NewFile(f.scope), x.Version, fileCost(0)
	f.public = f.full
	if slices.ContainsFunc(acts, func(a placedItem) bool { return !a.clear }) {
		f.public = casefile.NewFile(f.scope)
	}
	f.add(acts...)
	f.loaded = true
	return nil
}

// decoded decodes the acts of a scope, on all processors: somebody waits.
func decoded(acts []StoredPlaced) []*Held {
	out := make([]*Held, len(acts))
	const each = 16
	var wg sync.WaitGroup
	for from := 0; from < len(acts); from += each {
		work := func() {
			for i := from; i < min(from+each, len(acts)); i++ {
				out[i] = held(&acts[i].Stored)
			}
		}
		if len(acts)-from <= each {
			work() // the last, or the only one
		} else {
			wg.Go(work)
		}
	}
	wg.Wait()
	return out
}

// house hands the state of a domain's house matters, in the full book, to fn. It
// holds until fn returns.
func (l *Ledger) house(ctx context.Context, d comity.Domain, fn func(*casefile.State)) error {
	return l.file(ctx, casefile.House(d), func(full, _ *casefile.File) {
		if full == nil {
			full = casefile.NewFile(casefile.House(d))
		}
		fn(full.State())
	})
}

// view reads a situation at a time; ok is false if there is none in the book.
func (l *Ledger) view(ctx context.Context, b Book, name comity.ActName, now comity.Time, heads casefile.Heads) (v casefile.View, ok bool, err error) {
	if name.Index < 0 {
		return v, false, nil
	}
	err = l.file(ctx, name, func(full, public *casefile.File) {
		f := full
		if b == Public {
			f = public
		}
		if ok = f != nil; ok {
			v = f.View(now, heads)
		}
	})
	return v, ok, err
}

// fact is what became of an act that was placed in a scope. It does not read
// the file for that, if there is a fresh brief of it.
func (l *Ledger) fact(ctx context.Context, b Book, s casefile.Scope, it casefile.Item) (x casefile.ActFact, err error) {
	look := func(full, public *casefile.File) {
		f := full
		if b == Public {
			f = public
		}
		if f != nil {
			x, _ = f.State().Fact(it.Name)
		}
	}
	if ok, err := l.cached(ctx, s, look); ok || err != nil {
		return x, err
	}
	sb, ok, err := l.store.Brief(ctx, s, b)
	if err != nil {
		return x, err
	}
	if ok && sb.Fresh {
		brief, err := sb.decode()
		return brief.Fact(it), err
	}
	return x, l.file(ctx, s, look)
}

// standing says where an act stands in a book: why it has no effect, if so, and
// the scope in which it is folded; the zero scope if it waits.
func (l *Ledger) standing(ctx context.Context, b Book, h *Held) (trouble string, at casefile.Scope, err error) {
	k, ok, err := l.lookUpHeld(ctx, h)
	if err != nil || !ok {
		return "", at, err
	}
	if !k.Pending && (b == Full || k.clear) {
		return k.problem, k.scope, nil
	}
	of := func(n comity.ActName) (casefile.Referent, bool) {
		k, ok, e := l.lookUp(ctx, l.store, n)
		if err == nil {
			err = e
		}
		if b == Public {
			return k.inPublic(), ok && k.public
		}
		return k.Referent, ok
	}
	p := casefile.Resolve(casefile.Item{Name: h.Name, Leaf: h.Leaf, Act: h.Act}, of)
	if err != nil || !p.Pending() {
		return p.Problem, at, err // it came just now
	}
	_, here := of(p.Waits)
	return casefile.WaitsFor(p.Waits, here), at, err
}
