package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/keys"
)

// The organizations of the tests.
const (
	ecowas comity.Domain = "ecowas.example" // whose desk it is
	un     comity.Domain = "un.example"
	au     comity.Domain = "au.example"
)

// fakeDesk is a desk on real books, without journals, keys or a database. It
// decides by role as the real one does. When broken is set, every method fails
// with it: those that cannot return it, by panic.
type fakeDesk struct {
	mu           sync.Mutex
	now          comity.Time
	public, full *casefile.Book
	order        []desk.Held
	news         chan struct{}
	drafts       []desk.Draft
	lastDraft    int64
	proofs       map[comity.ActName]string
	looked       int // calls of Proof
	broken       error
	key          string // of the last call of IssueOnce
	doubts       keys.Doubts
}

var _ Desk = (*fakeDesk)(nil)

func newFakeDesk() *fakeDesk {
	return &fakeDesk{now: at("2003-04-21T09:00:00Z"), public: casefile.NewBook(), full: casefile.NewBook(),
		news: make(chan struct{}), proofs: map[comity.ActName]string{}}
}

func at(s string) comity.Time {
	t, err := comity.ParseTime(s)
	if err != nil {
		panic(err)
	}
	return t
}

// doc is a document of an exercise, with further members.
func doc(kind, title, more string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`{"kind":%q,"date":"2003-04-11T08:00:00Z","by":{"organ":"Secretariat"},"status":"exercise","tlp":"CLEAR","lang":"en","title":%q%s}`,
		kind, title, more)
}

// add puts an entry as it is into the journal of d.
func (d *fakeDesk) add(of comity.Domain, entry []byte) desk.Held {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.next(of, entry)
	switch e, err := act.DecodeEntry(of, entry); {
	case err != nil:
		h.Why = err.Error()
	default:
		h.Act, h.At, h.Status = e.Act, e.Recorded, e.Status
	}
	d.take(h)
	return h
}

func (d *fakeDesk) next(of comity.Domain, entry []byte) desk.Held {
	n := int64(0)
	for _, x := range d.order {
		if x.Name.Domain == of {
			n++
		}
	}
	return desk.Held{Pos: int64(len(d.order)) + 1, Name: comity.ActName{Domain: of, Index: n}, Leaf: comity.LeafHash(entry), Entry: entry}
}

func (d *fakeDesk) take(h desk.Held) {
	d.order = append(d.order, h)
	if h.Act != nil {
		it := casefile.Item{Name: h.Name, Leaf: h.Leaf, Act: h.Act}
		d.full.Add(it)
		if h.Sealed == nil {
			d.public.Add(it)
		}
	}
	close(d.news)
	d.news = make(chan struct{})
}

// complete writes out the effects of a document.
func complete(document []byte) ([]byte, *act.Act, error) {
	a, err := act.Decode(document)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := act.ParseDocument(document)
	if err != nil {
		return nil, nil, err
	}
	if parsed.Get("effects") == nil {
		err = parsed.Set("effects", a.Effects)
	}
	return parsed.Bytes(), a, err
}

// says records a document in the journal of d.
func (d *fakeDesk) says(t testing.TB, of comity.Domain, document string) desk.Held {
	t.Helper()
	whole, _, err := complete([]byte(document))
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	entry, err := act.EncodeEntry(whole, of, d.now)
	if err != nil {
		t.Fatal(err)
	}
	h := d.add(of, entry)
	if h.Act == nil {
		t.Fatalf("%s: %s", h.Name, h.Why)
	}
	return h
}

