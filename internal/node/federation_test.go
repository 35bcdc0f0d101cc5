package node_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/peer"
)

// Two nodes: what one says arrives at the other, receipt and cosignature come
// back, and the copy there can be checked by anybody.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	au.follow(un)

	file := un.issue(situation("The situation in Alba"))
	au.reads(file)
	request := noteIn(file, "Send observers")
	request.Kind = "request.v1"
	request.To = []act.To{{Org: "au.example", For: act.ForAnswer}}
	request.Ask = &act.Ask{What: "Say whether observers can be sent.", Basis: effect.Wish}
	asked := un.issue(request)
	un.stored(asked.Index+1, au)

	// The receipt stands with the ask.
	var asks api.Asks
	if !un.get("/api/v1/asks?of=au.example", &asks) || len(asks.Asks) != 1 {
		t.Fatalf("asks of au.example: %+v", asks)
	}
	if x := asks.Asks[0].Addressees[0]; x.Standing != casefile.Received || x.ReceiptAt.IsZero() {
		t.Errorf("the ask stands %q, receipt at %s", x.Standing, x.ReceiptAt)
	}

	// An answer comes back.
	answer := noteIn(file, "Observers will be sent")
	answer.Kind, answer.Body = "answer.v1", []byte(`{"how":"noted"}`)
	answer.Re = []act.Re{{Ref: comity.Ref{Act: asked, Leaf: au.reads(asked).Leaf}, How: "answers"}}
	un.reads(au.issue(answer))
	if !un.get("/api/v1/asks?of=au.example", &asks) || asks.Asks[0].Addressees[0].Standing != casefile.Answered {
		t.Errorf("after the answer: %+v", asks.Asks)
	}

	// What is sealed is readable at its addressee, and its blobs are kept there.
	sealed := noteIn(file, "Between the two of us")
	sealed.TLP, sealed.To = comity.Amber, []act.To{{Org: "au.example", For: act.ForInformation}}
	name := un.issue(sealed)
	got := au.reads(name)
	if !bytes.Contains(got.Document, []byte("Between the two of us")) || got.Sealed == nil {
		t.Errorf("the sealed act at its addressee: %s", got.Document)
	}
	var public api.Act
	if code, b := au.do("GET", "/api/v1/acts/"+name.String(), "", nil); code != http.StatusOK || bytes.Contains(b, []byte("Between")) {
		t.Errorf("anybody reads of the sealed act: %d %s (%v)", code, b, public)
	}
	blob := "/journal/blob/" + got.Sealed.Content.SHA256.String()
	if a, b := un.page(blob), au.page(blob); a != b || a == "" {
		t.Error("the two serve different blobs")
	}

	// A proof under the checkpoint that both cosigned.
	un.stored(name.Index+1, au)
	proof := un.page("/api/v1/acts/" + name.String() + "/proof?policy=accepted&wait=20")
	if !strings.Contains(proof, "\n— au.example/witness ") {
		t.Errorf("the proof carries no cosignature of au.example:\n%s", proof)
	}

	// The mirror, read with a client that is not ours, under keys of both.
	size := name.Index + 1
	policy := torchwood.ThresholdPolicy(3, torchwood.OriginPolicy("un.example/journal"),
		torchwood.SingleVerifierPolicy(logVerifier(t, un)), torchwood.SingleVerifierPolicy(cosigner(t, au.Self.MirrorKey)))
	checkMirror(t, un, au, size, policy)

	// The served checkpoint carries witness and mirror.
	head := un.page("/journal/checkpoint")
	for _, who := range []string{"un.example/journal", "au.example/witness", "au.example/mirror"} {
		if !strings.Contains(head, "\n— "+who+" ") {
			t.Errorf("the checkpoint lacks the signature of %s:\n%s", who, head)
		}
	}
}

func logVerifier(t testing.TB, h *house) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(h.Self.LogKey)
	check(t, err)
	return v
}

func cosigner(t testing.TB, vkey string) note.Verifier {
	t.Helper()
	v, err := torchwood.NewCosignatureVerifier(vkey)
	check(t, err)
	return v
}

// checkMirror reads one house's journal from another's mirror.
func checkMirror(t testing.TB, of, at *house, size int64, policy torchwood.Policy) {
	t.Helper()
	base := at.url("/mirror/" + of.Self.Origin.Hash() + "/")
	if got := readLog(t, base, policy); int64(len(got)) != size {
		t.Errorf("the mirror of %s at %s has %d entries, want %d", of.domain, at.domain, len(got), size)
	}
}

