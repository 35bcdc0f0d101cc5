package desk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/seal"
)

// Erasure says that the content of a sealed act was erased.
type Erasure struct {
	Target  comity.ActName
	Act     comity.ActName // the erasure
	Content comity.Hash    // SHA-256 of the sealed content
	Purged  comity.Time    // when this node had removed what it held of it, by its clock; zero before
}

// ErasureStore keeps what was erased, so that it is not fetched again.
type ErasureStore interface {
	// Erasures lists all, in order of target.
	Erasures(ctx context.Context) ([]Erasure, error)
	// Erasure of an act; false if there is none.
	Erasure(ctx context.Context, target comity.ActName) (Erasure, bool, error)
	// ErasedContent is the erasure of a blob; false if there is none.
	ErasedContent(ctx context.Context, content comity.Hash) (Erasure, bool, error)
	// PutErasure adds an erasure, or sets when it was carried out.
	PutErasure(ctx context.Context, e Erasure) error
	// Scrub removes from the database's files what was deleted before: a
	// database frees the place of a deleted row, and leaves the bytes there.
	Scrub(ctx context.Context) error
}

// Erased says what became of the content of an act; false if it was not
// erased.
func (d *Desk) Erased(ctx context.Context, target comity.ActName) (Erasure, bool, error) {
	return d.c.Ledger.store.Erasure(ctx, target)
}

// Erase removes from this node what erasures say is to go, and confirms each
// in our journal, once. With again set it also looks whether anything has come
// back that was removed before, as out of an old backup.
//
// Of an erased act go the sealed content, its text in the database, and what was
// made of it (Config.Forget). Its effects stay, and so does the entry.
//
// It removes first, then has the database's files written without what was
// removed, once for all, then confirms, then notes that it is done: after a crash
// it is done again, and confirmed once. It must not be called twice at a time.
func (d *Desk) Erase(ctx context.Context, again bool) error {
	found, err := d.erasures(ctx)
	if err != nil {
		return err
	}
	var errs []error
	removed := map[comity.ActName][]Erasure{}
	for by, targets := range found {
		fresh, err := d.remove(ctx, by, targets, again)
		if err != nil {
			errs = append(errs, fmt.Errorf("carry out the erasure %s: %w", by, err))
			continue
		}
		removed[by] = fresh
	}
	if err := d.scrub(ctx); err != nil {
		return errors.Join(append(errs, err)...)
	}
	for by, fresh := range removed {
		if err := d.confirm(ctx, by, fresh); err != nil {
			errs = append(errs, fmt.Errorf("confirm the erasure %s: %w", by, err))
		}
	}
	return errors.Join(errs...)
}

// scrubs bound how long the database is busy with being written anew: nothing
// else is written meanwhile, and any organization that we follow can have it
// done, by erasing acts that it sealed to us. A tenth of the time is theirs.
type scrubs struct {
	owed  bool // text was removed since
	ended time.Time
	took  time.Duration
}

const scrubShare = 10

func (d *Desk) scrub(ctx context.Context) error {
	if !d.scrubs.owed {
		return nil
	}
	if wait := scrubShare*d.scrubs.took - time.Since(d.scrubs.ended); wait > 0 {
		return fmt.Errorf("the database was written anew a moment ago; what was erased is gone from its files, and confirmed, in %v", wait.Round(time.Second))
	}
	begun := time.Now()
	err := d.c.Ledger.store.Scrub(ctx)
	d.scrubs = scrubs{err != nil, time.Now(), time.Since(begun)}
	return err
}

