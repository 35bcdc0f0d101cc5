package desk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"filippo.io/torchwood"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/keys"
)

// twoPasts is true evidence against a house.
func twoPasts(t *testing.T, h *house) *monitor.Evidence {
	t.Helper()
	side := func(n byte) monitor.Side {
		b, err := note.Sign(&note.Note{Text: torchwood.Checkpoint{Origin: string(h.domain.Origin()), Tree: tlog.Tree{N: 5, Hash: tlog.Hash{n}}}.String()}, h.signer)
		check(t, err)
		return monitor.Side{Checkpoint: string(b)}
	}
	e := &monitor.Evidence{Origin: h.domain.Origin(), Key: h.logKey, Size: 5, A: side(1), B: side(2)}
	v, err := note.NewVerifier(h.logKey)
	check(t, err)
	check(t, e.Verify(v))
	return e
}

// The act of a fork is issued once, whoever asks how often: two processes at
// the same time, and again after a restart.
func TestPublishOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		un := newHouseOn(t, "un.example", url)
		oas := newHouse(t, "oas.example")
		meet(un, oas)
		twin := un.twin()
		twin.peers = un.peers
		e := twoPasts(t, oas)
		var wg sync.WaitGroup
		names := make([]comity.ActName, 8)
		for i := range names {
			wg.Go(func() {
				h := []*house{un, twin}[i%2]
				var err error
				if names[i], err = h.desk.Publish(t.Context(), e); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, n := range names {
			if n != names[0] || n.IsZero() {
				t.Fatalf("published as %s, and as %s", names[0], n)
			}
		}
		twin.close()
		un.reopen()
		again, err := un.desk.Publish(t.Context(), e)
		check(t, err)
		if again != names[0] {
			t.Errorf("after a restart as %s, and as %s before", again, names[0])
		}
		if n := un.count("Two checkpoints of oas.example contradict each other"); n != 1 {
			t.Errorf("%d acts about one fork", n)
		}
		h, err := un.desk.Act(t.Context(), nobody, again)
		check(t, err)
		file, err := un.blobs.Get(t.Context(), h.Act.Attach[0].SHA256)
		check(t, err)
		if string(file) != string(e.File()) || h.Act.Attach[0].Size != int64(len(file)) || h.Act.Status != comity.Actual || h.Act.TLP != comity.Clear {
			t.Errorf("the act %+v does not attach the evidence file", h.Act)
		}
	})
}

// Whoever receives an evidence act believes nothing but the file, checked with
// the key pinned here.
func TestEvidenceIsExamined(t *testing.T) {
	un, oas, las := newHouse(t, "un.example"), newHouse(t, "oas.example"), newHouse(t, "las.example")
	meet(un, oas, las)
	e := twoPasts(t, oas)
	name, err := las.desk.Publish(t.Context(), e)
	check(t, err)
	// Another says the same of las, which did nothing: its file is about oas.
	oas.issue(&act.Act{Kind: "evidence.v1", Date: comity.TimeOf(start), Status: comity.Actual, TLP: comity.Clear, Title: "False",
		Body: json.RawMessage(fmt.Sprintf(`{"against":"las.example","proof":%q}`, un.hashOf(e.File())))})
	carry(las, un, false)
	carry(oas, un, false)

	examine := func(n comity.ActName) desk.Evidence {
		t.Helper()
		got, ok, err := un.desk.EvidenceAct(t.Context(), nobody, n)
		check(t, err)
		if !ok {
			t.Fatalf("%s publishes no evidence", n)
		}
		return got
	}
	if got := examine(name); got.Here || got.Verified || !strings.Contains(got.Why, "not been fetched") {
		t.Errorf("before the file is here: %+v", got)
	}
	all, err := un.desk.EvidenceActs(t.Context())
	check(t, err)
	if len(all) != 2 {
		t.Errorf("%d evidence acts, want 2", len(all))
	}
	_, err = un.blobs.Put(t.Context(), e.File())
	check(t, err)
	if got := examine(name); !got.Verified || got.Why != "" || got.Against != "oas.example" || got.Found == nil {
		t.Errorf("with its file: %+v, want it verified", got)
	}
	if got := examine(comity.ActName{Domain: "oas.example", Index: 1}); got.Verified || !strings.Contains(got.Why, "another journal") {
		t.Errorf("against another: %+v", got)
	}
	// Under another key than the one pinned here it proves nothing.
	key, err := keys.ParseVKey(las.logKey)
	check(t, err)
	other, err := note.NewEd25519VerifierKey("oas.example/journal", key.Key)
	check(t, err)
	for i, p := range un.peers {
		if p.Domain == "oas.example" {
			un.peers[i].LogKey = other
		}
	}
	if got := examine(name); got.Verified || got.Why == "" {
		t.Errorf("under another key: %+v", got)
	}
	un.peers = roster{un.peers[1]}
	if got := examine(name); got.Verified {
		t.Errorf("of a journal that is not pinned: %+v", got)
	}
	if _, ok, err := un.desk.EvidenceAct(t.Context(), nobody, comity.ActName{Domain: "un.example"}); ok || err != nil {
		t.Errorf("a key act is taken for evidence: %v, %v", ok, err)
	}
}

