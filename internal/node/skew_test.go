package node_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/api"
)

// A newer program issues kinds, members and effects that this one does not
// know, and entries that it cannot read at all. It keeps, serves, mirrors and
// cosigns them byte for byte, and applies the effects that it knows.
func TestVersionSkew(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	au.follow(un)
	file := un.issue(situation("The situation in Alba"))
	entries := []string{
		// A kind of tomorrow, with members of tomorrow, in an odd order and with odd spaces.
		fmt.Sprintf(`{"domain":"un.example","recorded":"2099-01-01T00:00:00Z", "tomorrow" : {"deep":[1,null,{"x":1e3}]},"kind":"rumour.v3","date":"2099-01-01",`+
			`"situation":"%s","status":"exercise","tlp":"CLEAR","lang":"en","title":"A rumour","body":{"b":1,"a":2},`+
			`"effects":[{"do":"concern","party":"un.example","role":"acts"},{"do":"say"}]}`, file),
		// An effect of tomorrow: it does nothing here.
		fmt.Sprintf(`{"domain":"un.example","recorded":"2099-01-01T00:00:00Z","kind":"rumour.v4","date":"2099-01-01",`+
			`"situation":"%s","status":"exercise","tlp":"CLEAR","lang":"en","title":"Stronger","effects":[{"do":"teleport","to":"x"},{"do":"say"}]}`, file),
		// A form of tomorrow.
		"\x01\x02 not JSON at all",
	}
	var last int64
	for _, e := range entries {
		a, err := un.AppendRaw(t.Context(), []byte(e))
		check(t, err)
		last = a.Index
	}
	after := un.issue(noteIn(file, "What comes after is read as ever"))
	au.reads(after)
	un.stored(after.Index+1, au) // under au's cosignatures, as witness and as mirror

	for _, bundle := range []string{
		un.page(fmt.Sprintf("/journal/tile/entries/000.p/%d", after.Index+1)),
		au.page(fmt.Sprintf("/mirror/%s/tile/entries/000.p/%d", un.Self.Origin.Hash(), after.Index+1)),
	} {
		got := cut(t, []byte(bundle))
		for i, want := range entries {
			if at := last - int64(len(entries)) + 1 + int64(i); string(got[at]) != want {
				t.Errorf("entry %d is\n%s\nwant\n%s", at, got[at], want)
			}
		}
	}

	for _, h := range []*house{un, au} {
		var got api.Situation
		if !h.get("/api/v1/situations/"+file.String(), &got) {
			t.Fatalf("%s: no situation", h.domain)
		}
		found := false
		for _, e := range got.Efforts {
			found = found || e.Party == "un.example"
		}
		if !found {
			t.Errorf("%s: the effect of an unknown kind was not applied: %+v", h.domain, got.Efforts)
		}
		var odd api.Act
		if !h.get("/api/v1/acts/"+comity.ActName{Domain: "un.example", Index: last}.String(), &odd) || odd.Readable {
			t.Errorf("%s: the entry that cannot be read: %+v", h.domain, odd)
		}
	}
	un.reads(comity.ActName{Domain: "au.example"}) // both have read the same
	if a, b := digest(t, un.Node), digest(t, au.Node); a != b {
		t.Errorf("digests %+v and %+v", a, b)
	}
}

func cut(t *testing.T, bundle []byte) (out [][]byte) {
	t.Helper()
	for len(bundle) > 1 {
		n := int(binary.BigEndian.Uint16(bundle))
		out, bundle = append(out, bundle[2:2+n]), bundle[2+n:]
	}
	return out
}
