package node_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/keys"
)

// root is the house's offline root key.
func (h *house) root() note.Signer {
	h.t.Helper()
	b, err := os.ReadFile(filepath.Join(h.dir, "keys", node.RootKeyFile))
	check(h.t, err)
	s, err := note.NewSigner(strings.TrimSpace(string(b)))
	check(h.t, err)
	return s
}

// state issues a key statement: one person drafts it, another releases it.
func (h *house) state(s keys.Statement, root note.Signer) comity.ActName {
	h.t.Helper()
	signed, err := keys.Sign(s, root)
	check(h.t, err)
	doc, err := node.KeyAct(signed, comity.TimeOf(time.Now()), comity.Exercise)
	check(h.t, err)
	out, err := h.Desk.Issue(h.t.Context(), officer, doc)
	check(h.t, err)
	if out.Draft == 0 {
		h.t.Fatalf("a change of keys waits for nobody: %+v", out)
	}
	out, err = h.Desk.Release(h.t.Context(), h.second(), out.Draft)
	check(h.t, err)
	return out.Name
}

// rotate makes a new key of a role and puts it in force beside the old.
func (h *house) rotate(r keys.Role) comity.ActName {
	h.t.Helper()
	was := h.KeyHistory(h.t.Context())
	next := was.Next(comity.TimeOf(time.Now()), "yearly rotation")
	key, err := h.Folder.NewKey(r)
	check(h.t, err)
	next.Set = next.Rotated(r, key)
	name := h.state(next, h.root())
	until(h.t, "the new keys to be in use", func() bool { return h.KeysInUse() == was.Len() })
	return name
}

// Every role rotates while three nodes run; nothing that is recorded before,
// during and after is lost, and the copies hold.
func TestRotation(t *testing.T) {
	t.Parallel()
	un, au, eu := newHouse(t, "un.example"), newHouse(t, "au.example"), newHouse(t, "eu.example")
	all := []*house{un, au, eu}
	for _, h := range all {
		for _, o := range all {
			if o != h {
				h.follow(o)
			}
		}
	}
	file := un.issue(situation("The situation in Alba"))
	old := noteIn(file, "Sealed before")
	old.TLP, old.To = comity.Amber, []act.To{{Org: "au.example", For: act.ForInformation}}
	sealedBefore := un.issue(old)
	au.reads(sealedBefore)
	for _, r := range []keys.Role{keys.Log, keys.Witness, keys.Mirror, keys.Seal} {
		un.rotate(r)
	}
	au.rotate(keys.Seal)
	until(t, "the new recipient to be known", func() bool {
		var before api.Self
		return au.get("/api/v1/self", &before) && knows(un, au, before)
	})
	// Both log keys sign.
	head := un.page("/journal/checkpoint")
	if n := strings.Count(head, "\n— un.example/journal "); n < 2 {
		t.Errorf("%d signatures of the journal's keys stand on its checkpoint:\n%s", n, head)
	}
	again := noteIn(file, "Sealed after")
	again.TLP, again.To = comity.Amber, old.To
	sealedAfter := un.issue(again)
	if got := au.reads(sealedAfter); !strings.Contains(string(got.Document), "Sealed after") {
		t.Errorf("sealed to the new key: %s", got.Document)
	}
	if got := au.reads(sealedBefore); !strings.Contains(string(got.Document), "Sealed before") {
		t.Errorf("sealed to the old key: %s", got.Document)
	}
	un.stored(sealedAfter.Index+1, au, eu)
	// Our witness and mirror sign for others with their new keys.
	last := au.issue(noteIn(file, "From au.example"))
	au.stored(last.Index+1, un, eu)

	// Retired: one key signs from now on.
	was := un.KeyHistory(t.Context())
	next := was.Next(comity.TimeOf(time.Now()), "the old log key is no longer used")
	next.Set = next.Retired(keys.Log)
	un.state(next, un.root())
	until(t, "the old key to be retired", func() bool { return un.KeysInUse() == was.Len() })
	end := un.issue(noteIn(file, "After all"))
	eu.reads(end)
	un.stored(end.Index+1, au, eu)
	for _, h := range all {
		check(t, h.Fsck(t.Context(), func(o comity.Origin, _ int64, err error) {
			if err != nil {
				t.Errorf("%s: %s: %v", h.domain, o, err)
			}
		}))
	}
	// It starts with the keys in force, and others can pin it now.
	check(t, un.close())
	un.start()
	if got := un.KeyHistory(t.Context()); got.Len() != 6 || un.Self.LogKey != got.InForce(keys.Log)[0] {
		t.Errorf("after a restart: %d statements, log key %s", got.Len(), un.Self.LogKey)
	}
	late := newHouse(t, "las.example")
	late.follow(un)
	late.reads(end)
	h, err := keys.ParseFile([]byte(late.page("/journal/keys")))
	if err != nil || h.Domain() != "las.example" || h.Len() != 1 {
		t.Errorf("/journal/keys: %v", err)
	}
}