func (h *house) hashOf(b []byte) string {
	h.t.Helper()
	sha, err := h.blobs.Put(h.t.Context(), b)
	check(h.t, err)
	check(h.t, h.blobs.Delete(h.t.Context(), sha))
	return sha.String()
}

// A freeze is ended by an administrator, with a reason, and stays on the page.
func TestPeerFrozenAndUnfrozen(t *testing.T) {
	un, oas := newHouse(t, "un.example"), newHouse(t, "oas.example")
	meet(un, oas)
	admin := as("admin", person.Administrator)
	e := twoPasts(t, oas)
	if _, err := un.desk.Evidence(t.Context(), nobody, "oas.example"); !errors.Is(err, desk.ErrNotFound) {
		t.Errorf("evidence without a fork: %v", err)
	}
	var invalid *desk.Invalid
	if err := un.desk.UnfreezePeer(t.Context(), admin, "oas.example", "why not"); !errors.As(err, &invalid) {
		t.Errorf("unfroze what is not frozen: %v", err)
	}
	check(t, un.store.Followed().Freeze(t.Context(), monitor.Frozen{Evidence: *e, Since: start}))
	p, err := un.desk.Peer(t.Context(), nobody, "oas.example")
	check(t, err)
	f := p.Frozen()
	if f == nil || f.A != e.A.Checkpoint || f.B != e.B.Checkpoint || !f.Since.Equal(start) || string(f.File) != string(e.File()) || !f.Act.IsZero() {
		t.Fatalf("frozen: %+v", f)
	}
	name, err := un.desk.Publish(t.Context(), e)
	check(t, err)
	if p, err = un.desk.Peer(t.Context(), nobody, "oas.example"); err != nil || p.Frozen().Act != name {
		t.Errorf("published as %s: %+v, %v", name, p.Frozen(), err)
	}
	if err := un.desk.UnfreezePeer(t.Context(), director, "oas.example", "I say so"); !errors.Is(err, desk.ErrForbidden) {
		t.Errorf("an officer unfroze it: %v", err)
	}
	if err := un.desk.UnfreezePeer(t.Context(), admin, "oas.example", ""); !errors.As(err, &invalid) {
		t.Errorf("unfrozen without a reason: %v", err)
	}
	check(t, un.desk.UnfreezePeer(t.Context(), admin, "oas.example", "Checkpoints compared by telephone with A. Diallo"))
	p, err = un.desk.Peer(t.Context(), nobody, "oas.example")
	check(t, err)
	if p.Frozen() != nil || len(p.Forks) != 1 || p.Forks[0].By != "admin" || !strings.Contains(p.Forks[0].Why, "telephone") || time.Since(p.Forks[0].Ended) > time.Hour {
		t.Errorf("afterwards: %+v", p.Forks)
	}
	file, err := un.desk.Evidence(t.Context(), nobody, "oas.example")
	if err != nil || string(file) != string(e.File()) {
		t.Errorf("the evidence is gone: %v", err)
	}
	if _, err := un.desk.Peer(t.Context(), nobody, "au.example"); !errors.Is(err, desk.ErrNotFound) {
		t.Errorf("an unknown peer: %v", err)
	}
}

