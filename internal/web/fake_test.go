package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/world"
	"github.com/comity/comity/keys"
)

// fakeDesk is a desk of un.example on real books: what the pages show is what
// the fold makes of real acts. It enforces the roles and the leaf hashes.
type fakeDesk struct {
	empty    bool // lists no situation
	t        testing.TB
	now      comity.Time
	self     comity.Domain
	full     *casefile.Book
	public   *casefile.Book
	held     []desk.Held
	next     map[comity.Domain]int64
	heard    map[comity.Domain]comity.Time
	names    map[comity.Party]string
	drafts   []desk.Draft
	issued   int
	answers  map[string]desk.Issued // by person and key
	noPeers  bool
	peerList []desk.PeerView
	paused   []string
	failing  error // what every reading method returns, if set
	doubts   keys.Doubts
}

var orgNames = map[comity.Party]string{
	"un.example": "United Nations", "oas.example": "Organization of American States", "las.example": "League of Arab States",
	"osce.example": "Organization for Security and Co-operation in Europe", "au.example": "African Union",
	"eu.example": "European Union", "ecowas.example": "Economic Community of West African States",
}

func newFake(t testing.TB, now string) *fakeDesk {
	f := &fakeDesk{t: t, now: at(now), self: "un.example", full: casefile.NewBook(), public: casefile.NewBook(),
		next: map[comity.Domain]int64{}, heard: map[comity.Domain]comity.Time{}, names: orgNames, answers: map[string]desk.Issued{}}
	for p := range orgNames {
		f.heard[comity.Domain(p)] = f.now
	}
	return f
}

func at(s string) comity.Time {
	v, err := comity.ParseTime(s)
	if err != nil {
		panic(err)
	}
	return v
}

