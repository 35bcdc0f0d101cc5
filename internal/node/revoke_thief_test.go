package node_test

import (
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/keys"
)

// Peers that are asked how far they have seen the journal show what a thief
// recorded under the stolen key. That must not keep the organization from
// recording the revocation: once the root key has signed it, what they show
// under that key and contradicts the journal, or is longer than it answers for,
// says nothing of how far the journal was. Nothing need be restarted.
func TestRevokeDespiteThief(t *testing.T) {
	for name, c := range map[string]struct {
		theirs   int  // entries that the thief records
		withheld bool // the peer that has them hands out none
	}{
		"contradicts":       {theirs: 1},
		"longer":            {theirs: 3},
		"longer, withheld":  {theirs: 3, withheld: true},
		"shorter, withheld": {theirs: 1, withheld: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testRevokeDespiteThief(t, c.theirs, c.withheld)
		})
	}
}

func testRevokeDespiteThief(t *testing.T, entries int, withheld bool) {
	un, au, eu := newHouse(t, "un.example"), newHouse(t, "au.example"), newHouse(t, "eu.example")
	un.follow(au, eu)
	au.follow(un)
	eu.follow(un)
	file := un.issue(situation("The situation in Alba"))
	last := un.issue(noteIn(file, "The last that both have"))
	un.stored(last.Index+1, au, eu)
	check(t, un.close())
	thief := un.stolen()
	since := comity.TimeOf(time.Now())
	check(t, au.close())
	addr := un.addr
	un.addr = "127.0.0.1:0"
	un.without = "au.example is cut off"
	un.start() // eu.example alone answers
	ours := un.issue(noteIn(file, "Ours"))
	check(t, un.close())
	check(t, eu.close())
	au.start()
	thief.without = "the thief does not care"
	thief.start()
	var theirs comity.ActName
	for range entries {
		theirs = thief.issue(noteIn(file, "Not ours"))
	}
	thief.stored(theirs.Index+1, au)
	check(t, thief.close())
	if withheld {
		au.withhold(un.Self.Origin)
	}
	eu.start()

	un.addr = addr
	un.start()
	until(t, "un.example to see that others have seen something else", func() bool { return un.Held() != nil })
	was := un.KeyHistory(t.Context())
	next := was.Next(comity.TimeOf(time.Now()), "a copy of the folder was taken")
	for _, k := range was.InForce(keys.Log) {
		next.Revoked = append(next.Revoked, keys.Revocation{Role: keys.Log, Key: k, Since: since, From: ours.Index + 1, To: ours.Index + 1})
	}
	key, err := un.Folder.NewKey(keys.Log)
	check(t, err)
	next.Set = next.With(keys.Log, key)
	signed, err := keys.Sign(next, un.root())
	check(t, err)
	doc, err := node.KeyAct(signed, comity.TimeOf(time.Now()), comity.Exercise)
	check(t, err)
	out, err := un.Desk.Issue(t.Context(), officer, doc)
	check(t, err)
	second := un.second()
	until(t, "the revocation to be recorded", func() bool {
		released, err := un.Desk.Release(t.Context(), second, out.Draft)
		return err == nil && !released.Name.IsZero()
	})
	until(t, "the new key to be in use", func() bool { return un.KeysInUse() == 1 })
	eu.reads(un.issue(noteIn(file, "Under the new key")))
}

// withhold closes the node and answers in its place: with the checkpoints that it
// has of a journal, as witness and as mirror, and nothing else.
func (h *house) withhold(o comity.Origin) {
	t := h.t
	t.Helper()
	shown := map[string]string{}
	for _, path := range []string{"/journal/witness/" + o.Hash() + "/checkpoint", "/mirror/" + o.Hash() + "/checkpoint"} {
		shown[path] = h.page(path)
	}
	h.show(shown)
}

// show closes the node and answers in its place: with these pages, and nothing
// else.
func (h *house) show(pages map[string]string) {
	t := h.t
	t.Helper()
	check(t, h.close())
	l, err := net.Listen("tcp", h.addr)
	check(t, err)
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, ok := pages[r.URL.Path]; ok {
			w.Write([]byte(body))
			return
		}
		http.Error(w, "not now", http.StatusServiceUnavailable)
	})}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		check(t, s.Close())
		<-done
	})
}
