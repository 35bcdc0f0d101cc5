package desk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/seal"
)

// clockSlack is by how much the clock may be behind the last recorded time
// (which is then used) before the desk refuses to record.
const clockSlack = 2 * time.Minute

// Preview checks a document and says what issuing it would do. It changes
// nothing.
func (d *Desk) Preview(ctx context.Context, who Who, doc []byte) (Preview, error) {
	if !who.May(person.Officer) {
		return Preview{}, d.refuse(who)
	}
	return d.prepare(ctx, doc)
}

func (d *Desk) refuse(who Who) error {
	if who.Person == nil {
		return ErrSignIn
	}
	return ErrForbidden
}

// Issue checks a document and records it: at once, or, for a consequential
// kind, as a draft that another person must release.
func (d *Desk) Issue(ctx context.Context, who Who, doc []byte) (Issued, error) {
	if !who.May(person.Officer) {
		return Issued{}, d.refuse(who)
	}
	p, err := d.prepare(ctx, doc)
	if err != nil {
		return Issued{}, explain(err)
	}
	if p.Consequential {
		draft, err := d.draftOf(ctx, who, p)
		if err != nil {
			return Issued{}, explain(err)
		}
		id, err := d.c.Drafts.AddDraft(ctx, draft)
		return Issued{Draft: id}, explain(err)
	}
	return d.record(ctx, p, 0, nil)
}

func (d *Desk) draftOf(ctx context.Context, who Who, p Preview) (person.Draft, error) {
	statement, err := d.revokesAll(ctx, p.Act)
	return person.Draft{Document: p.Document, Kind: string(p.Act.Kind), Title: p.Act.Title, By: who.Person.ID, At: d.Now().Time, Statement: statement}, err
}

// Release records a draft and takes it off the list, both or neither. Whoever
// releases is not who drafted it. Who has released it within a day, and asks
// again because the answer was lost, is told what was issued then.
func (d *Desk) Release(ctx context.Context, who Who, id int64) (Issued, error) {
	out, err := d.release(ctx, who, id)
	if errors.Is(err, person.ErrNotFound) {
		if before, ok, err := d.Answered(ctx, who, releaseKey(id)); err != nil || ok {
			return before, err
		}
	}
	return out, err
}

func (d *Desk) release(ctx context.Context, who Who, id int64) (Issued, error) {
	if !who.May(person.Officer) {
		return Issued{}, d.refuse(who)
	}
	draft, err := d.c.Drafts.Draft(ctx, id)
	if err != nil {
		return Issued{}, err
	}
	if err := person.MayRelease(draft, *who.Person, who.Role); err != nil {
		return Issued{}, &denied{err}
	}
	p, err := d.prepare(ctx, draft.Document) // the file may have moved on meanwhile
	if err != nil {
		return Issued{}, err
	}
	return d.record(ctx, p, draft.Statement, func(r Recorder, issued Issued) error {
		_, err := r.TakeDraft(id)
		if errors.Is(err, person.ErrNotFound) {
			return journal.Refuse(fmt.Errorf("draft %d: %w: perhaps it was released or discarded", id, person.ErrNotFound))
		}
		if err != nil {
			return err
		}
		now := time.Now()
		a := Answer{Person: who.Person.ID, Key: releaseKey(id), Asked: sha256.Sum256(draft.Document), At: now, Issued: issued}
		_, _, err = r.AnswerOnce(a, now.Add(-KeyLife))
		return err
	})
}

// Drafts lists what waits for release.
func (d *Desk) Drafts(ctx context.Context, who Who) ([]Draft, error) {
	if !who.May(person.Officer) {
		return nil, d.refuse(who)
	}
	all, err := d.c.Drafts.Drafts(ctx)
	var out []Draft
	for _, x := range all {
		out = append(out, Draft{ID: x.ID, Document: x.Document, Title: x.Title, Kind: act.Kind(x.Kind), By: x.By, At: comity.TimeOf(x.At)})
	}
	return out, err
}