func jsonOf(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// add records an act in a journal, as its node would.
func (f *fakeDesk) add(d comity.Domain, when string, a act.Act) comity.ActName {
	f.t.Helper()
	a.Date = comity.TimeOf(a.Date.Time)
	if a.Date.IsZero() {
		a.Date = at(when)
	}
	if a.Status == "" {
		a.Status = comity.Exercise
	}
	if a.TLP == "" {
		a.TLP = comity.Clear
	}
	for i := range a.Re {
		if a.Re[i].Leaf.IsZero() {
			a.Re[i].Leaf = f.find(a.Re[i].Act).Leaf
		}
	}
	doc, err := act.Encode(&a)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.record(d, at(when), doc, a.TLP)
}

func (f *fakeDesk) record(d comity.Domain, when comity.Time, doc []byte, tlp comity.TLP) comity.ActName {
	f.t.Helper()
	decoded, err := act.Decode(doc)
	if err != nil {
		f.t.Fatalf("%v\n%s", err, doc)
	}
	parsed, err := act.ParseDocument(doc)
	if err == nil {
		err = parsed.Set("effects", decoded.Effects)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	doc = parsed.Bytes()
	decoded.Domain, decoded.Recorded = d, when
	h := desk.Held{Pos: int64(len(f.held)) + 1, Name: comity.ActName{Domain: d, Index: f.next[d]}, Act: decoded, Status: decoded.Status, At: when}
	f.next[d]++
	if tlp == comity.Clear {
		h.Entry, err = act.EncodeEntry(doc, d, when)
	} else {
		h.Sealed = &act.Sealed{}
		h.Entry, err = act.EncodeSealed(d, when, decoded.Status, act.Sealed{})
	}
	if err != nil {
		f.t.Fatal(err)
	}
	h.Leaf = comity.LeafHash(h.Entry)
	item := casefile.Item{Name: h.Name, Leaf: h.Leaf, Act: decoded}
	f.full.Add(item)
	if h.Sealed == nil {
		f.public.Add(item)
	}
	f.held = append(f.held, h)
	return h.Name
}

// addSealed records an act that is sealed to others.
func (f *fakeDesk) addSealed(d comity.Domain, when string) comity.ActName {
	f.t.Helper()
	entry, err := act.EncodeSealed(d, at(when), comity.Exercise, act.Sealed{})
	if err != nil {
		f.t.Fatal(err)
	}
	h := desk.Held{Pos: int64(len(f.held)) + 1, Name: comity.ActName{Domain: d, Index: f.next[d]}, Entry: entry, Leaf: comity.LeafHash(entry),
		Sealed: &act.Sealed{}, Status: comity.Exercise, At: at(when), Why: "sealed to others"}
	f.next[d]++
	f.held = append(f.held, h)
	return h.Name
}

func (f *fakeDesk) find(n comity.ActName) desk.Held {
	for _, h := range f.held {
		if h.Name == n {
			return h
		}
	}
	return desk.Held{}
}

func (f *fakeDesk) book(who desk.Who) *casefile.Book {
	if who.May(person.Officer) {
		return f.full
	}
	return f.public
}

func (f *fakeDesk) heads() casefile.Heads {
	return casefile.Heads{Self: f.self, Heard: f.heard, Doubt: f.doubts.Of, Stored: func(by comity.Domain, n comity.ActName) (time.Time, bool) {
		if n.Domain != f.self || by == "las.example" {
			return time.Time{}, false
		}
		return time.Date(2026, 7, 1, 9, 30, 0, 0, time.UTC), true
	}}
}

func (f *fakeDesk) Now() comity.Time { return f.now }

func (f *fakeDesk) Doubts(context.Context) (keys.Doubts, error) { return f.doubts, f.failing }

func (f *fakeDesk) Self() desk.Self {
	return desk.Self{Domain: f.self, Name: f.names[f.self.Party()], Origin: f.self.Origin(), LogKey: "un.example/journal+1a2b3c4d+AabcDEF",
		WitnessKey: "un.example/witness+5e6f7a8b+BabcDEF", MirrorKey: "un.example/mirror+9c0d1e2f+BabcDEF", Recipient: "age1pq1xyz", Version: "test"}
}

func (f *fakeDesk) Name(p comity.Party) string {
	if n, ok := f.names[p]; ok {
		return n
	}
	w, err := world.Load()
	if err != nil {
		f.t.Fatal(err)
	}
	if s, ok := w.State(world.StateID(p)); ok {
		return s.NameOn(world.DateOf(f.now.Time))
	}
	return string(p)
}

func (f *fakeDesk) Situations(_ context.Context, who desk.Who) ([]casefile.View, error) {
	var out []casefile.View
	b := f.book(who)
	for _, n := range b.Situations() {
		if v, ok := b.View(n, f.now, f.heads()); ok && !f.empty {
			out = append(out, v)
		}
	}
	slices.SortStableFunc(out, func(a, b casefile.View) int { return b.Latest.Compare(a.Latest.Time) })
	return out, f.failing
}

func (f *fakeDesk) Situation(_ context.Context, who desk.Who, n comity.ActName) (casefile.View, error) {
	v, ok := f.book(who).View(n, f.now, f.heads())
	if !ok {
		return v, desk.ErrNotFound
	}
	return v, f.failing
}

func (f *fakeDesk) Asks(_ context.Context, who desk.Who, _ desk.AskFilter) ([]casefile.AskView, error) {
	return f.book(who).Asks(f.now, f.heads()), f.failing
}

func (f *fakeDesk) Held() int64 { return int64(len(f.held)) }

func (f *fakeDesk) Acts(_ context.Context, who desk.Who, after int64, limit int) ([]desk.Held, error) {
	var out []desk.Held
	for _, h := range f.held {
		if h.Pos > after && len(out) < limit {
			out = append(out, f.show(who, h))
		}
	}
	return out, f.failing
}

func (f *fakeDesk) show(who desk.Who, h desk.Held) desk.Held {
	h.Doubt = f.doubts.Of(h.Name)
	if h.Sealed != nil && !who.May(person.Officer) {
		h.Act, h.Why = nil, "sealed to others"
		return h
	}
	if h.Act == nil {
		return h
	}
	b := f.book(who)
	h.Why = b.Trouble(h.Name)
	if file, ok := b.ScopeOf(h.Name); ok {
		h.File = file
		st, _ := b.State(file)
		h.Fact, _ = st.Fact(h.Name)
	}
	return h
}

func (f *fakeDesk) Act(_ context.Context, who desk.Who, n comity.ActName) (desk.Held, error) {
	h := f.find(n)
	if h.Pos == 0 {
		return h, desk.ErrNotFound
	}
	return f.show(who, h), f.failing
}

func (f *fakeDesk) Proof(_ context.Context, _ desk.Who, n comity.ActName, accepted bool) ([]byte, error) {
	switch {
	case f.find(n).Pos == 0:
		return nil, desk.ErrNotFound
	case accepted:
		return nil, desk.ErrNoProof
	}
	return []byte("c2sp.org/tlog-proof@v1\nindex " + fmt.Sprint(n.Index) + "\n"), nil
}

func (f *fakeDesk) Preview(_ context.Context, who desk.Who, doc []byte) (desk.Preview, error) {
	if who.Person == nil {
		return desk.Preview{}, desk.ErrSignIn
	}
	if !who.May(person.Officer) {
		return desk.Preview{}, desk.ErrForbidden
	}
	parsed, err := act.ParseDocument(doc)
	if err != nil {
		return desk.Preview{}, &desk.Invalid{Err: err}
	}
	if raw := parsed.Get("re"); raw != nil {
		refs, err := act.ParseRe(raw)
		if err != nil {
			return desk.Preview{}, &desk.Invalid{Err: err}
		}
		for i := range refs {
			h := f.find(refs[i].Act)
			if h.Pos == 0 {
				return desk.Preview{}, &desk.Invalid{Err: fmt.Errorf("re: %s is not held here", refs[i].Act)}
			}
			refs[i].Leaf = h.Leaf
		}
		if err := parsed.Set("re", refs); err != nil {
			return desk.Preview{}, err
		}
	}
	a, err := act.Decode(parsed.Bytes())
	if err != nil {
		return desk.Preview{}, &desk.Invalid{Err: err}
	}
	spec, _ := act.Lookup(a.Kind)
	p := desk.Preview{Document: parsed.Bytes(), Act: a, Consequential: spec.Consequential}
	for _, to := range a.To {
		route := "journal"
		if _, ok := to.Org.Domain(); !ok {
			route = "outside"
			p.Notes = append(p.Notes, desk.Note{About: desk.NoteOutside, Party: to.Org, Name: f.Name(to.Org)})
		} else if to.Org == f.self.Party() {
			route = "own"
		}
		p.Recipients = append(p.Recipients, desk.Recipient{Org: to.Org, Organ: to.Organ, For: to.For, Name: f.Name(to.Org), Route: route, Reads: "all"})
	}
	reads := "seal"
	if a.TLP == comity.Clear {
		reads = "all"
		p.Notes = append(p.Notes, desk.Note{About: desk.NotePublic})
	}
	for _, v := range f.peers() {
		if !slices.ContainsFunc(a.To, func(to act.To) bool { return to.Org == v.Domain.Party() }) {
			p.Recipients = append(p.Recipients, desk.Recipient{Org: v.Domain.Party(), Name: v.Name, Route: "journal", Reads: reads})
		}
	}
	return p, nil
}

// IssueOnce refuses what stands in the file already, as a real desk may: a form
// that is sent again must not come so far.
func (f *fakeDesk) IssueOnce(ctx context.Context, who desk.Who, key string, doc []byte) (desk.Issued, error) {
	if _, ok := f.answers[who.Person.ID+" "+key]; ok {
		return desk.Issued{}, &desk.Invalid{Err: errors.New("it was issued before")}
	}
	out, err := f.issue(ctx, who, doc)
	if err == nil {
		f.answers[who.Person.ID+" "+key] = out
	}
	return out, err
}

func (f *fakeDesk) Answered(_ context.Context, who desk.Who, key string) (desk.Issued, bool, error) {
	out, ok := f.answers[who.Person.ID+" "+key]
	return out, ok, nil
}

func (f *fakeDesk) issue(ctx context.Context, who desk.Who, doc []byte) (desk.Issued, error) {
	p, err := f.Preview(ctx, who, doc)
	if err != nil {
		return desk.Issued{}, err
	}
	f.issued++
	if p.Consequential {
		id := int64(len(f.drafts) + 1)
		f.drafts = append(f.drafts, desk.Draft{ID: id, Document: p.Document, Title: p.Act.Title, Kind: p.Act.Kind, By: who.Person.ID, At: f.now})
		return desk.Issued{Draft: id}, nil
	}
	return desk.Issued{Name: f.record(f.self, f.now, p.Document, p.Act.TLP)}, nil
}

func (f *fakeDesk) Drafts(_ context.Context, who desk.Who) ([]desk.Draft, error) {
	if who.Person == nil {
		return nil, desk.ErrSignIn
	}
	if !who.May(person.Officer) {
		return nil, desk.ErrForbidden
	}
	return f.drafts, nil
}

func (f *fakeDesk) Release(_ context.Context, who desk.Who, id int64) (desk.Issued, error) {
	if who.Person == nil {
		return desk.Issued{}, desk.ErrSignIn
	}
	for i, d := range f.drafts {
		if d.ID != id {
			continue
		}
		if err := person.MayRelease(person.Draft{By: d.By}, *who.Person, who.Role); err != nil {
			return desk.Issued{}, fmt.Errorf("%w: %w", desk.ErrForbidden, err)
		}
		f.drafts = slices.Delete(f.drafts, i, i+1)
		return desk.Issued{Name: f.record(f.self, f.now, d.Document, comity.Clear)}, nil
	}
	return desk.Issued{}, person.ErrNotFound
}

func (f *fakeDesk) Discard(_ context.Context, who desk.Who, id int64) error {
	if who.Person == nil {
		return desk.ErrSignIn
	}
	n := len(f.drafts)
	f.drafts = slices.DeleteFunc(f.drafts, func(d desk.Draft) bool { return d.ID == id })
	if n == len(f.drafts) {
		return person.ErrNotFound
	}
	return nil
}

func (f *fakeDesk) peers() []desk.PeerView {
	if f.noPeers {
		return nil
	}
	if f.peerList != nil {
		return f.peerList
	}
	var out []desk.PeerView
	ports := map[comity.Domain]int{"oas.example": 8081, "las.example": 8082, "osce.example": 8083, "au.example": 8084, "eu.example": 8085, "ecowas.example": 8086}
	real := time.Date(2026, 7, 1, 9, 31, 0, 0, time.UTC)
	for _, d := range []comity.Domain{"oas.example", "las.example", "osce.example", "au.example", "eu.example", "ecowas.example"} {
		v := desk.PeerView{Domain: d, Name: orgNames[d.Party()], URL: fmt.Sprintf("http://127.0.0.1:%d/", ports[d]),
			Follow: desk.Following{Size: f.next[d], Theirs: f.next[d], Heard: f.heard[d], At: real},
			Stored: desk.Receipt{Size: f.next[f.self], At: real}, Witness: desk.Receipt{Size: f.next[f.self], At: real}, Doubts: f.doubts[d]}
		switch d {
		case "osce.example":
			v.Follow.Trouble, v.Follow.Theirs, v.Follow.Next = "GET http://127.0.0.1:8083/journal/checkpoint: connection refused", v.Follow.Size+3, real.Add(time.Minute)
		case "las.example":
			v.Stored, v.Witness, v.Follow.Paused = desk.Receipt{}, desk.Receipt{}, true
		case "eu.example":
			v.Follow.Frozen = true
		}
		out = append(out, v)
	}
	return out
}

func (f *fakeDesk) Peers(context.Context, desk.Who) ([]desk.PeerView, error) {
	return f.peers(), f.failing
}

func (f *fakeDesk) Peer(_ context.Context, who desk.Who, domain comity.Domain) (desk.PeerDetail, error) {
	real := time.Date(2026, 7, 1, 9, 29, 0, 0, time.UTC)
	for _, v := range f.peers() {
		if v.Domain != domain {
			continue
		}
		p := desk.PeerDetail{PeerView: v}
		p.Pinned, p.LogKey = real, string(domain)+"/journal+0011aabb+AAAA"
		fork := desk.Fork{Size: 3, A: string(domain) + "/journal\n3\nAAAA\n\n— " + string(domain) + "/journal AAAA\n", B: string(domain) + "/journal\n4\nBBBB\n", Since: real,
			File: []byte(`{"format": "comity/evidence/v1"}`), SHA256: comity.LeafHash(nil)}
		switch domain {
		case "eu.example":
			told := fork
			told.Told = comity.ActName{Domain: "au.example", Index: 0}
			told.Ended, told.By, told.Why = real, "a.diallo", "Compared by telephone <with> them"
			fork.Act = comity.ActName{Domain: "un.example", Index: 0}
			p.Forks = []desk.Fork{fork, told}
		case "osce.example":
			p.Repinned = peer.Repin{At: real, By: "a.diallo", Reason: "the root key burnt <in> the archive", Act: comity.ActName{Domain: "un.example", Index: 0}}
			p.GivenUp = []monitor.Dropped{{First: 3, Size: 5, Signed: []byte("osce.example/journal\n5\nAAAA\n"), Theirs: []byte("osce.example/journal\n7\nBBBB\n"), At: real, By: "operator", Why: "said <on> the telephone", Act: fork.Act}}
			p.Follow.Error, p.Follow.Rate = "details for whoever can mend it", 18000
			p.Memberships = []desk.Membership{{House: "un.example", Is: "admitted", Act: fork.Act}, {House: "au.example", Is: "suspended"}, {House: "eu.example", Is: "removed"}}
		}
		return p, f.failing
	}
	return desk.PeerDetail{}, desk.ErrNotFound
}

func (f *fakeDesk) PausePeer(_ context.Context, who desk.Who, domain comity.Domain, paused bool) error {
	if !who.May(person.Administrator) {
		return desk.ErrForbidden
	}
	f.paused = append(f.paused, fmt.Sprint(domain, " ", paused))
	return nil
}

func (f *fakeDesk) Evidence(ctx context.Context, who desk.Who, domain comity.Domain) ([]byte, error) {
	p, err := f.Peer(ctx, who, domain)
	if err != nil || len(p.Forks) == 0 {
		return nil, desk.ErrNotFound
	}
	return p.Forks[0].File, nil
}

func (f *fakeDesk) EvidenceAct(ctx context.Context, who desk.Who, name comity.ActName) (desk.Evidence, bool, error) {
	h, err := f.Act(ctx, who, name)
	if err != nil || h.Act == nil || h.Act.Kind != "evidence.v1" {
		return desk.Evidence{}, false, err
	}
	verified := h.Act.Title == "verified"
	return desk.Evidence{Act: name, Against: "eu.example", Verified: verified, Why: map[bool]string{false: "no key is pinned here"}[verified]}, true, nil
}

func (f *fakeDesk) Record(context.Context, desk.Who) (desk.Record, error) {
	r := desk.Record{Doubts: f.doubts[f.self], Origin: f.self.Origin(), Size: f.next[f.self], Root: comity.LeafHash([]byte("root")),
		Demands: "3 of au.example, ecowas.example, osce.example", Accepted: f.next[f.self] - 1,
		Checkpoint: []byte("un.example/journal\n12\nqNJpJMwTVPBu9Fj4z9OD0U+rAxLTR1Rz9BlM6mE2h6o=\n\n— un.example/journal AABBCC==\n")}
	for i, v := range f.peers() {
		r.Cosignatures = append(r.Cosignatures, desk.Cosignature{Name: string(v.Domain) + "/witness", Role: []string{"witness", "mirror"}[i%2], At: time.Date(2026, 7, 1, 9, 30, 5, 0, time.UTC)})
	}
	return r, f.failing
}

func (f *fakeDesk) Digest(context.Context) (casefile.Digest, error) { return f.public.Digest(), nil }

// fakeSessions knows one session for each role: "observer", "officer" …
type fakeSessions struct {
	people map[string]desk.Who
	used   map[string]bool
	ended  []string
}

func newSessions() *fakeSessions {
	s := &fakeSessions{people: map[string]desk.Who{}, used: map[string]bool{}}
	for _, r := range person.Roles() {
		s.people[string(r)] = desk.Who{Role: r, Person: &person.Person{ID: "x." + string(r), Name: "A. Diallo", Office: "Watch officer", Role: r}}
	}
	return s
}

func (s *fakeSessions) SignIn(_ context.Context, link string) (string, error) {
	role, ok := strings.CutPrefix(link, "link-")
	if !ok || s.used[link] {
		return "", fmt.Errorf("%w: this link is not known, or was used", person.ErrCredential)
	}
	s.used[link] = true
	return role, nil
}

func (s *fakeSessions) Session(_ context.Context, token string) (desk.Who, error) {
	if token == "broken" {
		return desk.Who{}, errors.New("the database is on fire")
	}
	w, ok := s.people[token]
	if !ok {
		return w, fmt.Errorf("%w: this session ran out", person.ErrCredential)
	}
	return w, nil
}

func (s *fakeSessions) SignOut(_ context.Context, token string) error {
	s.ended = append(s.ended, token)
	return nil
}

// fakeScenario steps.
type fakeScenario struct {
	f     *fakeDesk
	steps []string
	plays bool
}

func (s *fakeScenario) Now() comity.Time { return s.f.now }
func (s *fakeScenario) Step(_ context.Context, to string) error {
	s.steps = append(s.steps, to)
	return nil
}
func (s *fakeScenario) Play(_ context.Context, on bool) { s.plays = on }
func (s *fakeScenario) Playing() bool                   { return s.plays }
func (s *fakeScenario) Next() comity.Time               { return comity.TimeOf(s.f.now.AddDate(0, 0, 3)) }

func to(org comity.Party, organ, how string) act.To { return act.To{Org: org, Organ: organ, For: how} }

func re(n comity.ActName, how string) act.Re { return act.Re{Ref: comity.Ref{Act: n}, How: how} }

func wish(what, due string) *act.Ask {
	a := &act.Ask{What: what, Basis: effect.Wish}
	if due != "" {
		a.Due = at(due)
	}
	return a
}