func TestPausePeer(t *testing.T) {
	un := newHouse(t, "un.example")
	c := un.config()
	var paused []string
	c.Pause = func(_ context.Context, d comity.Domain, p bool) error {
		if d != "oas.example" {
			return peer.ErrUnknown
		}
		paused = append(paused, fmt.Sprint(d, " ", p))
		return nil
	}
	d := desk.New(c)
	if err := d.PausePeer(t.Context(), director, "oas.example", true); !errors.Is(err, desk.ErrForbidden) {
		t.Errorf("an officer paused it: %v", err)
	}
	admin := as("admin", person.Administrator)
	check(t, d.PausePeer(t.Context(), admin, "oas.example", true))
	check(t, d.PausePeer(t.Context(), admin, "oas.example", false))
	if err := d.PausePeer(t.Context(), admin, "las.example", false); !errors.Is(err, desk.ErrNotFound) {
		t.Errorf("paused an unknown one: %v", err)
	}
	if strings.Join(paused, ",") != "oas.example true,oas.example false" {
		t.Errorf("paused %v", paused)
	}
}

// Whom the house removed is addressed no more; whom it suspended is, with a
// note; what was sent before stays as it was written.
func TestMembership(t *testing.T) {
	ecowas, au := newHouse(t, "ecowas.example"), newHouse(t, "au.example")
	meet(ecowas, au)
	step := func(party comity.Party, step string, to ...act.To) {
		t.Helper()
		out, err := ecowas.desk.Issue(t.Context(), officer, document(t, &act.Act{Kind: "membership.v1", Date: comity.TimeOf(start), Status: comity.Exercise,
			TLP: comity.Clear, Title: step, To: to, Body: json.RawMessage(fmt.Sprintf(`{"party":%q,"step":%q}`, party, step))}))
		check(t, err)
		_, err = ecowas.desk.Release(t.Context(), director, out.Draft)
		check(t, err)
	}
	file := ecowas.issue(situation("A file"))
	before := ecowas.issue(request(file, "Before", "au.example", "XAA"))
	for _, party := range []comity.Party{"au.example", "XAA"} {
		preview := func() (desk.Preview, error) {
			return ecowas.desk.Preview(t.Context(), officer, document(t, request(file, "A request", party)))
		}
		step(party, "admit")
		if p, err := preview(); err != nil || strings.Contains(fmt.Sprint(p.Notes), "suspended") {
			t.Errorf("%s admitted: %q, %v", party, p.Notes, err)
		}
		step(party, "suspend")
		p, err := preview()
		if err != nil || !strings.Contains(fmt.Sprint(p.Notes), string(party)+" is suspended since ecowas.example/") {
			t.Errorf("%s suspended: %q, %v; want a note and no more", party, p.Notes, err)
		}
		step(party, "remove", act.To{Org: party, For: act.ForInformation}) // it is told so
		_, err = preview()
		var invalid *desk.Invalid
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), string(party)+" is a member no longer since ecowas.example/") || !strings.Contains(err.Error(), "leave it out") {
			t.Errorf("%s removed: %v; want a refusal that names it and says what to do", party, err)
		}
		h, err := ecowas.desk.Act(t.Context(), nobody, before.Act)
		check(t, err)
		if len(h.Act.To) != 2 || h.Why != "" {
			t.Errorf("what was sent before reads %+v", h.Act.To)
		}
		step(party, "admit", act.To{Org: party, For: act.ForInformation})
		if _, err := preview(); err != nil {
			t.Errorf("%s admitted again: %v", party, err)
		}
	}
	// At the receiver the addressees stand as written, whatever was said later.
	step("au.example", "remove")
	carry(ecowas, au, true)
	h, err := au.desk.Act(t.Context(), officer, before.Act)
	check(t, err)
	if len(h.Act.To) != 2 || h.Act.To[0].Org != "au.example" {
		t.Errorf("received to %+v, want it as written", h.Act.To)
	}
	p, err := au.desk.Peer(t.Context(), nobody, "ecowas.example")
	if err != nil || len(p.Memberships) != 0 {
		t.Errorf("memberships of ecowas.example: %+v, %v", p.Memberships, err)
	}
	if p, err = ecowas.desk.Peer(t.Context(), nobody, "au.example"); err != nil || len(p.Memberships) != 1 || p.Memberships[0].Is != "removed" {
		t.Errorf("memberships of au.example: %+v, %v", p.Memberships, err)
	}
}