// knows reports whether h seals to o's newest key.
func knows(h, o *house, s api.Self) bool {
	p, err := h.Peer(h.t.Context(), o.domain)
	check(h.t, err)
	return p.Recipient == s.Recipient
}

// A follower that slept through the overlap learns the keys by the root key
// that it pinned; a change that this did not authorize is not believed.
func TestSleeper(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	au.follow(un)
	file := un.issue(situation("The situation in Alba"))
	au.reads(file)
	check(t, au.close())
	un.rotate(keys.Log)
	was := un.KeyHistory(t.Context())
	next := was.Next(comity.TimeOf(time.Now()), "the old log key is no longer used")
	next.Set = next.Retired(keys.Log)
	un.state(next, un.root())
	until(t, "the old key to be retired", func() bool { return un.KeysInUse() == was.Len() })
	last := un.issue(noteIn(file, "While au.example sleeps"))
	au.start()
	au.reads(last)
	if p, err := au.Peer(t.Context(), "un.example"); err != nil || p.LogKey != un.Self.LogKey && p.History == "" {
		t.Errorf("au.example knows of un.example: %+v, %v", p, err)
	}
	un.stored(last.Index+1, au)

	// The same domain with other keys and another root.
	check(t, un.close())
	thief := newHouse(t, "un.example")
	thief.rotate(keys.Log)
	check(t, thief.close())
	thief.addr = un.addr
	thief.start()
	until(t, "the refusal", func() bool {
		p, _ := au.peer("un.example")
		return strings.Contains(p.Followed.Trouble, "not authorized by the root key")
	})
	if code, _ := au.do("GET", "/api/v1/acts/un.example/0", au.token, nil); code != http.StatusOK {
		t.Errorf("what was read before is gone: %d", code)
	}
}

// A statement that does not hold is refused before it is recorded.
func TestStatementRefused(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	h := un.KeyHistory(t.Context())
	for what, c := range map[string]struct {
		s    keys.Statement
		root note.Signer
		want string
	}{
		"another organization's":  {au.KeyHistory(t.Context()).Next(comity.TimeOf(time.Now()), "x"), au.root(), "it is of au.example"},
		"one that leaves one out": {func() keys.Statement { s := h.Next(comity.TimeOf(time.Now()), "x"); s.Number++; return s }(), un.root(), "number 1 is the next"},
	} {
		signed, err := keys.Sign(c.s, c.root)
		check(t, err)
		doc, err := node.KeyAct(signed, comity.TimeOf(time.Now()), comity.Exercise)
		check(t, err)
		if _, err := un.Desk.Issue(t.Context(), officer, doc); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
	body, err := json.Marshal(effect.Key{Log: un.Self.LogKey})
	check(t, err)
	plain := situation("Keys")
	plain.Kind, plain.Body, plain.By = "key.v1", body, act.By{Office: "Administrator"}
	doc, err := act.Encode(plain)
	check(t, err)
	if _, err := un.Desk.Issue(t.Context(), officer, doc); err == nil || !strings.Contains(err.Error(), "root key") {
		t.Errorf("keys without a statement: %v", err)
	}
}

// A peer rotates its witness key, and our journal has not grown since: it is
// cosigned anew all the same. If we were not there for that, what the old key
// cosigned is an answer to how far the peer has seen our journal.
func TestWitnessRotated(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	au.follow(un)
	au.stored(1, un)
	at := "/journal/witness/" + au.Self.Origin.Hash() + "/checkpoint"
	before := un.page(at)
	un.rotate(keys.Witness)
	v, err := witness.ParseCosigner(un.KeyHistory(t.Context()).InForce(keys.Witness)[0])
	check(t, err)
	until(t, "the new key to cosign what the old one did", func() bool {
		_, err := note.Open([]byte(un.page(at)), note.VerifierList(v))
		return err == nil
	})
	check(t, au.close())
	un.show(map[string]string{at: before})
	au.start()
	until(t, "au.example to record", func() bool { return au.Held() == nil })
}

// That our own keys cannot be read is no sign that the journal is empty: the
// folder's first keys, which may be revoked since, are not taken for those in
// force.
func TestOwnKeysUnread(t *testing.T) {
	t.Parallel()
	un := newHouse(t, "un.example")
	un.issue(situation("The situation in Alba"))
	un.rotate(keys.Log)
	check(t, un.close())
	n, err := node.Open(t.Context(), node.Config{Dir: un.dir, Visit: true})
	check(t, err)
	defer n.Close()
	why := errors.New("a page of the database is damaged")
	if err := n.OwnKeysUnread(t.Context(), why); !errors.Is(err, why) {
		t.Errorf("own keys that cannot be read: %v", err)
	}
	if got := n.KeysInUse(); got != 1 {
		t.Errorf("the keys of statement %d are in use, want 1", got)
	}
}