// Discard drops a draft: its author's, or anybody's for who may release.
func (d *Desk) Discard(ctx context.Context, who Who, id int64) error {
	if !who.May(person.Officer) {
		return d.refuse(who)
	}
	draft, err := d.c.Drafts.Draft(ctx, id)
	if err != nil {
		return err
	}
	if draft.By != who.Person.ID && !who.May(person.Releasing) {
		return d.refuse(who)
	}
	return d.c.Drafts.DiscardDraft(ctx, id)
}

// prepare completes a document (leaf hashes of its references, effects) and
// checks it against the file as it stands. What does not fit may do so once
// what another process has recorded a moment ago is read.
func (d *Desk) prepare(ctx context.Context, doc []byte) (Preview, error) {
	p, err := d.prepareAsRead(ctx, doc)
	var invalid *Invalid
	if errors.As(err, &invalid) {
		held := d.Held()
		if err := d.c.Ledger.CatchUp(ctx); err != nil {
			return Preview{}, err
		}
		if d.Held() != held {
			return d.prepareAsRead(ctx, doc)
		}
	}
	return p, err
}

func (d *Desk) prepareAsRead(ctx context.Context, doc []byte) (Preview, error) {
	invalid := func(err error) (Preview, error) { return Preview{}, &Invalid{err} }
	parsed, err := act.ParseDocument(doc)
	if err != nil {
		return invalid(err)
	}
	for _, m := range []string{"domain", "recorded"} {
		if parsed.Get(m) != nil {
			return invalid(fmt.Errorf("%s: the node writes this itself; leave it out", m))
		}
	}
	if err := d.fillLeaves(ctx, parsed); err != nil {
		return invalid(err)
	}
	a, err := act.Decode(parsed.Bytes())
	if err != nil {
		return invalid(err)
	}
	spec, known := act.Lookup(a.Kind)
	if !known {
		return invalid(fmt.Errorf("kind: this version does not know %q; \"comity act --kinds\" lists the kinds", a.Kind))
	}
	if a.Contradiction != "" {
		return invalid(errors.New(`effects: they are not those of this act's content; leave "effects" out and the node writes them`))
	}
	if parsed.Get("effects") == nil {
		if err := parsed.Set("effects", a.Effects); err != nil {
			return invalid(err)
		}
	}
	p := Preview{Document: parsed.Bytes(), Act: a, Consequential: spec.Consequential, parsed: parsed}
	if len(p.Document) > act.MaxDocument {
		return invalid(fmt.Errorf("the act has %d bytes; at most %d: move long texts into attachments", len(p.Document), act.MaxDocument))
	}
	peers, err := d.c.Peers.Peers(ctx)
	if err != nil {
		return Preview{}, err
	}
	if err := d.address(&p, peers); err != nil {
		return invalid(err)
	}
	if err := d.members(ctx, &p); err != nil {
		return invalid(err)
	}
	var gone []comity.ActName
	for _, e := range a.Effects {
		if e, ok := e.(effect.Erase); ok {
			gone = append(gone, e.Act)
		}
	}
	if err := d.mayErase(ctx, gone); err != nil {
		return invalid(err)
	}
	if err := d.fits(ctx, a); err != nil {
		return invalid(err)
	}
	return p, nil
}

// fillLeaves completes references that give no leaf hash with the hash of the
// act held here: what the author read is what is meant.
func (d *Desk) fillLeaves(ctx context.Context, doc *act.Document) error {
	raw := doc.Get("re")
	if raw == nil {
		return nil
	}
	refs, err := act.ParseRe(raw)
	if err != nil {
		return fmt.Errorf("re: %w", err)
	}
	filled := false
	for i := range refs {
		leaf, ok, err := d.c.Ledger.leaf(ctx, refs[i].Act)
		switch {
		case err != nil:
			return err
		case !ok:
			return fmt.Errorf("re: %s is not held here; check the name, or wait until it has arrived", refs[i].Act)
		case refs[i].Leaf.IsZero():
			refs[i].Leaf, filled = leaf, true
		case refs[i].Leaf != leaf:
			return fmt.Errorf("re: %s has the leaf hash %s, not %s: what you refer to is not what stands there", refs[i].Act, leaf, refs[i].Leaf)
		}
	}
	if !filled {
		return nil
	}
	return doc.Set("re", refs)
}

