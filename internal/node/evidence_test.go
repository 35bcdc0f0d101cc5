package node_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/person"
)

// evidenceActs are the evidence acts in a house's own journal, as it holds it.
func (h *house) evidenceActs() (out []comity.ActName) {
	h.t.Helper()
	all, err := h.Desk.Acts(h.t.Context(), desk.Who{}, 0, 1000)
	check(h.t, err)
	for _, x := range all {
		if x.Act != nil && x.Act.Kind == "evidence.v1" && x.Name.Domain == h.domain {
			out = append(out, x.Name)
		}
	}
	return out
}

// isShown shows a house's witness another past of a journal of which it has
// cosigned a size.
func (h *house) isShown(of *house, size int64) {
	h.t.Helper()
	other, err := note.Sign(&note.Note{Text: torchwood.Checkpoint{Origin: string(of.Self.Origin), Tree: tlog.Tree{N: size, Hash: tlog.Hash{1}}}.String()}, of.Folder.Keys.Log)
	check(h.t, err)
	code, answer := h.do("POST", "/journal/witness/add-checkpoint", "", fmt.Appendf(nil, "old %d\n\n%s", size, other))
	if code != http.StatusUnprocessableEntity {
		h.t.Fatalf("the witness answers %d %s, want 422", code, answer)
	}
}

// One witness is shown a second past. Its node freezes the journal and
// publishes the proof once; the other fetches it, verifies it under its own
// pin, and freezes too. Each goes on when its own administrator says so.
func TestForkIsPublishedAndBelieved(t *testing.T) {
	t.Parallel()
	un, au, oas := newHouse(t, "un.example"), newHouse(t, "au.example"), newHouse(t, "oas.example")
	un.follow(au, oas)
	au.follow(un, oas)
	oas.follow(un, au)
	file := oas.issue(situation("The situation in Alba"))
	oas.stored(2, un, au)
	frozen := func(h *house) func() bool {
		return func() bool { p, _ := h.peer("oas.example"); return p.Followed.Frozen }
	}

	un.isShown(oas, 2)
	until(t, "un.example to freeze oas.example", frozen(un))
	until(t, "un.example to publish it", func() bool { return len(un.evidenceActs()) == 1 })
	name := un.evidenceActs()[0]
	until(t, "au.example to believe it", frozen(au))

	// Everybody can fetch and check the file that the act names.
	_, evidence := au.do("GET", "/api/v1/peers/oas.example/evidence", "", nil)
	e, err := monitor.ParseEvidence(evidence)
	check(t, err)
	v, err := note.NewVerifier(oas.Self.LogKey)
	check(t, err)
	check(t, e.Verify(v))
	h, err := au.Desk.Act(t.Context(), desk.Who{}, name)
	check(t, err)
	_, attached := au.do("GET", "/journal/blob/"+h.Act.Attach[0].SHA256.String(), "", nil)
	if !bytes.Equal(attached, evidence) {
		t.Error("the file that the act attaches is not the evidence that froze the journal")
	}
	if page := au.page("/acts/" + name.String()); !strings.Contains(page, "verified here") {
		t.Error("the act's page does not say that it was verified")
	}
	if page := au.page("/peers/oas.example"); !strings.Contains(page, name.String()) {
		t.Error("the peer's page does not say who published it")
	}

	// What oas.example says now reaches nobody, and holds up nobody else.
	after := oas.issue(noteIn(file, "After"))
	au.reads(un.issue(situation("Another situation")))
	if code, _ := au.do("GET", "/api/v1/acts/"+after.String(), au.token, nil); code != http.StatusNotFound {
		t.Errorf("an act of the frozen journal: %d, want 404", code)
	}

	// Once, also after a restart, and by him who found it only.
	check(t, un.close())
	un.start()
	until(t, "it to be frozen after a restart", frozen(un))
	un.reads(au.issue(situation("A third situation")))
	if a, b := un.evidenceActs(), au.evidenceActs(); len(a) != 1 || len(b) != 0 {
		t.Errorf("published %v and %v, want one act by un.example", a, b)
	}

	// An administrator of au.example has spoken with them: evidence that was
	// known by then does not bring the freeze back.
	admin := desk.Who{Person: &person.Person{ID: "admin", Role: person.Administrator}, Role: person.Administrator}
	check(t, au.Desk.UnfreezePeer(t.Context(), admin, "oas.example", "compared by telephone"))
	au.reads(after)
	check(t, au.close())
	au.start()
	au.reads(oas.issue(noteIn(file, "Later")))
	if p, _ := au.peer("oas.example"); p.Followed.Frozen {
		t.Error("it is frozen again by what was settled")
	}
	if page := au.page("/peers/oas.example"); !strings.Contains(page, "compared by telephone") {
		t.Error("the page does not say who unfroze it and why")
	}
}