// erasures lists, by the act that says so, what is to be erased. They stand
// among house matters, where those find them too who do not read the file that
// an act belongs to; elsewhere they are shown and not carried out. An erasure
// that was withdrawn counts: what is gone at one is not brought back. So do those of
// who is followed no longer: its acts are here still.
func (d *Desk) erasures(ctx context.Context) (map[comity.ActName][]comity.ActName, error) {
	out := map[comity.ActName][]comity.ActName{}
	for _, h := range d.c.Ledger.journals() {
		err := d.c.Ledger.house(ctx, h, func(s *casefile.State) {
			for _, f := range s.Erasures {
				out[f.Act] = append(out[f.Act], f.E.Act)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// remove removes what one act says is to go, and returns the erasures that are to
// be confirmed.
func (d *Desk) remove(ctx context.Context, by comity.ActName, targets []comity.ActName, again bool) (fresh []Erasure, err error) {
	l := d.c.Ledger
	for _, target := range targets {
		e, known, err := l.store.Erasure(ctx, target)
		if err != nil {
			return nil, err
		}
		if known && !e.Purged.IsZero() && !again {
			continue
		}
		if !known {
			h, err := l.get(ctx, target)
			if err != nil {
				return nil, err
			}
			if h == nil || h.Sealed == nil {
				continue // not here, or public: there is nothing to erase
			}
			e = Erasure{Target: target, Act: by, Content: h.Sealed.Content.SHA256}
			if err := l.store.PutErasure(ctx, e); err != nil { // from now on it is not fetched
				return nil, err
			}
		}
		x, _, err := l.store.Stored(ctx, target)
		if err != nil {
			return nil, err
		}
		removed, err := l.erase(ctx, e)
		// It may have been opened since it was read; and what was removed from its row
		// before may be in the files still.
		if removed || x.State == SealOpen && (x.Content != nil || e.Purged.IsZero()) {
			d.scrubs.owed = true
		}
		if err == nil && d.c.Forget != nil && target.Domain == d.c.Self.Domain {
			err = d.c.Forget(ctx, target)
		}
		if err != nil {
			return nil, err
		}
		if d.c.Forgot != nil && (removed || x.Content != nil || e.Purged.IsZero()) {
			d.c.Forgot(ctx, target)
		}
		if e.Purged.IsZero() && e.Act == by {
			fresh = append(fresh, e)
		}
	}
	return fresh, nil
}

// confirm says that erasures were carried out, and notes it.
func (d *Desk) confirm(ctx context.Context, by comity.ActName, fresh []Erasure) error {
	if len(fresh) == 0 {
		return nil
	}
	if err := d.confirmErasure(ctx, by, fresh); err != nil {
		return err
	}
	for _, e := range fresh {
		e.Purged = d.Now()
		if err := d.c.Ledger.store.PutErasure(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// confirmErasure says in our journal that it was carried out here, unless it
// does already: what a backup has forgotten has come back from mirrors.
func (d *Desk) confirmErasure(ctx context.Context, by comity.ActName, fresh []Erasure) error {
	if err := d.held(ctx); err != nil {
		return err
	}
	if said, err := d.confirmed(ctx, by); err != nil || said {
		return err
	}
	h, err := d.c.Ledger.get(ctx, by)
	if err != nil || h == nil || h.Act == nil {
		return errors.Join(err, fmt.Errorf("%s is not here", by))
	}
	body := act.Erased{}
	for _, e := range fresh {
		body.Acts = append(body.Acts, e.Target)
	}
	doc, err := json.Marshal(body)
	if err != nil {
		return err
	}
	document, err := act.Encode(&act.Act{Kind: "erased.v1", Date: d.Now(), By: act.By{Office: "Node"}, Status: h.Act.Status, TLP: comity.Clear, Lang: "en",
		Title: "Erased here", Text: fmt.Sprintf("The content named in %s has been removed from this node.", by),
		Re: []act.Re{{Ref: comity.Ref{Act: by, Leaf: h.Leaf}, How: "supports"}}, Body: doc})
	if err != nil {
		return err
	}
	p, err := d.prepare(ctx, document)
	if err != nil {
		return err
	}
	once := comity.Hash(sha256.Sum256(append([]byte("comity erased\n"), h.Leaf[:]...)))
	_, err = d.record(ctx, p, 0, publishOnce(once))
	if errors.As(err, new(*publishedBefore)) {
		return nil
	}
	return err
}

// confirmed reports whether our journal confirms an erasure.
func (d *Desk) confirmed(ctx context.Context, by comity.ActName) (said bool, err error) {
	err = d.c.Ledger.file(ctx, casefile.House(d.c.Self.Domain), func(full, _ *casefile.File) {
		if full == nil {
			return
		}
		for _, f := range full.State().Acts {
			it, ok := full.Get(f.Act)
			said = said || ok && it.Act.Kind == "erased.v1" && slices.Contains(it.Act.Refers("supports"), by)
		}
	})
	return said, err
}

// erase removes the text of an erased act from the database, and its box. What it
// says of the text holds after an error, too.
func (l *Ledger) erase(ctx context.Context, e Erasure) (removed bool, err error) {
	removed, err = l.Forget(ctx, e.Target)
	if err == nil {
		_, err = l.open(ctx, []comity.ActName{e.Target}) // what waited for its content waits no longer
	}
	if err == nil {
		err = l.removeBox(ctx, e)
	}
	return removed, err
}

// removeBox removes the box that an erased act names as its content.
func (l *Ledger) removeBox(ctx context.Context, e Erasure) error {
	box, err := l.blobs.Get(ctx, e.Content)
	switch {
	case errors.Is(err, blob.ErrNotFound):
		return nil
	case errors.Is(err, blob.ErrCorrupt):
		return l.blobs.Delete(ctx, e.Content)
	case err != nil:
		return err
	}
	// Anybody can commit to another's box, truly or with another size or HMAC, and
	// then erase "his". Whoever can open it sees whose it is, and what; who cannot
	// removes it all the same: what was to be erased must not stay because it was
	// claimed twice.
	if !isBox(box) {
		return nil
	}
	if inside, err := l.ring.Load().Look(box); err == nil && (inside.Issuer != e.Target.Domain || inside.Purpose != seal.Content) {
		return nil
	}
	return l.blobs.Delete(ctx, e.Content)
}

// isBox reports whether a blob is sealed at all, and not an attachment of
// somebody's public act.
func isBox(b []byte) bool { return bytes.HasPrefix(b, []byte("age-encryption.org/")) }

// erased reports whether the content of an act is not to be had any more.
func (l *Ledger) erased(ctx context.Context, n comity.ActName) (bool, error) {
	_, ok, err := l.store.Erasure(ctx, n)
	return ok, err
}

// Keeps reports whether a blob that was offered is to be kept: not if all that
// wanted it was erased.
func (l *Ledger) Keeps(ctx context.Context, sha comity.Hash) (bool, error) {
	_, erased, err := l.store.ErasedContent(ctx, sha)
	if err != nil || !erased {
		return true, err
	}
	wanting, err := l.store.Wanting(ctx, sha)
	for _, n := range wanting {
		if erased, err := l.erased(ctx, n); err != nil || !erased {
			return true, err
		}
	}
	return false, err
}

// Kept is to be called when a blob that Keeps approved has been stored: it removes
// it again if it was erased meanwhile, and reports whether it is here still.
func (l *Ledger) Kept(ctx context.Context, sha comity.Hash) (bool, error) {
	if keep, err := l.Keeps(ctx, sha); err != nil || keep {
		return err == nil, err
	}
	all, err := l.store.Erasures(ctx)
	for _, e := range all {
		if err == nil && e.Content == sha {
			err = l.removeBox(ctx, e)
		}
	}
	if err != nil {
		return false, err
	}
	return l.blobs.Has(ctx, sha) // it may be another's
}

// mayErase checks what an erasure names before it is issued.
func (d *Desk) mayErase(ctx context.Context, targets []comity.ActName) error {
	for _, n := range targets {
		if n.Domain != d.c.Self.Domain {
			return fmt.Errorf("body: acts: %s is not ours; ask %s to erase it", n, n.Domain)
		}
		h, err := d.c.Ledger.get(ctx, n)
		switch {
		case err != nil:
			return err
		case h == nil:
			return fmt.Errorf("body: acts: there is no act %s", n)
		case h.Sealed == nil:
			return fmt.Errorf("body: acts: %s is public, and what was public cannot be erased; withdraw it", n)
		}
		if e, ok, err := d.Erased(ctx, n); err != nil || ok {
			return errors.Join(err, fmt.Errorf("body: acts: %s was erased by %s already", n, e.Act))
		}
	}
	return nil
}