// address works out who receives the act, how, and what they can read.
func (d *Desk) address(p *Preview, peers []peer.Peer) error {
	a := p.Act
	public := a.TLP == comity.Clear
	for _, t := range a.To {
		r := Recipient{Org: t.Org, Organ: t.Organ, For: t.For, Name: d.Name(t.Org), Route: "outside", Reads: "all"}
		if dom, ok := t.Org.Domain(); ok {
			i := slices.IndexFunc(peers, func(x peer.Peer) bool { return x.Domain == dom })
			switch {
			case dom == d.c.Self.Domain:
				r.Route = "own"
			case i < 0:
				return fmt.Errorf("to: no organization %s is known here; pin it with \"comity follow URL\", or name a body without a node by its acronym", dom)
			case peers[i].Recipient == "" && !public:
				return fmt.Errorf("to: %s has published no key to seal to; issue it TLP:CLEAR, or ask them for their key", dom)
			default:
				r.Route = "journal"
			}
		}
		p.Recipients = append(p.Recipients, r)
	}
	for _, x := range peers {
		if slices.ContainsFunc(p.Recipients, func(r Recipient) bool { return r.Org == x.Domain.Party() }) {
			continue
		}
		reads := "seal"
		if public {
			reads = "all"
		}
		p.Recipients = append(p.Recipients, Recipient{Org: x.Domain.Party(), Name: x.Name, Route: "journal", Reads: reads})
	}
	if public {
		p.Notes = append(p.Notes, Note{About: NotePublic})
	}
	for _, r := range p.Recipients {
		if r.Route == "outside" {
			p.Notes = append(p.Notes, Note{About: NoteOutside, Party: r.Org, Name: r.Name})
		}
	}
	if a.Ask != nil && a.Ask.Basis == effect.Wish && !a.Ask.Due.IsZero() {
		p.Notes = append(p.Notes, Note{About: NoteWish})
	}
	return nil
}

// fits checks the act against the files as they stand: its situation is there,
// its author may bring about its effects, and it is marked no weaker than what
// it refers to.
func (d *Desk) fits(ctx context.Context, a *act.Act) error {
	if now := d.c.Clock().Add(24 * time.Hour); a.Date.After(now) {
		return fmt.Errorf("date: %s is in the future; an act is dated when it was done", a.Date)
	}
	for _, r := range a.Re {
		if err := d.mayRefer(ctx, a, r.Act); err != nil {
			return err
		}
	}
	scope, err := d.scopeFor(ctx, a)
	if err != nil {
		return err
	}
	author := effect.Author{Issuer: d.c.Self.Domain, OnBehalfOf: a.OnBehalfOf}
	may := func(s *casefile.State) error {
		for _, e := range a.Effects {
			if err := s.May(author, e); err != nil {
				return fmt.Errorf("%s: %w", e.Do(), err)
			}
		}
		return nil
	}
	if !slices.ContainsFunc(a.Effects, casefile.Judged) {
		return may(&casefile.State{}) // no file need be read for that
	}
	var refused error
	err = d.c.Ledger.file(ctx, scope, func(full, _ *casefile.File) {
		if full == nil {
			full = casefile.NewFile(scope)
		}
		refused = may(full.State())
	})
	if err != nil {
		return err
	}
	return refused
}

