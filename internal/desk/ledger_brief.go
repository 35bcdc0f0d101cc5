package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
)

func (b StoredBrief) decode() (casefile.Brief, error) {
	var out casefile.Brief
	if err := json.Unmarshal(b.Doc, &out); err != nil {
		return out, fmt.Errorf("the brief of %s: %w", casefile.ScopeText(b.Scope), err)
	}
	return out, nil
}

// briefs calls fn with the brief of every scope in a book, in no particular
// order, as of everything that arrived before the call.
func (l *Ledger) briefs(ctx context.Context, b Book, fn func(casefile.Scope, casefile.Brief)) error {
	if err := l.tidy(ctx); err != nil {
		return err
	}
	return l.store.Briefs(ctx, b, func(s StoredBrief) error {
		x, err := s.decode()
		if err == nil {
			fn(s.Scope, x)
		}
		return err
	})
}

// Digest of the public book.
func (l *Ledger) Digest(ctx context.Context) (casefile.Digest, error) {
	if err := l.tidy(ctx); err != nil {
		return casefile.Digest{}, err
	}
	all, err := l.store.Digests(ctx)
	if err != nil {
		return casefile.Digest{}, err
	}
	return casefile.Combine(all), nil
}

// tidyAtOnce is how many briefs are written in one transaction.
const tidyAtOnce = 64

// tidy makes the briefs of files that have changed.
func (l *Ledger) tidy(ctx context.Context) error {
	l.tidying.Lock()
	defer l.tidying.Unlock()
	for began := time.Now(); ; {
		stale, err := l.store.Stale(ctx, tidyAtOnce)
		if err != nil || len(stale) == 0 {
			return err
		}
		var made []briefed
		for _, s := range stale {
			b, err := l.brief(ctx, s)
			if err != nil {
				return err
			}
			made = append(made, b)
		}
		err = l.store.Fold(ctx, func(tx FoldTx) error {
			for i := range made {
				if err := made[i].put(tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, b := range made {
			b.written()
		}
		if len(stale) < tidyAtOnce {
			return nil
		}
		if took := time.Since(began); took > 5*time.Second {
			l.log.InfoContext(ctx, "making the lists of files", "last", casefile.ScopeText(stale[len(stale)-1]))
			began = time.Now()
		}
	}
}

// briefed is what was made of a scope.
type briefed struct {
	scope   casefile.Scope
	version int64
	briefs  []StoredBrief
	extract []byte      // nil if none is due, or it was not put
	file    *cachedFile // that extract was made of
}

// put writes what was made.
func (b *briefed) put(tx FoldTx) error {
	if err := tx.PutBriefs(b.scope, b.version, b.briefs); err != nil || b.extract == nil {
		return err
	}
	put, err := tx.PutExtract(b.scope, b.version, b.extract)
	if !put {
		b.extract = nil
	}
	return err
}

// written notes that it was committed.
func (b *briefed) written() {
	if b.extract == nil {
		return
	}
	b.file.mu.Lock()
	defer b.file.mu.Unlock()
	if b.file.version == b.version {
		b.file.fresh = 0
	}
}

// brief makes the briefs of a scope, and its extract if that is due. A file that
// is not kept in memory is read, and not kept for that: those that people read
// are.
func (l *Ledger) brief(ctx context.Context, s casefile.Scope) (briefed, error) {
	out := briefed{scope: s}
	l.mu.Lock()
	var f *cachedFile
	if e, ok := l.files.by[s]; ok {
		f = e.Value.(*lruItem[scopeKey, *cachedFile]).v
	} else {
		f = &cachedFile{scope: s, epoch: l.epoch}
	}
	l.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := l.bring(ctx, f); err != nil {
		return out, err
	}
	out.version = f.version
	add := func(b Book, x *casefile.File) error {
		if x == nil {
			return nil
		}
		doc, err := json.Marshal(x.Brief())
		if err != nil {
			return fmt.Errorf("the brief of %s: %w", casefile.ScopeText(s), err)
		}
		out.briefs = append(out.briefs, StoredBrief{Scope: s, Book: b, Acts: x.Len(), Digest: x.Digest(), Doc: doc})
		return nil
	}
	full, public := f.books()
	if full != nil && f.due() {
		doc, err := extract(f.full, f.public)
		if err != nil {
			return out, fmt.Errorf("the extract of %s: %w", casefile.ScopeText(s), err)
		}
		if len(doc) <= largestExtract {
			out.extract, out.file = doc, f
		}
	}
	if full == public {
		return out, add(Both, full)
	}
	if err := add(Public, public); err != nil {
		return out, err
	}
	return out, add(Full, full)
}

// tidyEvery is how long the ledger waits before it makes briefs of what has
// arrived, so that a file in which much arrives is not summed up for each act.
const tidyEvery = 2 * time.Second

// Tend makes briefs of files in which something arrived, until ctx ends, so that
// who reads a list need not wait for them.
func (l *Ledger) Tend(ctx context.Context) {
	for {
		news := l.News()
		if err := l.tidy(ctx); err != nil && ctx.Err() == nil {
			l.log.WarnContext(ctx, "the lists of files could not be made", "err", err)
		}
		select {
		case <-news:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(tidyEvery):
		case <-ctx.Done():
			return
		}
	}
}

// situations lists the files of a book, the one with the newest act first.
func (l *Ledger) situations(ctx context.Context, b Book, now comity.Time, heads casefile.Heads) ([]casefile.View, error) {
	var out []casefile.View
	err := l.briefs(ctx, b, func(s casefile.Scope, x casefile.Brief) {
		if s.Index >= 0 {
			out = append(out, x.View(now, heads))
		}
	})
	slices.SortFunc(out, func(a, b casefile.View) int {
		if c := b.Latest.Compare(a.Latest.Time); c != 0 {
			return c
		}
		return a.Name.Compare(b.Name)
	})
	return out, err
}

// asks lists the asks of a book, in order of name.
func (l *Ledger) asks(ctx context.Context, b Book, now comity.Time, heads casefile.Heads) ([]casefile.AskView, error) {
	var out []casefile.AskView
	err := l.briefs(ctx, b, func(_ casefile.Scope, x casefile.Brief) { out = append(out, x.AsksAt(now, heads)...) })
	slices.SortFunc(out, func(a, b casefile.AskView) int { return a.Ask.Compare(b.Ask) })
	return out, err
}
