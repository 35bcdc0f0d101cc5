package desk_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/seal"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/keys"
	"github.com/comity/comity/keys/keystest"
)

// A warning is asked, carried, answered and read alike on both sides.
func TestAskAndAnswer(t *testing.T) {
	un, ecowas := newHouse(t, "un.example"), newHouse(t, "ecowas.example")
	meet(un, ecowas)
	ctx := t.Context()
	file := ecowas.issue(situation("A file"))
	ask := ecowas.issue(request(file, "A request", "un.example"))
	carry(ecowas, un, true)

	asks, err := un.desk.Asks(ctx, officer, desk.AskFilter{Of: "un.example", Open: true})
	check(t, err)
	if len(asks) != 1 || asks[0].Ask != ask.Act || asks[0].Addressees[0].Standing != casefile.Received {
		t.Fatalf("asked of us: %+v", asks)
	}
	un.issue(answerTo(file, ask, effect.WillAct))
	carry(un, ecowas, true)
	for _, h := range []*house{un, ecowas} {
		v, err := h.desk.Situation(ctx, nobody, file.Act)
		check(t, err)
		if got := v.Asks[0].Addressees[0].Standing; got != casefile.Answered {
			t.Errorf("%s: %s, want answered", h.domain, got)
		}
	}
	if a, b := digest(un), digest(ecowas); a != b {
		t.Errorf("digests differ: %v, %v", a, b)
	}
}

// A reference without a leaf hash means the act as it is held here.
func TestLeafFilledIn(t *testing.T) {
	h := newHouse(t, "un.example")
	file := h.issue(situation("A file"))
	n := h.issue(in(file, "note.v1", "A note"))
	doc := with(t, document(t, in(file, "note.v1", "Another")), "re", fmt.Sprintf(`[{"act":%q,"how":"cites"}]`, n.Act))
	p, err := h.desk.Preview(t.Context(), officer, doc)
	check(t, err)
	if len(p.Act.Re) != 1 || p.Act.Re[0].Leaf != n.Leaf {
		t.Errorf("re is %+v, want leaf %s", p.Act.Re, n.Leaf)
	}
	if !bytes.Contains(p.Document, []byte(`"effects":[{"do":"say"}]`)) {
		t.Errorf("effects were not written out: %s", p.Document)
	}
}

// Sealed acts: the addressee reads, a follower that is not addressed and the
// public see that something sealed exists, and nothing of it.
func TestSealed(t *testing.T) {
	un, ecowas, au := newHouse(t, "un.example"), newHouse(t, "ecowas.example"), newHouse(t, "au.example")
	meet(un, ecowas, au)
	ctx := t.Context()
	file := ecowas.issue(situation("A file"))
	a := request(file, "Movements at the crossings", "un.example")
	a.TLP, a.Text = comity.Red, "Named sources."

	p, err := ecowas.desk.Preview(ctx, officer, document(t, a))
	check(t, err)
	reads := map[comity.Party]string{}
	for _, r := range p.Recipients {
		reads[r.Org] = r.Reads
	}
	if reads["un.example"] != "all" || reads["au.example"] != "seal" {
		t.Errorf("the preview says who reads what: %v", reads)
	}

	ref := ecowas.issue(a)
	carry(ecowas, un, false)
	carry(ecowas, au, true)

	got, err := un.desk.Act(ctx, officer, ref.Act)
	check(t, err)
	if got.Act != nil || !strings.Contains(got.Why, "not arrived") {
		t.Errorf("before its content came: %q", got.Why)
	}
	carry(ecowas, un, true) // now the blobs come
	got, err = un.desk.Act(ctx, officer, ref.Act)
	check(t, err)
	if got.Act == nil || got.Act.Text != "Named sources." || got.File != file.Act {
		t.Fatalf("the addressee reads %+v (%s)", got.Act, got.Why)
	}
	if asks, _ := un.desk.Asks(ctx, officer, desk.AskFilter{Of: "un.example"}); len(asks) != 1 {
		t.Errorf("the addressee's asks: %d, want 1", len(asks))
	}
	for _, x := range []struct {
		h   *house
		who desk.Who
	}{{au, officer}, {un, observer}, {un, nobody}, {ecowas, nobody}} {
		got, err := x.h.desk.Act(ctx, x.who, ref.Act)
		check(t, err)
		if got.Act != nil || got.Sealed == nil || got.Why == "" {
			t.Errorf("%s shows %v to %v", x.h.domain, got.Act, x.who)
		}
		if asks, _ := x.h.desk.Asks(ctx, x.who, desk.AskFilter{}); len(asks) != 0 {
			t.Errorf("%s lists a sealed ask to %v", x.h.domain, x.who)
		}
		v, err := x.h.desk.Situation(ctx, x.who, file.Act)
		check(t, err)
		if len(v.Timeline) != 1 {
			t.Errorf("%s: %d acts on the timeline for %v, want 1", x.h.domain, len(v.Timeline), x.who)
		}
	}
	carry(un, au, true)
	carry(au, un, true)
	if a, b := digest(un), digest(au); a != b {
		t.Errorf("digests differ: %v, %v", a, b)
	}

	// Disclosed, anybody can check the text against the entry.
	o, err := ecowas.desk.Disclose(ctx, as("admin", "administrator"), ref.Act)
	check(t, err)
	if err := o.Check("ecowas.example", seal.Content, got.Sealed.Content); err != nil {
		t.Error(err)
	}
	if _, err := un.desk.Disclose(ctx, as("admin", "administrator"), ref.Act); err == nil {
		t.Error("an addressee disclosed the act of another")
	}
}