// Whoever joins late gets the whole history; who is paused goes on without
// loss; who is removed is followed no more, and what was read of them stays.
func TestThreeNodes(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	au.follow(un)
	file := un.issue(situation("The situation in Alba"))
	un.issue(noteIn(file, "First"))
	au.reads(file)
	au.issue(noteIn(file, "Second"))

	eu := newHouse(t, "eu.example")
	eu.follow(un, au)
	un.follow(eu)
	au.follow(eu)
	eu.reads(comity.ActName{Domain: "un.example", Index: 2})
	eu.reads(comity.ActName{Domain: "au.example", Index: 1})
	un.stored(3, au, eu)
	same := func() bool {
		var d [3]api.Digest
		for i, h := range []*house{un, au, eu} {
			if !h.get("/api/v1/digest", &d[i]) {
				t.Fatal("no digest")
			}
		}
		return d[0] == d[1] && d[1] == d[2]
	}
	until(t, "the same digest on all three", same)

	// A node that was down catches up.
	check(t, eu.close())
	down := un.issue(noteIn(file, "While eu.example is down"))
	eu.start()
	eu.reads(down)

	// Paused, from beside the running node.
	beside, err := node.Open(t.Context(), node.Config{Dir: eu.dir, Visit: true})
	check(t, err)
	defer beside.Close()
	check(t, beside.Pause(t.Context(), "un.example", true))
	until(t, "the pause to take hold", func() bool { p, _ := eu.peer("un.example"); return p.Followed.Paused })
	missed := un.issue(noteIn(file, "While eu.example pauses"))
	au.reads(missed)
	if code, _ := eu.do("GET", "/api/v1/acts/"+missed.String(), eu.token, nil); code != http.StatusNotFound {
		t.Errorf("a paused peer was read: %d", code)
	}
	check(t, beside.Pause(t.Context(), "un.example", false))
	eu.reads(missed)

	// Removed.
	check(t, beside.Remove(t.Context(), "au.example"))
	until(t, "au.example to be gone", func() bool {
		_, ok := eu.peer("au.example")
		return !ok && eu.metric(`comity_peer_lag{domain="au.example"}`) == ""
	})
	after := au.issue(noteIn(file, "Not for eu.example"))
	un.reads(after)
	if code, _ := eu.do("GET", "/api/v1/acts/"+after.String(), eu.token, nil); code != http.StatusNotFound {
		t.Errorf("a removed peer was read: %d", code)
	}
	eu.reads(comity.ActName{Domain: "au.example", Index: 1})
	if err := beside.Remove(t.Context(), "au.example"); !errors.Is(err, peer.ErrUnknown) {
		t.Errorf("removed a second time: %v", err)
	}
}

// A peer whose address answers something else: the page of peers says why it
// is not being read, and nothing of it is believed.
func TestPeersPageSaysWhy(t *testing.T) {
	t.Parallel()
	garbage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<html><body>It works!</body></html>"))
	}))
	t.Cleanup(garbage.Close)
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	p, err := node.Ask(t.Context(), au.url(""))
	check(t, err)
	p.URL = garbage.URL
	check(t, un.Pin(t.Context(), p))
	until(t, "trouble with au.example", func() bool { p, _ := un.peer("au.example"); return p.Followed.Trouble != "" })
	got, _ := un.peer("au.example")
	if !strings.Contains(got.Followed.Trouble, "A web page came back instead of data") || got.Followed.Size != 0 || got.Followed.NextAt.IsZero() {
		t.Errorf("au.example stands so: %+v", got.Followed)
	}
	if page := un.page("/peers"); !strings.Contains(page, "A web page came back instead of data") || !strings.Contains(page, "the last try failed") {
		t.Errorf("/peers does not say why:\n%s", page)
	}
	if v := un.metric(`comity_peer_trouble{domain="au.example"}`); v != "1" {
		t.Errorf("comity_peer_trouble = %q", v)
	}
	if _, err := node.Ask(t.Context(), garbage.URL); err == nil {
		t.Error("asked garbage who it is, and believed it")
	}
}

// Every ask waits for the peer to say who it is; a node that names other keys
// than its key act is not pinned.
func TestAskRefusesOtherKeys(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != peer.SelfPath {
			un.Handler().ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		un.Handler().ServeHTTP(rec, r)
		w.Header().Set("Content-Type", "application/json")
		w.Write(bytes.ReplaceAll(rec.Body.Bytes(), []byte(un.Self.Recipient), []byte(au.Self.Recipient)))
	}))
	t.Cleanup(front.Close)
	_, err := node.Ask(t.Context(), front.URL)
	if err == nil || !strings.Contains(err.Error(), "names other keys than the key act in its journal") {
		t.Errorf("asked a node that names a foreign recipient: %v", err)
	}
	p, err := node.Ask(t.Context(), un.url(""))
	check(t, err)
	if p.LogKey != un.Self.LogKey || time.Since(p.Pinned) > time.Minute {
		t.Errorf("asked the node itself: %+v", p)
	}
}

// A node that waits until it has heard its peers does not wait for a link that
// has been replaced meanwhile.
func TestHearOverNewLink(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	au.follow(un)
	un.stored(1, au)
	check(t, au.close())
	heard := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	go func() { heard <- un.Hear(ctx) }()
	select {
	case err := <-heard:
		t.Fatalf("heard of a node that does not run: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	au.addr = "127.0.0.1:0"
	au.start()
	un.follow(au) // it has moved
	if err := <-heard; err != nil {
		t.Error(err)
	}
}