// A second past of a journal that is not read just now freezes it all the same: that
// is shown and published, also after a restart and under another address, until an
// administrator ends it.
func TestForkWhilePaused(t *testing.T) {
	t.Parallel()
	un, oas := newHouse(t, "un.example"), newHouse(t, "oas.example")
	un.follow(oas)
	oas.follow(un)
	oas.issue(situation("The situation in Alba"))
	oas.stored(2, un)
	check(t, un.Pause(t.Context(), "oas.example", true))
	frozen := func() bool { p, _ := un.peer("oas.example"); return p.Followed.Frozen }
	if frozen() {
		t.Fatal("it is frozen before anything was found")
	}
	un.isShown(oas, 2)
	until(t, "it to be shown as frozen", frozen)
	until(t, "it to be published", func() bool { return len(un.evidenceActs()) == 1 })
	if code, _ := un.do("GET", "/api/v1/peers/oas.example/evidence", "", nil); code != http.StatusOK {
		t.Errorf("the evidence: %d, want 200", code)
	}

	check(t, un.close())
	un.start()
	if !frozen() {
		t.Error("it is sound after a restart")
	}
	moved, err := un.Pinned(t.Context(), "oas.example")
	check(t, err)
	moved.URL = strings.Replace(moved.URL, "127.0.0.1", "localhost", 1)
	check(t, un.Pin(t.Context(), moved))
	until(t, "the other address", func() bool { return un.FollowsAt("oas.example") == moved.URL })
	until(t, "it to be shown as frozen there", frozen)

	admin := desk.Who{Person: &person.Person{ID: "admin", Role: person.Administrator}, Role: person.Administrator}
	check(t, un.Desk.UnfreezePeer(t.Context(), admin, "oas.example", "compared by telephone"))
	if p, _ := un.peer("oas.example"); p.Followed.Frozen || !p.Followed.Paused || p.Followed.Trouble != "" {
		t.Errorf("unfrozen: %+v, want it paused and sound", p.Followed)
	}
	check(t, un.Pause(t.Context(), "oas.example", false))
	un.reads(oas.issue(situation("Another situation")))
	if frozen() || len(un.evidenceActs()) != 1 {
		t.Errorf("in the end it is frozen: %v, and published as %v", frozen(), un.evidenceActs())
	}
}

// A peer writes 500 acts, sealed ones among them, while it is paused here and
// this node is restarted: resumed, everything is there.
func TestPauseLosesNothing(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	au.follow(un)
	file := un.issue(situation("The situation in Alba"))
	au.reads(file)
	check(t, au.Pause(t.Context(), "un.example", true))
	until(t, "the pause", func() bool { p, _ := au.peer("un.example"); return p.Followed.Paused })
	var notes []*act.Act
	for i := range 500 {
		a := noteIn(file, fmt.Sprintf("Note %d", i))
		if i%25 == 0 {
			a.TLP, a.To = comity.Amber, []act.To{{Org: "au.example", For: act.ForInformation}}
		}
		notes = append(notes, a)
	}
	names := un.record(notes[:250]...)
	check(t, au.close())
	au.start()
	names = append(names, un.record(notes[250:]...)...)
	if p, _ := au.peer("un.example"); !p.Followed.Paused || p.Followed.Size != 2 {
		t.Errorf("paused: %+v, want 2 entries still", p.Followed)
	}
	check(t, au.Pause(t.Context(), "un.example", false))
	until(t, "all to be read", func() bool { p, _ := au.peer("un.example"); return p.Followed.Size == 502 && p.Followed.Lag == 0 })
	for i := 0; i < len(names); i += 25 {
		if a := au.reads(names[i]); a.Sealed == nil {
			t.Errorf("%s is not sealed", names[i])
		}
	}
	until(t, "the same digest", func() bool {
		var a, b api.Digest
		return un.get("/api/v1/digest", &a) && au.get("/api/v1/digest", &b) && a == b
	})
}