// seals records a sealed document, which this desk reads or not.
func (d *fakeDesk) seals(t testing.TB, of comity.Domain, document string, open, erased bool) desk.Held {
	t.Helper()
	whole, _, err := complete([]byte(strings.Replace(document, `"tlp":"CLEAR"`, `"tlp":"AMBER"`, 1)))
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	document = string(whole)
	box := act.Commitment{SHA256: sha256.Sum256([]byte(document)), Size: 4096, HMAC: sha256.Sum256([]byte("hmac" + document))}
	sealed := act.Sealed{Effects: box, Content: box}
	entry, err := act.EncodeSealed(of, d.now, comity.Exercise, sealed)
	if err != nil {
		t.Fatal(err)
	}
	e, err := act.DecodeEntry(of, entry)
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.next(of, entry)
	h.Sealed, h.At, h.Status, h.Why = e.Sealed, e.Recorded, e.Status, "sealed to others"
	if open {
		effects, err := act.EffectsDocument([]byte(document))
		if err != nil {
			t.Fatal(err)
		}
		content := []byte(document)
		if erased {
			content = nil
		}
		if h.Act, err = act.DecodeOpened(e, effects, content); err != nil {
			t.Fatal(err)
		}
		h.Why = ""
	}
	d.take(h)
	return h
}

func (d *fakeDesk) lock() func() {
	d.mu.Lock()
	return d.mu.Unlock
}

func (d *fakeDesk) panics() {
	if d.broken != nil {
		panic(d.broken)
	}
}

func (d *fakeDesk) book(who desk.Who) *casefile.Book {
	if who.May(person.Officer) {
		return d.full
	}
	return d.public
}

func (d *fakeDesk) heads() casefile.Heads {
	return casefile.Heads{Self: ecowas, Heard: map[comity.Domain]comity.Time{un: d.now, au: d.now}, Doubt: d.doubts.Of,
		Stored: func(by comity.Domain, n comity.ActName) (time.Time, bool) {
			return time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), by == un && n.Domain == ecowas
		}}
}

func (d *fakeDesk) Now() comity.Time {
	defer d.lock()()
	d.panics()
	return d.now
}

func (d *fakeDesk) Self() desk.Self {
	d.panics()
	return desk.Self{Domain: ecowas, Name: "ECOWAS", Origin: ecowas.Origin(), LogKey: "ecowas.example/journal+1+A", WitnessKey: "ecowas.example/witness+2+B",
		MirrorKey: "ecowas.example/mirror+3+C", Recipient: "age1pq1", Version: "test"}
}

func (d *fakeDesk) Peers(context.Context, desk.Who) ([]desk.PeerView, error) {
	real := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	return []desk.PeerView{
		{Domain: au, Name: "African Union", URL: "http://127.0.0.1:8084", Pinned: real, Follow: desk.Following{Size: 3, Theirs: 5, Heard: d.now,
			At: real, Trouble: "refused: nothing listens there", Rate: 1500.4, Next: real, Paused: true, Frozen: true},
			Doubts: d.doubts[au], Repinned: peer.Repin{At: real, By: "operator", Reason: "its root key was lost", Act: comity.ActName{Domain: ecowas, Index: 7}}},
		{Domain: un, Follow: desk.Following{Size: 2}, Stored: desk.Receipt{Size: 4, At: real}, Witness: desk.Receipt{Size: 3, At: real}},
	}, d.broken
}

func (d *fakeDesk) Evidence(_ context.Context, _ desk.Who, against comity.Domain) ([]byte, error) {
	if against != au {
		return nil, desk.ErrNotFound
	}
	return []byte(evidenceFile), d.broken
}

const evidenceFile = `{"format": "comity/evidence/v1", "origin": "au.example/journal", "key": "au.example/journal+1+A", "size": 3,
	"a": {"checkpoint": "one"}, "b": {"checkpoint": "two", "steps": [{"size": 3, "root": "AA==", "proof": ["AA=="]}]}}`

func (d *fakeDesk) Record(context.Context, desk.Who) (desk.Record, error) {
	return desk.Record{Origin: ecowas.Origin(), Size: 4, Demands: "un.example/witness", Accepted: 4, Root: sha256.Sum256(nil), Doubts: d.doubts[ecowas], Checkpoint: []byte("ecowas.example/journal\n4\n"),
		Cosignatures: []desk.Cosignature{{Name: "ecowas.example/journal", Role: "log"},
			{Name: "un.example/witness", Role: "witness", At: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}}}, d.broken
}