// mayRefer checks one reference of the act: what it refers to can be read here,
// waits for nothing, and is marked no stronger.
func (d *Desk) mayRefer(ctx context.Context, a *act.Act, n comity.ActName) error {
	k, ok, err := d.c.Ledger.lookUp(ctx, d.c.Ledger.store, n)
	if err != nil {
		return err
	}
	if !ok {
		h, err := d.c.Ledger.get(ctx, n)
		if err != nil || h == nil || h.Sealed == nil {
			return err
		}
		return fmt.Errorf("re: %s cannot be read here (%s), so nothing can refer to it", n, h.Why)
	}
	if k.Pending {
		// Who refers to what waits for others would wait with it.
		h, err := d.c.Ledger.get(ctx, n)
		if err != nil || h == nil {
			return err
		}
		trouble, _, err := d.c.Ledger.standing(ctx, Full, h)
		if err != nil {
			return err
		}
		return fmt.Errorf("re: %s %s; refer to it once that is here", n, trouble)
	}
	if k.public {
		return nil
	}
	if a.TLP.Weaker(k.tlp) {
		return fmt.Errorf("tlp: %s refers to %s, which is TLP:%s; mark it at least so", a.TLP, n, k.tlp)
	}
	if n.Domain != d.c.Self.Domain && !slices.ContainsFunc(a.To, func(t act.To) bool { return t.Org == n.Domain.Party() }) {
		return fmt.Errorf("to: it refers to the sealed act %s; address %s as well", n, n.Domain)
	}
	return nil
}

// scopeFor is where the act will be folded, if it may be.
func (d *Desk) scopeFor(ctx context.Context, a *act.Act) (casefile.Scope, error) {
	l := d.c.Ledger
	fail := func(err error) (casefile.Scope, error) { return casefile.Scope{}, err }
	if a.Situation.IsZero() {
		if a.Ask != nil {
			return fail(errors.New("ask: name the situation; what is asked outside a file cannot be answered in one"))
		}
		return casefile.House(d.c.Self.Domain), nil
	}
	k, ok, err := l.lookUpFile(ctx, a.Situation)
	if err != nil {
		return fail(err)
	}
	if !ok || k.Pending || !k.Opens {
		if _, held, err := l.leaf(ctx, a.Situation); err != nil {
			return fail(err)
		} else if !held {
			return fail(fmt.Errorf("situation: %s is not held here; \"comity situations\" lists the files", a.Situation))
		}
		return fail(fmt.Errorf("situation: %s opened no file; \"comity situations\" lists those that did", a.Situation))
	}
	switch {
	case !k.public && a.TLP == comity.Clear:
		return fail(fmt.Errorf("tlp: the file %s is sealed (TLP:%s); an act in it cannot be CLEAR", a.Situation, k.tlp))
	case k.Status != a.Status:
		return fail(fmt.Errorf("status: the file %s is %s and this act %s; keep them apart", a.Situation, k.Status, a.Status))
	}
	for _, r := range a.Re {
		if !slices.Contains([]string{"answers", "corrects", "withdraws"}, r.How) {
			continue
		}
		at, ok, err := l.lookUp(ctx, l.store, r.Act)
		if err != nil {
			return fail(err)
		}
		if ok && !at.Pending && at.scope.Index >= 0 && at.scope != a.Situation {
			return fail(fmt.Errorf("situation: %s belongs to the file %s; act on it there", r.Act, at.scope))
		}
	}
	return a.Situation, nil
}

// record puts a prepared act into the journal, and writes w with it. statement is
// that of the draft which it was.
func (d *Desk) record(ctx context.Context, p Preview, statement int, w with) (Issued, error) {
	if p.Act.TLP == comity.Clear {
		entry, err := p.parsed.Recordable(d.c.Self.Domain)
		if err != nil {
			return Issued{}, err
		}
		return d.append(ctx, opened{act: p.Act}, entry, d.inTx(w, statement))
	}
	o, err := d.seal(ctx, p)
	if err != nil {
		return Issued{}, err
	}
	return d.append(ctx, o, func(at comity.Time) ([]byte, error) {
		return act.EncodeSealed(d.c.Self.Domain, at, p.Act.Status, *o.sealed)
	}, d.inTx(w, statement))
}