// Consequential acts wait for a second person.
func TestSecondPerson(t *testing.T) {
	h := newHouse(t, "un.example")
	ctx := t.Context()
	file := h.issue(situation("A file"))
	d := in(file, "decision.v1", "A decision")
	d.Body = json.RawMessage(`{"organ":"Security Council","outcome":"adopted"}`)
	before := h.journal.Head().Size
	out, err := h.desk.Issue(ctx, director, document(t, d))
	check(t, err)
	if out.Draft == 0 || h.journal.Head().Size != before {
		t.Fatalf("recorded at once: %+v", out)
	}
	if _, err := h.desk.Release(ctx, director, out.Draft); !errors.Is(err, desk.ErrForbidden) {
		t.Errorf("released by who drafted it: %v", err)
	}
	if _, err := h.desk.Release(ctx, officer, out.Draft); !errors.Is(err, desk.ErrForbidden) {
		t.Errorf("released by an officer: %v", err)
	}

	// While it cannot be recorded, the draft is kept.
	h.setClock(start.AddDate(-1, 0, 0))
	second := as("deputy", "releasing")
	if _, err := h.desk.Release(ctx, second, out.Draft); err == nil {
		t.Error("recorded with a clock a year back")
	}
	h.setClock(start)
	if all, err := h.desk.Drafts(ctx, officer); err != nil || len(all) != 1 {
		t.Fatalf("%d drafts are kept, want 1 (%v)", len(all), err)
	}

	released, err := h.desk.Release(ctx, second, out.Draft)
	check(t, err)
	if released.Name.IsZero() {
		t.Error("not recorded")
	}
	before = h.journal.Head().Size
	if again, err := h.desk.Release(ctx, second, out.Draft); err != nil || again != released || h.journal.Head().Size != before {
		t.Errorf("released %v; and again, with %d entries more: %v, %v", released, h.journal.Head().Size-before, again, err)
	}
	if all, _ := h.desk.Drafts(ctx, officer); len(all) != 0 {
		t.Errorf("%d drafts are left", len(all))
	}
}

// After a restart both books, positions and digest are what they were.
func TestRestart(t *testing.T) {
	un, ecowas := newHouse(t, "un.example"), newHouse(t, "ecowas.example")
	meet(un, ecowas)
	file := un.issue(situation("A file"))
	carry(un, ecowas, true)
	secret := in(file, "note.v1", "Sealed")
	secret.TLP, secret.To = comity.Amber, []act.To{{Org: "un.example", For: act.ForInformation}}
	ecowas.issue(secret)
	ecowas.issue(in(file, "note.v1", "Open"))
	carry(ecowas, un, true)

	list := func() (names []string) {
		held, err := un.desk.Acts(t.Context(), officer, 0, 100)
		check(t, err)
		for i, x := range held {
			if x.Pos != int64(i)+1 {
				t.Errorf("position %d is said to be %d", i+1, x.Pos)
			}
			names = append(names, fmt.Sprint(x.Name, x.Leaf, x.Act != nil))
		}
		return names
	}
	names, was := list(), digest(un)
	un.reopen()
	if again := list(); fmt.Sprint(again) != fmt.Sprint(names) {
		t.Errorf("after a restart\n%v\nbefore\n%v", again, names)
	}
	if got := digest(un); got != was {
		t.Errorf("digest %v, before %v", got, was)
	}
}

