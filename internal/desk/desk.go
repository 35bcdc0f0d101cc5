// Package desk is what an organization's people can do with their node: read
// situation files, asks and acts; see what would happen before they issue
// something; issue it; release what another drafted; prove what was said.
//
// Pages and API are thin layers over it, so that a rule holds on every path.
// Who may do what is decided here, by role; what the outside may see is
// decided by which of the ledger's two books is read: nobody in particular and
// observers read the public one, officers the full one.
//
//	d := desk.New(desk.Config{…})
//	p, err := d.Preview(ctx, who, document)   // who will receive it, what they can read
//	r, err := d.Issue(ctx, who, document)     // durable, in the tree, under our signature
package desk

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/seal"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/keys"
)

// Errors that callers turn into answers. Their texts are fit for users.
var (
	ErrNotFound  = errors.New("there is nothing of that name that you may see")
	ErrForbidden = errors.New("your role does not allow this")
	ErrSignIn    = errors.New("sign in first")
	ErrNoProof   = errors.New("no checkpoint that satisfies the policy covers this act yet; try again in a moment")
)

// Invalid is an error of the caller's document, in words for its author.
// Nothing was recorded.
type Invalid struct{ Err error }

func (e *Invalid) Error() string { return e.Err.Error() }
func (e *Invalid) Unwrap() error { return e.Err }

// Unable is why the node cannot record anything just now, in words for people.
// Nothing was recorded; the document is not to blame.
type Unable struct{ Err error }

func (e *Unable) Error() string { return e.Err.Error() }
func (e *Unable) Unwrap() error { return e.Err }

// denied is ErrForbidden with a reason of its own.
type denied struct{ error }

func (denied) Is(target error) bool { return target == ErrForbidden }
func (e denied) Unwrap() error      { return e.error }

// Peers is the roster, as the desk reads it.
type Peers interface {
	Peers(ctx context.Context) ([]peer.Peer, error)
}

// Drafts keeps what waits for a second person's release.
type Drafts interface {
	AddDraft(ctx context.Context, d person.Draft) (id int64, err error)
	Drafts(ctx context.Context) ([]person.Draft, error)
	Draft(ctx context.Context, id int64) (person.Draft, error)
	DiscardDraft(ctx context.Context, id int64) error
}

// Config is what a desk works with. All but Names, Follows, Doubts, Forks,
// Pause and Policy must be set.
type Config struct {
	Self    Self
	Ledger  *Ledger
	Journal *journal.Journal
	Store   journal.Store
	Peers   Peers
	Drafts  Drafts
	Answers Answers // nil if IssueOnce is not called
	Cosigs  witness.CosignatureStore
	Blobs   *blob.Store
	Keys    seal.Recipient   // our own, to which everything we seal is sealed too
	Clock   func() time.Time // the node's clock; a scenario's in the demo
	Log     *slog.Logger

	// KeysInUse is the number of the statement whose keys sign the journal, and
	// Rekey takes those into use that it has put in force since. Where the journal
	// awaits no statement they are not called, and may be nil.
	KeysInUse func() int
	Rekey     func(context.Context) error

	// Names returns the display name of a State or body at a date.
	Names func(p comity.Party, at comity.Time) string
	// Follows returns how far a peer's journal was read.
	Follows func(comity.Domain) (Following, bool)
	// Doubts returns which entries held here may be somebody else's than
	// their journals' organizations', because a key was revoked.
	Doubts func(context.Context) (keys.Doubts, error)
	// Policy says which checkpoints of our journal are accepted; nil is
	// every one that we signed.
	Policy func(context.Context) (*witness.Policy, error)
	// Forks is what freezes journals, and Pause stops following one or goes on.
	Forks Forks
	Pause func(ctx context.Context, d comity.Domain, paused bool) error
	// Forget removes what else was made of the content of an own act that is erased,
	// before the database's files are written without it; nil: nothing is made of acts.
	Forget func(ctx context.Context, erased comity.ActName) error
	// Forgot is told of each erased act, anybody's, that is no longer in the
	// database: other processes may have it in memory. It may be nil.
	Forgot func(ctx context.Context, erased comity.ActName)
}

// Desk of one organization. It is safe for concurrent use.
type Desk struct {
	c      Config
	self   atomic.Pointer[Self]           // with the keys in force
	sealed atomic.Pointer[seal.Recipient] // ours, in force

	files [2]recent[casefile.View]    // of the public and of the full book
	asks  [2]recent[casefile.AskView] // likewise

	scrubs scrubs // Erase's

	mu        sync.Mutex
	receipts  map[comity.Domain][]witness.Dated // by size, rising: mirror cosignatures of our own journal
	received  int64                             // how many
	last      comity.Time                       // newest recorded time in our own journal
	lastKnown bool                              // last was read
}