// seal makes the act's two boxes and stores them, so that they are there
// before anybody learns of the entry.
func (d *Desk) seal(ctx context.Context, p Preview) (opened, error) {
	var out act.Sealed
	fail := func(err error) (opened, error) { return opened{}, err }
	to, err := d.recipients(ctx, p)
	if err != nil {
		return fail(err)
	}
	cut, err := act.EffectsDocument(p.Document)
	if err != nil {
		return fail(err)
	}
	var g errgroup.Group // each waits for the disk
	for _, part := range []struct {
		purpose seal.Purpose
		payload []byte
		into    *act.Commitment
	}{{seal.Effects, cut, &out.Effects}, {seal.Content, p.Document, &out.Content}} {
		g.Go(func() error {
			box, _, err := seal.Seal(d.c.Self.Domain, part.purpose, part.payload, to, rand.Reader)
			if err != nil {
				return fmt.Errorf("seal: %w", err)
			}
			if _, err := d.c.Blobs.Put(ctx, box.Ciphertext); err != nil {
				return d.unkept(ctx, fmt.Errorf("store the sealed content: %w", err))
			}
			*part.into = box.Commitment
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return fail(err)
	}
	return opened{act: p.Act, sealed: &out, effects: cut, content: p.Document}, nil
}

// unkept makes an error that people can act on of one that kept a blob from being
// stored. What was to name it is not recorded.
func (d *Desk) unkept(ctx context.Context, err error) error {
	out := explain(err)
	if ctx.Err() != nil || errors.As(out, new(*Unable)) {
		return out
	}
	d.c.Log.ErrorContext(ctx, "the place where sealed contents are kept does not take them", "err", err)
	return &Unable{errors.New("nothing was recorded: the place where sealed contents are kept does not take them now; " +
		"try again in a moment, and tell the operator, who finds the reason in the node's log. What is TLP:CLEAR can be recorded")}
}

func (d *Desk) recipients(ctx context.Context, p Preview) ([]seal.Recipient, error) {
	peers, err := d.c.Peers.Peers(ctx)
	if err != nil {
		return nil, err
	}
	out := []seal.Recipient{*d.sealed.Load()} // ours; one listed twice counts once
	for _, t := range p.Act.To {
		for _, x := range peers {
			if x.Domain.Party() != t.Org {
				continue
			}
			r, err := seal.ParseRecipient(x.Recipient)
			if err != nil {
				return nil, fmt.Errorf("seal to %s: %w", x.Domain, err)
			}
			out = append(out, r)
		}
	}
	return out, nil
}

// append is appendOnce, again if new keys had to be taken into use first.
func (d *Desk) append(ctx context.Context, o opened, entry func(at comity.Time) ([]byte, error), w journal.With) (Issued, error) {
	out, err := d.appendOnce(ctx, o, entry, w)
	if !errors.Is(err, ErrAwaited) {
		return out, err
	}
	if err := d.takeAwaited(ctx); err != nil {
		return Issued{}, explain(err)
	}
	return d.appendOnce(ctx, o, entry, w)
}

// appendOnce sequences one entry, stamped with the node's clock, which never
// decreases within the journal. What is in it need not be decoded again.
func (d *Desk) appendOnce(ctx context.Context, o opened, entry func(at comity.Time) ([]byte, error), w journal.With) (Issued, error) {
	if _, err := d.newest(ctx); err != nil {
		return Issued{}, err
	}
	var undo func()
	out, err := d.c.Journal.AppendWith(ctx, func(int64) ([]byte, error) {
		at, err := d.stamp()
		if err != nil {
			return nil, err
		}
		e, err := entry(at)
		if err != nil {
			return nil, err
		}
		recorded := *o.act
		recorded.Domain, recorded.Recorded = d.c.Self.Domain, at
		written := o
		written.act = &recorded
		undo = d.c.Ledger.prepare(comity.LeafHash(e), &written)
		return e, nil
	}, w)
	if undo != nil {
		undo()
	}
	if err != nil {
		return Issued{}, explain(err)
	}
	return Issued{Name: comity.ActName{Domain: d.c.Self.Domain, Index: out.Index}, Leaf: comity.Hash(out.Leaf)}, nil
}

// explain makes an error that people can act on of a failing database or disk
// whose failure is known to have recorded nothing.
func explain(err error) error {
	var known interface{ Hint() string }
	var held *journal.HeldError
	var behind *journal.BehindError
	switch {
	case errors.Is(err, journal.ErrAmbiguous):
		return err
	case errors.Is(err, syscall.ENOSPC):
		return &Unable{errors.New("nothing was recorded: the disk is full; make room and try again")}
	case errors.As(err, &held):
		return &Unable{fmt.Errorf("nothing was recorded: %w", held)}
	case errors.Is(err, ErrAwaited):
		return &Unable{fmt.Errorf("nothing was recorded: %w", err)}
	case errors.As(err, &behind):
		return &Unable{behind}
	case errors.As(err, &known):
		return &Unable{fmt.Errorf("nothing was recorded: %s", known.Hint())}
	}
	return err
}

// behindOf reports whether a clock is so far behind a recorded time that nothing
// is recorded.
func behindOf(now, recorded comity.Time) bool { return recorded.Sub(now.Time) > clockSlack }

func (d *Desk) stamp() (comity.Time, error) {
	now := d.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if behindOf(now, d.last) {
		return comity.Time{}, &Unable{fmt.Errorf("this machine's clock says %s, but an act was recorded here at %s: set the clock; nothing was recorded", now, d.last)}
	}
	if now.Before(d.last.Time) {
		now = d.last
	}
	d.last = now
	return now, nil
}

// GoOn is for journal.Config.Continue: what is recorded after an entry that
// another process wrote is not recorded before it.
func (d *Desk) GoOn(last []byte) error {
	e, err := act.DecodeEntry(d.c.Self.Domain, last)
	if err != nil {
		return nil // it says no time
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if e.Recorded.After(d.last.Time) {
		d.last = e.Recorded
	}
	return nil
}

// Found puts the organization's key act into its empty journal as entry 0. If
// another process was faster, its is kept.
func (d *Desk) Found(ctx context.Context, key effect.Key) (Issued, error) {
	a := &act.Act{Kind: "key.v1", Date: d.Now(), By: act.By{Office: "Administrator"}, Status: comity.Actual, TLP: comity.Clear,
		Lang: "en", Title: strings.TrimSpace("Keys of " + d.c.Self.Name)}
	if err := act.SetKeyBody(a, key); err != nil {
		return Issued{}, err
	}
	doc, err := act.Encode(a)
	if err != nil {
		return Issued{}, err
	}
	founded := Issued{Name: comity.ActName{Domain: d.c.Self.Domain}}
	p, err := d.prepare(ctx, doc)
	if err != nil {
		if d.c.Ledger.Size(d.c.Self.Domain) > 0 {
			return founded, nil // it has just been read
		}
		return Issued{}, err
	}
	out, err := d.record(ctx, p, 0, func(_ Recorder, issued Issued) error {
		if issued.Name.Index != 0 {
			return journal.Refuse(errFounded)
		}
		return nil
	})
	if errors.Is(err, errFounded) {
		return founded, nil
	}
	return out, err
}

var errFounded = errors.New("the journal is founded already")

// Note records, for all to read and in no situation, something about how the
// node is run.
func (d *Desk) Note(ctx context.Context, title, text string) (Issued, error) {
	doc, err := act.Encode(&act.Act{Kind: "note.v1", Date: d.Now(), By: act.By{Office: "Administrator"}, Status: comity.Actual, TLP: comity.Clear,
		Lang: "en", Title: title, Text: text})
	if err != nil {
		return Issued{}, err
	}
	p, err := d.prepare(ctx, doc)
	if err != nil {
		return Issued{}, err
	}
	return d.record(ctx, p, 0, nil)
}
