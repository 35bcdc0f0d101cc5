package peer_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/peer/peertest"
)

func TestMemory(t *testing.T) {
	peertest.TestStore(t, func(*testing.T) peer.Store { return peertest.NewMemory() })
}

func TestValidate(t *testing.T) {
	un, au := peertest.NewOrg("un.example"), peertest.NewOrg("au.example")
	if err := un.Peer.Validate(); err != nil {
		t.Fatalf("a good peer: %v", err)
	}
	for name, c := range map[string]struct {
		change func(*peer.Peer)
		want   string
	}{
		"domain":             {func(p *peer.Peer) { p.Domain = "UN" }, "single label"},
		"no name":            {func(p *peer.Peer) { p.Name = " " }, "name is empty"},
		"name with newline":  {func(p *peer.Peer) { p.Name = "a\nb" }, "control characters"},
		"address":            {func(p *peer.Peer) { p.URL = "ftp://x" }, "neither http nor https"},
		"address with user":  {func(p *peer.Peer) { p.URL = "https://u:p@x.example" }, "user name"},
		"address with slash": {func(p *peer.Peer) { p.URL = "https://x.example/" }, "slash"},
		"address with query": {func(p *peer.Peer) { p.URL = "https://x.example?a" }, "query"},
		"log key of another": {func(p *peer.Peer) { p.LogKey = au.Peer.LogKey }, `want "un.example/journal"`},
		"log key type":       {func(p *peer.Peer) { p.LogKey = p.WitnessKey }, "type 0x01"},
		"witness key type":   {func(p *peer.Peer) { p.WitnessKey = p.LogKey }, "type 0x04"},
		"mirror is witness":  {func(p *peer.Peer) { p.MirrorKey = p.WitnessKey }, `want "un.example/mirror"`},
		"recipient":          {func(p *peer.Peer) { p.Recipient = "age1abc" }, "age1pq1"},
	} {
		t.Run(name, func(t *testing.T) {
			p := un.Peer
			c.change(&p)
			if err := p.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Validate = %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestValidateSameKeyTwice(t *testing.T) {
	p := peertest.SameKeys("un.example")
	if err := p.Validate(); err == nil || !strings.Contains(err.Error(), "same key") {
		t.Errorf("Validate = %v, want an error about the same key", err)
	}
}

func serveSelf(t *testing.T, s peer.Self) *peer.Client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != peer.SelfPath {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(s)
	}))
	t.Cleanup(srv.Close)
	return client(t, srv.URL, peer.Config{Private: true})
}

func client(t *testing.T, base string, c peer.Config) *peer.Client {
	t.Helper()
	cl, err := peer.NewClient(base, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func selfOf(p peer.Peer) peer.Self {
	return peer.Self{Domain: p.Domain, Name: p.Name, Origin: p.Origin(), LogKey: p.LogKey,
		WitnessKey: p.WitnessKey, MirrorKey: p.MirrorKey, Recipient: p.Recipient, Version: "1"}
}

func TestFetchSelf(t *testing.T) {
	un := peertest.NewOrg("un.example").Peer
	c := serveSelf(t, selfOf(un))
	got, err := peer.FetchSelf(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if got != selfOf(un) {
		t.Errorf("FetchSelf = %+v, want %+v", got, selfOf(un))
	}
	p := got.Peer(c.Base(), time.Unix(0, 0))
	if err := p.Validate(); err != nil || p.URL != c.Base() {
		t.Errorf("the peer to pin: %v, address %q", err, p.URL)
	}

	for name, change := range map[string]func(*peer.Self){
		"keys of another domain": func(s *peer.Self) { s.Domain = "au.example" },
		"another origin":         func(s *peer.Self) { s.Origin = "au.example/journal" },
		"no keys":                func(s *peer.Self) { s.LogKey = "" },
	} {
		s := selfOf(un)
		change(&s)
		_, err := peer.FetchSelf(t.Context(), serveSelf(t, s))
		if peer.ReasonOf(err) != peer.Malformed {
			t.Errorf("%s: %v, want reason %q", name, err, peer.Malformed)
		}
	}
}

func TestReasonsHaveText(t *testing.T) {
	for _, r := range peer.Reasons() {
		if r.Text() == "" {
			t.Errorf("reason %q has no text", r)
		}
	}
	if r := peer.ReasonOf(errors.New("other")); r != "" {
		t.Errorf("ReasonOf of a foreign error = %q, want none", r)
	}
}

func TestBackoff(t *testing.T) {
	b := peer.Backoff{Base: time.Second, Max: 10 * time.Second}
	for i, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		if got := b.Fail(0); got != want*time.Second {
			t.Errorf("wait %d = %v, want %v", i, got, want*time.Second)
		}
	}
	if got := b.Fail(time.Minute); got != time.Minute {
		t.Errorf("Retry-After a minute: wait %v", got)
	}
	if got := b.Fail(1000 * time.Hour); got != peer.MaxRetryAfter {
		t.Errorf("Retry-After beyond the bound: wait %v, want %v", got, peer.MaxRetryAfter)
	}
	b.Reset()
	if got := b.Fail(0); got != time.Second || b.Failures() != 1 {
		t.Errorf("after Reset: wait %v, failures %d; want 1s, 1", got, b.Failures())
	}
	b = peer.Backoff{Base: time.Second, Rand: func() float64 { return 0 }}
	if got := b.Fail(0); got != 500*time.Millisecond {
		t.Errorf("least jitter: wait %v, want half a second", got)
	}
	for range 10000 {
		b.Fail(0) // never overflows
	}
	if got := b.Fail(0); got != peer.DefaultMax/2 {
		t.Errorf("after many failures: wait %v, want %v", got, peer.DefaultMax/2)
	}
}
