package node_test

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/node"
)

// sentTo is how often a push to a peer ended so; "" for never.
func (h *house) sentTo(d comity.Domain, outcome string) string {
	return h.metric(`comity_push_sent_total{domain="` + string(d) + `",outcome="` + outcome + `"}`)
}

// What one node records is pushed to the other: it can be read there, and the
// receipt is back, without anything being fetched.
func TestPush(t *testing.T) {
	for _, serves := range []bool{false, true} {
		t.Run(fmt.Sprintf("serves=%t", serves), func(t *testing.T) { testPush(t, serves) })
	}
}

func testPush(t *testing.T, serves bool) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	check(t, un.close())
	un.serves = serves
	un.start()
	au.follow(un)
	un.follow(au)
	file := un.issue(situation("The situation in Alba"))
	// What stood there before they met may have been fetched: whoever is first.
	until(t, "a push to be received", func() bool {
		name := un.issue(noteIn(file, "Is anybody there?"))
		un.stored(name.Index+1, au)
		return un.sentTo("au.example", "received") != ""
	})

	var names []comity.ActName
	for _, title := range []string{"First", "Second", "Third"} {
		name := un.issue(noteIn(file, title))
		names = append(names, name)
		au.reads(name)
	}
	un.stored(names[2].Index+1, au)
	if v := au.metric(`comity_push_received_total{outcome="stored"}`); v == "0" || v == "" {
		t.Errorf("pushes stored at au.example: %q", v)
	}

	// What is sealed comes with its boxes: it is open, and cosigned, by the push;
	// unless, on a busy machine, it was fetched before that.
	until(t, "a sealed act to be received with its boxes", func() bool {
		received, taken := un.sentTo("au.example", "received"), un.sentTo("au.example", "taken")
		sealed := noteIn(file, "Between the two of us")
		sealed.TLP, sealed.To = comity.Amber, []act.To{{Org: "au.example", For: act.ForInformation}}
		name := un.issue(sealed)
		au.reads(name)
		un.stored(name.Index+1, au)
		return un.sentTo("au.example", "received") != received && un.sentTo("au.example", "taken") == taken
	})

	// A node that was away gets what it missed, and pushes what it recorded.
	check(t, au.close())
	missed := un.issue(noteIn(file, "While au.example is away"))
	au.start()
	au.reads(missed)
	un.stored(missed.Index+1, au)
	un.reads(au.issue(noteIn(file, "Back again")))
}

// An origin that cannot be reached is heard nevertheless: it pushes, and has
// its receipt.
func TestPushFromUnreachable(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	p, err := node.Ask(t.Context(), un.url(""))
	check(t, err)
	closed := httptest.NewServer(nil)
	p.URL = closed.URL
	closed.Close()
	check(t, au.Pin(t.Context(), p))
	until(t, "un.example to be known and unreachable", func() bool { p, ok := au.peer("un.example"); return ok && p.Followed.Trouble != "" })
	un.follow(au)
	file := un.issue(situation("The situation in Alba"))
	au.reads(file)
	until(t, "the receipt", func() bool { p, _ := un.peer("au.example"); return p.Stored != nil && p.Stored.Size > file.Index })
	if p, _ := au.peer("un.example"); p.Followed.Trouble == "" || !p.Followed.Heard.IsZero() {
		t.Errorf("an origin that only pushes was heard up to its head: %+v", p.Followed)
	}
}