// Entries that cannot be read are kept, shown, and have no effect; and those
// after them are read.
func TestUnreadableEntries(t *testing.T) {
	un := newHouse(t, "un.example")
	ctx := t.Context()
	o := comity.Origin("bad.example/journal")
	entries := [][]byte{
		[]byte("\x00\xff not JSON"),
		[]byte(`{"domain":"un.example","recorded":"2003-04-11T12:00:00Z","kind":"note.v1"}`),
		[]byte(`{"domain":"bad.example","recorded":"2003-04-11T12:00:00Z","kind":"note.v1","date":"2003-04-11T12:00:00Z","status":"exercise","tlp":"AMBER","title":"Marked and not sealed","effects":[{"do":"say"}]}`),
		[]byte(`{"domain":"bad.example","recorded":"2003-04-11T12:00:00Z","kind":"rumour.v9","date":"2003-04-11T12:00:00Z","status":"exercise","tlp":"CLEAR","title":"Of a kind nobody knows","effects":[{"do":"open"}]}`),
	}
	check(t, un.ledger.Journals().Update(ctx, o, func(tx journal.Tx) error {
		size, root, err := journal.Extend(tx, entries)
		if err != nil {
			return err
		}
		return tx.PutHead(journal.Head{Origin: o, Size: size, Root: root, Note: []byte("test")})
	}))
	for i := range entries {
		got, err := un.desk.Act(ctx, nobody, comity.ActName{Domain: "bad.example", Index: int64(i)})
		check(t, err)
		if !bytes.Equal(got.Entry, entries[i]) {
			t.Errorf("entry %d is %q", i, got.Entry)
		}
		if readable := i == 3; (got.Act != nil) != readable || (got.Why == "") != readable {
			t.Errorf("entry %d: act %v, why %q", i, got.Act, got.Why)
		}
	}
	// The effects of an unknown kind are applied as they are written.
	if _, err := un.desk.Situation(ctx, nobody, comity.ActName{Domain: "bad.example", Index: 3}); err != nil {
		t.Errorf("the file that an unknown kind opened: %v", err)
	}
}

