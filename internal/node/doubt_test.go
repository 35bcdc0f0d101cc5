package node_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/keys"
)

// revoke says that the log key in force was in other hands since a time, and
// which entries are in doubt; the second person has released it.
func (h *house) revoke(since comity.Time, from, to int64, reason string) comity.ActName {
	h.t.Helper()
	was := h.KeyHistory(h.t.Context())
	next := was.Next(comity.TimeOf(time.Now()), reason)
	for _, k := range was.InForce(keys.Log) {
		next.Revoked = append(next.Revoked, keys.Revocation{Role: keys.Log, Key: k, Since: since, From: from, To: to})
	}
	key, err := h.Folder.NewKey(keys.Log)
	check(h.t, err)
	next.Set = next.With(keys.Log, key)
	name := h.state(next, h.root())
	until(h.t, "the new log key to be in use", func() bool { return h.KeysInUse() == was.Len() })
	return name
}

// Entries that were recorded under a stolen key are marked, at their own house
// and at every peer, wherever they are shown; those that witnesses had cosigned
// before the theft are not. What they did stays, and nodes agree on it.
func TestDoubt(t *testing.T) {
	t.Parallel()
	un, au, eu := newHouse(t, "un.example"), newHouse(t, "au.example"), newHouse(t, "eu.example")
	un.follow(au, eu)
	eu.follow(un, au)
	file := un.issue(situation("The situation in Alba"))
	before := un.issue(noteIn(file, "Before the theft"))
	au.follow(un, eu)
	un.stored(before.Index+1, au, eu)
	au.reads(before)
	until(t, "au.example to keep the cosignatures", func() bool {
		kept, err := au.Cosigned(t.Context(), "un.example")
		check(t, err)
		return kept >= before.Index+1
	})
	since := comity.TimeOf(time.Now().Add(time.Second))
	until(t, "the time of the theft", func() bool { return time.Now().After(since.Time) })

	ask := noteIn(file, "Asked by somebody")
	ask.Kind, ask.To = "request.v1", []act.To{{Org: "au.example", For: act.ForAnswer}}
	ask.Ask = &act.Ask{What: "Send observers.", Basis: effect.Wish}
	doubtful := un.issue(ask)
	au.reads(doubtful)
	until(t, "the nodes to agree", func() bool { return digest(t, un.Node) == digest(t, au.Node) })
	agreed := func(h *house) (v api.Situation) {
		until(t, string(h.domain)+" to show the file", func() bool { return h.get("/api/v1/situations/"+file.String(), &v) && len(v.Timeline) == 3 })
		return v
	}
	if v := agreed(au); v.Doubtful != 0 || len(v.Asks) != 1 || v.Asks[0].Doubt != nil {
		t.Fatalf("in doubt before anybody said so: %+v", v)
	}

	revoked := un.revoke(since, before.Index, doubtful.Index+1, "the disk was stolen")
	au.reads(revoked)
	for _, h := range []*house{un, au, eu} {
		until(t, string(h.domain)+" to mark the act", func() bool { return h.reads(doubtful).Doubt != nil })
		d := h.reads(doubtful).Doubt
		if d.From != doubtful.Index || d.To != doubtful.Index+1 || d.Statement != 1 || d.Reason != "the disk was stolen" || d.Since != since {
			if h != eu { // which kept no checkpoint of its own with the cosignatures of a quorum so early
				t.Errorf("%s: %+v", h.domain, d)
			}
		}
		if h == eu {
			continue
		}
		if x := h.reads(before).Doubt; x != nil {
			t.Errorf("%s: what witnesses had cosigned before is in doubt: %+v", h.domain, x)
		}
		if x := h.reads(revoked).Doubt; x != nil {
			t.Errorf("%s: the revocation itself is in doubt: %+v", h.domain, x)
		}
		v := agreed(h)
		if v.Doubtful != 1 || len(v.Asks) != 1 || v.Asks[0].Doubt == nil || v.Asks[0].Addressees[0].Doubt != nil {
			t.Errorf("%s: the file has %d in doubt, asks %+v", h.domain, v.Doubtful, v.Asks)
		}
		var all api.Situations
		until(t, "the list", func() bool { return h.get("/api/v1/situations", &all) && all.Situations[0].LatestDoubt != nil })
		page := h.page(fmt.Sprintf("/acts/%s", doubtful))
		for _, want := range []string{"in doubt", "the disk was stolen"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the act's page does not say %q", h.domain, want)
			}
		}
	}
	if p, ok := au.peer("un.example"); !ok || len(p.Doubts) != 1 || p.Doubts[0].From != doubtful.Index {
		t.Errorf("the peer at au.example: %+v", p.Doubts)
	}
	var rec api.Record
	if !un.get("/api/v1/record", &rec) || len(rec.Doubts) != 1 {
		t.Errorf("its own record: %+v", rec.Doubts)
	}
	until(t, "the nodes to agree again", func() bool { return digest(t, un.Node) == digest(t, au.Node) })

	// An answer of ours to it stands; it is not ours that is in doubt.
	answer := noteIn(file, "We will")
	answer.Kind, answer.Re = "answer.v1", []act.Re{{Ref: comity.Ref{Act: doubtful}, How: "answers"}}
	answer.Body = []byte(`{"how":"noted"}`)
	named := au.issue(answer)
	if x := au.reads(named).Doubt; x != nil {
		t.Errorf("an act of au.example is in doubt: %+v", x)
	}
	if v := agreedN(t, au, file, 4); !slices.ContainsFunc(v.Timeline, func(l api.TimelineEntry) bool { return l.Name == doubtful && l.Doubt != nil }) {
		t.Errorf("the timeline does not mark it: %+v", v.Timeline)
	}
}

func agreedN(t *testing.T, h *house, file comity.ActName, n int) (v api.Situation) {
	t.Helper()
	until(t, "the file", func() bool { return h.get("/api/v1/situations/"+file.String(), &v) && len(v.Timeline) == n })
	return v
}