func (d *fakeDesk) Digest(context.Context) (casefile.Digest, error) {
	defer d.lock()()
	d.panics()
	return d.public.Digest(), nil
}

func (d *fakeDesk) Situations(_ context.Context, who desk.Who) ([]casefile.View, error) {
	defer d.lock()()
	var out []casefile.View
	for _, n := range d.book(who).Situations() {
		v, _ := d.book(who).View(n, d.now, d.heads())
		out = append(out, v)
	}
	return out, d.broken
}

func (d *fakeDesk) Situation(_ context.Context, who desk.Who, name comity.ActName) (casefile.View, error) {
	defer d.lock()()
	v, ok := d.book(who).View(name, d.now, d.heads())
	if !ok && d.broken == nil {
		return v, desk.ErrNotFound
	}
	return v, d.broken
}

func (d *fakeDesk) Asks(_ context.Context, who desk.Who, f desk.AskFilter) ([]casefile.AskView, error) {
	defer d.lock()()
	var out []casefile.AskView
	for _, a := range d.book(who).Asks(d.now, d.heads()) {
		if f.By != "" && a.By != f.By || !slices.ContainsFunc(a.Addressees, func(x casefile.AddresseeView) bool {
			return (f.Of == "" || x.Org == f.Of) && (!f.Late || x.Standing.Late()) && (!f.Open || x.Standing.Open())
		}) {
			continue
		}
		out = append(out, a)
	}
	return out, d.broken
}

func (d *fakeDesk) show(who desk.Who, h desk.Held) desk.Held {
	h.Doubt = d.doubts.Of(h.Name)
	if h.Sealed != nil && !who.May(person.Officer) {
		h.Act, h.Why = nil, "sealed to others"
		return h
	}
	if h.Act == nil {
		return h
	}
	b := d.book(who)
	h.Why = b.Trouble(h.Name)
	if file, ok := b.ScopeOf(h.Name); ok {
		h.File = file
		s, _ := b.State(file)
		h.Fact, _ = s.Fact(h.Name)
	}
	return h
}

func (d *fakeDesk) Act(_ context.Context, who desk.Who, name comity.ActName) (desk.Held, error) {
	defer d.lock()()
	for _, h := range d.order {
		if h.Name == name {
			return d.show(who, h), d.broken
		}
	}
	if d.broken != nil {
		return desk.Held{}, d.broken
	}
	return desk.Held{}, desk.ErrNotFound
}

func (d *fakeDesk) Acts(_ context.Context, who desk.Who, after int64, limit int) ([]desk.Held, error) {
	defer d.lock()()
	if after >= int64(len(d.order)) {
		return nil, d.broken
	}
	var out []desk.Held
	for _, h := range d.order[after:min(after+int64(limit), int64(len(d.order)))] {
		out = append(out, d.show(who, h))
	}
	return out, d.broken
}

func (d *fakeDesk) Held() int64 {
	defer d.lock()()
	d.panics()
	return int64(len(d.order))
}

func (d *fakeDesk) News() <-chan struct{} {
	defer d.lock()()
	return d.news
}

func (d *fakeDesk) Proof(ctx context.Context, who desk.Who, name comity.ActName, accepted bool) ([]byte, error) {
	if _, err := d.Act(ctx, who, name); err != nil {
		return nil, err
	}
	defer d.lock()()
	d.looked++
	if p, ok := d.proofs[name]; ok {
		return []byte(p), nil
	}
	if accepted {
		return nil, desk.ErrNoProof
	}
	return []byte("c2sp.org/tlog-proof@v1\nindex 0\n"), nil
}

func (d *fakeDesk) mayIssue(who desk.Who) error {
	switch {
	case d.broken != nil:
		return d.broken
	case who.Person == nil:
		return desk.ErrSignIn
	case !who.May(person.Officer):
		return desk.ErrForbidden
	}
	return nil
}