// Journals that are written at the same time give every entry one position,
// and the ledger has all of them.
func TestConcurrentJournals(t *testing.T) {
	un := newHouse(t, "un.example")
	ctx := t.Context()
	file := un.issue(situation("A file"))
	var wg sync.WaitGroup
	for i := range 4 {
		o := comity.Origin(fmt.Sprintf("org%d.example/journal", i))
		wg.Go(func() {
			for k := range 10 {
				err := un.ledger.Journals().Update(ctx, o, func(tx journal.Tx) error {
					size, root, err := journal.Extend(tx, [][]byte{fmt.Appendf(nil, "entry %d", k)})
					if err != nil {
						return err
					}
					return tx.PutHead(journal.Head{Origin: o, Size: size, Root: root, Note: []byte("test")})
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 10 {
				if _, err := un.desk.Issue(ctx, officer, document(t, in(file, "note.v1", "A note"))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	held, err := un.desk.Acts(ctx, officer, 0, 1000)
	check(t, err)
	if want := 2 + 40 + 40; len(held) != want {
		t.Fatalf("%d acts are held, want %d", len(held), want)
	}
	for i, x := range held {
		if x.Pos != int64(i)+1 {
			t.Fatalf("position %d is said to be %d", i+1, x.Pos)
		}
	}
}

// ambiguousOnce commits, and then says that nobody knows.
type ambiguousOnce struct {
	desk.Store
	armed bool
}

func (s *ambiguousOnce) Update(ctx context.Context, o comity.Origin, fn func(journal.Tx) error) error {
	err := s.Store.Update(ctx, o, fn)
	if err == nil && s.armed {
		s.armed = false
		return journal.ErrAmbiguous
	}
	return err
}

// A commit whose outcome was reported lost is found again.
func TestAmbiguousCommit(t *testing.T) {
	un := newHouse(t, "un.example")
	ctx := t.Context()
	blobs, err := blob.Open(t.Context(), t.TempDir())
	check(t, err)
	store := &ambiguousOnce{Store: un.store}
	l, err := desk.OpenLedger(ctx, "un.example", store, blobs, seal.Keyring{un.key}, desk.LedgerOptions{})
	check(t, err)
	before := l.Size("other.example")
	store.armed = true
	o := comity.Origin("other.example/journal")
	err = l.Journals().Update(ctx, o, func(tx journal.Tx) error {
		size, root, err := journal.Extend(tx, [][]byte{[]byte("an entry")})
		if err != nil {
			return err
		}
		return tx.PutHead(journal.Head{Origin: o, Size: size, Root: root, Note: []byte("test")})
	})
	if !errors.Is(err, journal.ErrAmbiguous) {
		t.Fatalf("got %v, want ErrAmbiguous", err)
	}
	if got := l.Size("other.example"); got != before+1 {
		t.Errorf("the ledger has %d entries of it, want %d", got, before+1)
	}
}

// A proof holds, offline, for own acts and for those of others; an accepted
// one only once a witness has cosigned.
func TestProof(t *testing.T) {
	un, ecowas := newHouse(t, "un.example"), newHouse(t, "ecowas.example")
	meet(un, ecowas)
	ctx := t.Context()
	file := un.issue(situation("A file"))
	carry(un, ecowas, true)
	v, err := note.NewVerifier(un.logKey)
	check(t, err)
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(v.Name()), torchwood.SingleVerifierPolicy(v))
	for _, h := range []*house{un, ecowas} {
		proof, err := h.desk.Proof(ctx, nobody, file.Act, false)
		check(t, err)
		entry, err := torchwood.ProofExtraData(proof)
		check(t, err)
		if err := torchwood.VerifyProof(policy, tlog.RecordHash(entry), proof); err != nil {
			t.Errorf("%s: %v", h.domain, err)
		}
		if err := torchwood.VerifyProof(policy, tlog.RecordHash(append(entry, ' ')), proof); err == nil {
			t.Errorf("%s: the proof holds for another entry", h.domain)
		}
	}

	if _, err := un.desk.Proof(ctx, nobody, file.Act, true); !errors.Is(err, desk.ErrNoProof) {
		t.Errorf("accepted by nobody: %v", err)
	}
	head := un.journal.Head()
	n, err := note.Open(head.Note, note.VerifierList(v))
	check(t, err)
	signed, err := note.Sign(n, ecowas.witness)
	check(t, err)
	cp, sigs, err := witness.OpenCosigned(signed, start.AddDate(100, 0, 0), v, ecowas.witness.Verifier())
	check(t, err)
	check(t, un.store.Cosignatures().Put(ctx, cp, sigs...))
	proof, err := un.desk.Proof(ctx, nobody, file.Act, true)
	check(t, err)
	if !bytes.Contains(proof, []byte("ecowas.example/witness")) {
		t.Error("the accepted proof has no cosignature")
	}
	if _, err := un.desk.Proof(ctx, nobody, comity.ActName{Domain: "un.example", Index: 99}, false); !errors.Is(err, desk.ErrNotFound) {
		t.Errorf("a proof of nothing: %v", err)
	}
}

// However many cosign our checkpoint, it is served so that others can read it, with a
// cosignature of each witness whose key is in force; all are on the record.
func TestCheckpointIsBounded(t *testing.T) {
	un := newHouse(t, "un.example")
	ctx := t.Context()
	un.issue(situation("A file"))
	head := un.journal.Head()
	var sigs []witness.Cosignature
	cosign := func(vkey string, bytes int) {
		v, err := keys.ParseVKey(vkey)
		check(t, err)
		line := fmt.Sprintf("— %s %s\n", v.Name, base64.StdEncoding.EncodeToString(append(binary.BigEndian.AppendUint32(nil, v.ID), make([]byte, bytes)...)))
		sigs = append(sigs, witness.Cosignature{Origin: head.Origin, Size: head.Size, Root: head.Root, Signer: v.Name, KeyHash: v.ID, Line: []byte(line), Time: start})
	}
	var inForce, retired []string
	for i := range 40 {
		o := keystest.New(comity.Domain(fmt.Sprintf("w%02d.example", i)))
		former := o.History.InForce(keys.Witness)[0]
		o.Rotated(keys.Witness, "yearly rotation")
		s := o.Next("the old one goes")
		s.Witness[1] = keystest.VKey(o.Domain, keys.Witness, "post-quantum")
		o.Add(s)
		un.peers = append(un.peers, peer.Peer{Domain: o.Domain, WitnessKey: s.Witness[0], History: string(o.History.File())})
		cosign(former, 72)
		cosign(s.Witness[0], 72)
		cosign(s.Witness[1], 2428)
		inForce, retired = append(inForce, string(sigs[len(sigs)-2].Line)), append(retired, string(sigs[len(sigs)-3].Line))
	}
	check(t, un.store.Cosignatures().Put(ctx, witness.Checkpoint{Origin: head.Origin, Size: head.Size, Root: head.Root, Note: head.Note}, sigs...))
	signed, err := un.desk.Checkpoint(ctx)
	check(t, err)
	if lines := bytes.Count(signed, []byte("\n— ")); len(signed) > 48<<10 || lines > 64 || lines < 41 {
		t.Errorf("the checkpoint has %d bytes and %d signatures, want 41 to 64 in at most 49152", len(signed), lines)
	}
	for i, line := range inForce {
		if !bytes.Contains(signed, []byte(line)) {
			t.Errorf("the cosignature of %s under the key in force is not served", un.peers[i].Domain)
		}
		if first := bytes.Index(signed, []byte(retired[i])); first >= 0 && first < bytes.Index(signed, []byte(inForce[39])) {
			t.Errorf("the cosignature of %s under a retired key stands before one in force", un.peers[i].Domain)
		}
	}
	r, err := un.desk.Record(ctx, nobody)
	check(t, err)
	if len(r.Cosignatures) != 40 {
		t.Errorf("%d cosigners are on the record, want 40", len(r.Cosignatures))
	}
}

// Nobody is called overdue by a reader from whom the answer may be hidden: the
// asker and the asked know, the public and third parties do not.
func TestOverdueOnlyIfNothingIsHidden(t *testing.T) {
	un, ecowas, au := newHouse(t, "un.example"), newHouse(t, "ecowas.example"), newHouse(t, "au.example")
	meet(un, ecowas, au)
	ctx := t.Context()
	file := ecowas.issue(situation("A file"))
	due := comity.TimeOf(start.AddDate(0, 0, 2))
	duty := request(file, "A request", "un.example")
	duty.Ask.Basis, duty.Ask.Source, duty.Ask.Due = effect.Duty, "Rule 7", due
	ecowas.issue(duty)
	other := request(file, "Another", "un.example")
	other.Ask.Basis, other.Ask.Source, other.Ask.Due = effect.Duty, "Rule 7", due
	second := ecowas.issue(other)
	carry(ecowas, un, true)

	late := start.AddDate(0, 0, 3)
	for _, h := range []*house{un, ecowas, au} {
		h.setClock(late)
		h.heard = comity.TimeOf(late)
	}
	standings := func(h *house, who desk.Who) (out []casefile.Standing) {
		asks, err := h.desk.Asks(ctx, who, desk.AskFilter{})
		check(t, err)
		for _, a := range asks {
			out = append(out, a.Addressees[0].Standing)
		}
		return out
	}
	carry(ecowas, au, true)
	carry(un, au, true)
	carry(un, ecowas, true)
	if got, want := fmt.Sprint(standings(au, nobody)), "[overdue overdue]"; got != want {
		t.Errorf("with nothing sealed, the public reads %s, want %s", got, want)
	}

	answer := answerTo(file, second, effect.WillAct)
	answer.TLP, answer.To = comity.Amber, []act.To{{Org: "ecowas.example", For: act.ForInformation}}
	un.issue(answer)
	carry(un, au, true)
	carry(un, ecowas, true)
	for _, x := range []struct {
		name string
		h    *house
		who  desk.Who
		want string
	}{
		{"the asker", ecowas, officer, "[overdue answered]"},
		{"the asked", un, officer, "[overdue answered]"},
		{"the public at the asker's", ecowas, nobody, "[unanswered unanswered]"},
		{"a third house", au, officer, "[unanswered unanswered]"},
		{"the public at a third house's", au, nobody, "[unanswered unanswered]"},
	} {
		if got := fmt.Sprint(standings(x.h, x.who)); got != x.want && got != strings.Replace(x.want, "[overdue answered]", "[answered overdue]", 1) {
			t.Errorf("%s reads %s, want %s", x.name, got, x.want)
		}
	}
}