// New returns the desk.
func New(c Config) *Desk {
	d := &Desk{c: c, receipts: map[comity.Domain][]witness.Dated{}}
	d.SetKeys(c.Self, c.Keys)
	return d
}

// newest returns the time of the newest act in our own journal. It is read once,
// and again if acts would be refused because the clock is behind it: an act that
// was stamped by a clock that was wrong may not have been recorded.
func (d *Desk) newest(ctx context.Context) (comity.Time, error) {
	now := d.Now()
	d.mu.Lock()
	last := d.last
	known := d.lastKnown && !behindOf(now, last)
	d.mu.Unlock()
	self := d.c.Self.Domain
	size := d.c.Ledger.Size(self)
	if known || size == 0 {
		return last, nil
	}
	h, err := d.c.Ledger.get(ctx, comity.ActName{Domain: self, Index: size - 1})
	if err != nil {
		return comity.Time{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lastKnown = true; h == nil {
		return d.last, nil
	}
	if d.last.Equal(last.Time) && behindOf(now, last) {
		d.last = h.At
	}
	d.last = latest(d.last, h.At)
	return d.last, nil
}

// Now is the node's clock.
func (d *Desk) Now() comity.Time { return comity.TimeOf(d.c.Clock()) }

// Self describes the organization.
func (d *Desk) Self() Self { return *d.self.Load() }

// SetKeys changes the keys that are in force.
func (d *Desk) SetKeys(self Self, r seal.Recipient) {
	d.self.Store(&self)
	d.sealed.Store(&r)
}

// Name of a party as people say it: a known organization's own name, a State's
// name of the day; else the code itself.
func (d *Desk) Name(p comity.Party) string {
	if dom, ok := p.Domain(); ok {
		if dom == d.c.Self.Domain {
			return d.c.Self.Name
		}
		if known, err := d.c.Peers.Peers(context.Background()); err == nil {
			for _, x := range known {
				if x.Domain == dom && x.Name != "" {
					return x.Name
				}
			}
		}
		return string(p)
	}
	if d.c.Names != nil {
		if n := d.c.Names(p, d.Now()); n != "" {
			return n
		}
	}
	return string(p)
}

// Received notes a mirror cosignature of our own journal: the peer has stored
// it up to size.
func (d *Desk) Received(by comity.Domain, r Receipt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.receipts[by]
	if len(l) == 0 || l[len(l)-1].Size < r.Size {
		d.receipts[by] = append(l, witness.Dated{Size: r.Size, At: r.At.Unix()})
		d.received++
	}
}

func (d *Desk) stored(by comity.Domain, n comity.ActName) (time.Time, bool) {
	if n.Domain != d.c.Self.Domain {
		return time.Time{}, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.receipts[by]
	i, _ := slices.BinarySearchFunc(l, n.Index+1, func(r witness.Dated, size int64) int { return cmp.Compare(r.Size, size) })
	if i == len(l) {
		return time.Time{}, false
	}
	return time.Unix(l[i].At, 0).UTC(), true
}

// heads is what View needs to know about how far journals were read.
func (d *Desk) heads(ctx context.Context, who Who) (casefile.Heads, error) {
	d.c.Ledger.readAgain(ctx)
	h := casefile.Heads{Self: d.c.Self.Domain, Heard: map[comity.Domain]comity.Time{}, Stored: d.stored}
	h.Hidden = func(by, asker comity.Domain, since comity.Time) bool {
		switch {
		case !who.May(person.Officer): // what is sealed is hidden from the public
			return d.c.Ledger.hides(by, since, SealOpen, SealAwaiting, SealClosed)
		case asker == d.c.Self.Domain: // what is sealed to others does not answer us
			return d.c.Ledger.hides(by, since, SealAwaiting)
		}
		return d.c.Ledger.hides(by, since, SealAwaiting, SealClosed)
	}
	doubts, err := d.Doubts(ctx)
	if err != nil {
		return h, err
	}
	h.Doubt = doubts.Of
	known, err := d.c.Peers.Peers(ctx)
	if err != nil {
		return h, err
	}
	for _, p := range known {
		h.Heard[p.Domain] = comity.Time{}
		if d.c.Follows != nil {
			if f, ok := d.c.Follows(p.Domain); ok {
				h.Heard[p.Domain] = f.Heard
			}
		}
	}
	return h, nil
}

// recent keeps what was computed from a book for as long as nothing changes and
// the clock stands, and no longer than a second: whoever asks again and again, as
// anybody may, costs no more than one reading a second.
type recent[T any] struct {
	mu   sync.Mutex
	as   state
	at   time.Time // real time
	kept []T
}

// state is what lists depend on, but for how far others were heard.
type state struct {
	changes  int64 // of the ledger
	received int64 // receipts
	now      comity.Time
}

func (d *Desk) state() state {
	d.mu.Lock()
	defer d.mu.Unlock()
	return state{d.c.Ledger.Changes(), d.received, d.Now()}
}

func (r *recent[T]) get(as state, compute func() ([]T, error)) ([]T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at.IsZero() || r.as != as || time.Since(r.at) >= keptFor {
		kept, err := compute()
		if err != nil {
			return nil, err
		}
		r.as, r.at, r.kept = as, time.Now(), kept
		time.AfterFunc(keptFor, r.drop)
	}
	return slices.Clone(r.kept), nil
}

// keptFor is how long a list is kept.
const keptFor = time.Second

// drop gives up what may be used no more: of ten thousand situations it takes
// more memory than all files that are kept.
func (r *recent[T]) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.at) >= keptFor {
		r.at, r.kept = time.Time{}, nil
	}
}

// reads is which of the two books the caller may read.
func (w Who) reads() Book {
	if w.May(person.Officer) {
		return Full
	}
	return Public
}

// Situations returns every file that the caller may see, the one with the
// newest act first. Of the timeline they have only the newest line, without its
// text. What they hold must not be changed.
func (d *Desk) Situations(ctx context.Context, who Who) ([]casefile.View, error) {
	as := d.state()
	return d.files[who.reads()].get(as, func() ([]casefile.View, error) {
		heads, err := d.heads(ctx, who)
		if err != nil {
			return nil, err
		}
		return d.c.Ledger.situations(ctx, who.reads(), as.now, heads)
	})
}

// Situation returns one file.
func (d *Desk) Situation(ctx context.Context, who Who, name comity.ActName) (casefile.View, error) {
	return fresh(ctx, d, name, func() (casefile.View, error) { return d.situation(ctx, who, name) })
}

func (d *Desk) situation(ctx context.Context, who Who, name comity.ActName) (casefile.View, error) {
	heads, err := d.heads(ctx, who)
	if err != nil {
		return casefile.View{}, err
	}
	v, ok, err := d.c.Ledger.view(ctx, who.reads(), name, d.Now(), heads)
	if err == nil && !ok {
		err = ErrNotFound
	}
	for i := range v.Timeline {
		line := &v.Timeline[i]
		if err != nil || !line.Act.ContentErased || !line.Fact.Erased.IsZero() {
			continue
		}
		var e Erasure
		if e, _, err = d.Erased(ctx, line.Name); err == nil {
			line.Fact.Erased = e.Act
		}
	}
	return v, err
}

// Asks returns asks in the order in which a desk should look at them: late
// first, then by the date that counts, then by name.
func (d *Desk) Asks(ctx context.Context, who Who, f AskFilter) ([]casefile.AskView, error) {
	as := d.state()
	all, err := d.asks[who.reads()].get(as, func() ([]casefile.AskView, error) {
		heads, err := d.heads(ctx, who)
		if err != nil {
			return nil, err
		}
		return d.c.Ledger.asks(ctx, who.reads(), as.now, heads)
	})
	if err != nil {
		return nil, err
	}
	var out []casefile.AskView
	for _, a := range all {
		if f.By != "" && a.By != f.By {
			continue
		}
		if slices.ContainsFunc(a.Addressees, func(x casefile.AddresseeView) bool {
			return (f.Of == "" || x.Org == f.Of) && (!f.Late || x.Standing.Late()) && (!f.Open || x.Standing.Open())
		}) {
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b casefile.AskView) int { return urgency(a).compare(urgency(b)) })
	return out, nil
}

// urge is how soon an ask needs somebody: owed and late, late, by date.
type urge struct {
	class int
	due   time.Time
}

func urgency(a casefile.AskView) urge {
	u := urge{class: 3}
	for _, x := range a.Addressees {
		c := 3
		switch {
		case x.Standing == casefile.Overdue:
			c = 0
		case x.Standing.Late():
			c = 1
		case x.Standing.Open():
			c = 2
		}
		if c < u.class || c == u.class && !x.Due.IsZero() && (u.due.IsZero() || x.Due.Before(u.due)) {
			u = urge{c, x.Due.Time}
		}
	}
	return u
}

func (u urge) compare(v urge) int {
	switch {
	case u.class != v.class:
		return u.class - v.class
	case u.due.IsZero() != v.due.IsZero():
		if u.due.IsZero() {
			return 1
		}
		return -1
	}
	return u.due.Compare(v.due)
}

// fresh reads something again that is not there, if it is of our own journal:
// another process may have recorded it a moment ago.
func fresh[T any](ctx context.Context, d *Desk, name comity.ActName, read func() (T, error)) (T, error) {
	got, err := read()
	if !errors.Is(err, ErrNotFound) || name.Domain != d.c.Self.Domain || d.c.Ledger.CatchUp(ctx) != nil {
		return got, err
	}
	return read()
}

// Act returns one act as the caller may see it.
func (d *Desk) Act(ctx context.Context, who Who, name comity.ActName) (Held, error) {
	return fresh(ctx, d, name, func() (Held, error) { return d.act(ctx, who, name) })
}

func (d *Desk) act(ctx context.Context, who Who, name comity.ActName) (Held, error) {
	h, err := d.c.Ledger.get(ctx, name)
	switch {
	case err != nil:
		return Held{}, err
	case h == nil:
		return Held{}, ErrNotFound
	}
	return d.show(ctx, who, h)
}

// show is a copy of h cut down to what the caller may see. That a sealed entry
// exists is public; what it is, is not.
func (d *Desk) show(ctx context.Context, who Who, h *Held) (Held, error) {
	out := *h
	doubts, err := d.Doubts(ctx)
	if err != nil {
		return Held{}, err
	}
	out.Doubt = doubts.Of(h.Name)
	if h.Sealed != nil {
		e, ok, err := d.Erased(ctx, h.Name)
		if err != nil {
			return Held{}, err
		}
		if ok {
			out.Fact.Erased = e.Act // everybody may know
		}
	}
	if h.Sealed != nil && !who.May(person.Officer) {
		out.Act, out.Opened, out.Why = nil, nil, whySealed
		return out, nil
	}
	if h.Act == nil {
		return out, nil
	}
	l, b := d.c.Ledger, who.reads()
	trouble, at, err := l.standing(ctx, b, h)
	if err != nil {
		return Held{}, err
	}
	if out.Why == "" {
		out.Why = trouble
	}
	if at.Domain == "" {
		return out, nil // it waits, and is in no file
	}
	if at.Index >= 0 {
		out.File = at
	}
	erased := out.Fact.Erased
	out.Fact, err = l.fact(ctx, b, at, casefile.Item{Name: h.Name, Leaf: h.Leaf, Act: h.Act})
	if out.Fact.Erased.IsZero() {
		out.Fact.Erased = erased
	}
	return out, err
}

// Acts returns up to limit acts held here after a position, in order of
// arrival; never by time.
func (d *Desk) Acts(ctx context.Context, who Who, after int64, limit int) ([]Held, error) {
	if after < 0 || after >= d.Held() {
		return nil, nil
	}
	all, err := d.c.Ledger.after(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Held, len(all))
	for i, h := range all {
		if out[i], err = d.show(ctx, who, h); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Held is how many acts are held here: the position of the newest.
func (d *Desk) Held() int64 { return d.c.Ledger.Held() }

// News is closed when something arrives after the call.
func (d *Desk) News() <-chan struct{} { return d.c.Ledger.News() }

// Doubts are the entries held here of which it is in doubt whose they are.
// Everybody may know.
func (d *Desk) Doubts(ctx context.Context) (keys.Doubts, error) {
	if d.c.Doubts == nil {
		return nil, nil
	}
	return d.c.Doubts(ctx)
}

// Digest of the public book.
func (d *Desk) Digest(ctx context.Context) (casefile.Digest, error) { return d.c.Ledger.Digest(ctx) }

// Pending is how many acts wait for others that have not arrived.
func (d *Desk) Pending(ctx context.Context) (int, error) { return d.c.Ledger.store.Waiting(ctx) }

// StoredBy is up to where the peer's mirror cosignatures cover our journal.
func (d *Desk) StoredBy(by comity.Domain) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.receipts[by]; len(l) > 0 {
		return l[len(l)-1].Size
	}
	return 0
}