func (d *fakeDesk) Preview(_ context.Context, who desk.Who, document []byte) (desk.Preview, error) {
	if err := d.mayIssue(who); err != nil {
		return desk.Preview{}, err
	}
	document, a, err := complete(document)
	if err != nil {
		return desk.Preview{}, &desk.Invalid{Err: err}
	}
	spec, _ := act.Lookup(a.Kind)
	return desk.Preview{Document: document, Act: a, Consequential: spec.Consequential, Notes: []desk.Note{{About: desk.NotePublic}},
		Recipients: []desk.Recipient{{Org: "un.example", Organ: "Security Council", For: "answer", Name: "United Nations", Route: "journal", Reads: "all"},
			{Org: "CARICOM", Route: "outside", Reads: "seal"}}}, nil
}

func (d *fakeDesk) IssueOnce(ctx context.Context, who desk.Who, key string, document []byte) (desk.Issued, error) {
	d.key = key
	p, err := d.Preview(ctx, who, document)
	if err != nil {
		return desk.Issued{}, err
	}
	if strings.Contains(string(document), "the disk is full") {
		return desk.Issued{}, fmt.Errorf("%w: no space left on /var/secret", journal.ErrNotRecorded)
	}
	if p.Consequential {
		defer d.lock()()
		d.lastDraft++
		d.drafts = append(d.drafts, desk.Draft{ID: d.lastDraft, Document: p.Document, Title: p.Act.Title, Kind: p.Act.Kind, By: who.Person.ID, At: d.now})
		return desk.Issued{Draft: d.lastDraft}, nil
	}
	return d.record(p.Document)
}

func (d *fakeDesk) record(document []byte) (desk.Issued, error) {
	entry, err := act.EncodeEntry(document, ecowas, d.now)
	if err != nil {
		return desk.Issued{}, err
	}
	h := d.add(ecowas, entry)
	return desk.Issued{Name: h.Name, Leaf: h.Leaf}, nil
}

func (d *fakeDesk) Drafts(_ context.Context, who desk.Who) ([]desk.Draft, error) {
	if err := d.mayIssue(who); err != nil {
		return nil, err
	}
	defer d.lock()()
	return slices.Clone(d.drafts), nil
}

func (d *fakeDesk) pull(who desk.Who, id int64, may func(desk.Draft) error) (desk.Draft, error) {
	if err := d.mayIssue(who); err != nil {
		return desk.Draft{}, err
	}
	defer d.lock()()
	i := slices.IndexFunc(d.drafts, func(x desk.Draft) bool { return x.ID == id })
	if i < 0 {
		return desk.Draft{}, person.ErrNotFound
	}
	x := d.drafts[i]
	if err := may(x); err != nil {
		return desk.Draft{}, err
	}
	d.drafts = slices.Delete(d.drafts, i, i+1)
	return x, nil
}

func (d *fakeDesk) Release(_ context.Context, who desk.Who, id int64) (desk.Issued, error) {
	x, err := d.pull(who, id, func(x desk.Draft) error {
		if err := person.MayRelease(person.Draft{By: x.By}, *who.Person, who.Role); err != nil {
			return fmt.Errorf("%w: %w", desk.ErrForbidden, err)
		}
		if strings.Contains(string(x.Document), "closed meanwhile") {
			return &desk.Invalid{Err: errors.New("situation: the file was closed meanwhile")}
		}
		if strings.Contains(string(x.Document), "the disk fills") {
			return fmt.Errorf("%w: no space left on /var/secret", journal.ErrNotRecorded)
		}
		return nil
	})
	if err != nil {
		return desk.Issued{}, err
	}
	return d.record(x.Document)
}

func (d *fakeDesk) Discard(_ context.Context, who desk.Who, id int64) error {
	_, err := d.pull(who, id, func(x desk.Draft) error {
		if x.By != who.Person.ID && !who.May(person.Releasing) {
			return desk.ErrForbidden
		}
		return nil
	})
	return err
}
