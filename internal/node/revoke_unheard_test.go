package node_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/keys"
)

// The revocation of the log key is recorded while no peer hears of it, and the
// node ends: before or after it signed its head with the new key. Its peers have
// nothing but checkpoints under the revoked key to show then. It goes on under
// the new key, and its peers read the revocation before anything else is
// recorded.
func TestRevokeUnheard(t *testing.T) {
	for name, revoke := range map[string]func(t *testing.T, un *house, next keys.Statement, peers ...*house) comity.ActName{
		"signed anew": func(t *testing.T, un *house, next keys.Statement, peers ...*house) comity.ActName {
			un.start()
			until(t, "un.example to record", func() bool { return un.Held() == nil })
			for _, p := range peers {
				check(t, p.close())
			}
			name := un.state(next, un.root())
			until(t, "the new key to be in use", func() bool { return un.KeysInUse() == 1 })
			check(t, un.close())
			for _, p := range peers {
				p.start()
			}
			return name
		},
		"crashed before": func(_ *testing.T, un *house, next keys.Statement, _ ...*house) comity.ActName {
			return un.stateAndCrash(next)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			un, au, eu := newHouse(t, "un.example"), newHouse(t, "au.example"), newHouse(t, "eu.example")
			un.follow(au, eu)
			au.follow(un)
			eu.follow(un)
			file := un.issue(situation("The situation in Alba"))
			un.stored(file.Index+1, au, eu)
			was := un.KeyHistory(t.Context())
			next, key := un.revocation(file.Index + 1)
			check(t, un.close())
			revoked := revoke(t, un, next, au, eu)

			un.start()
			until(t, "un.example to record", func() bool { return un.Held() == nil })
			au.reads(revoked)
			eu.reads(revoked)
			// Who knows the new key alone can follow before anything is recorded.
			until(t, "the new key to sign", func() bool { return signedBy(un.page("/journal/checkpoint"), key) == nil })
			late := newHouse(t, "las.example")
			late.follow(un)
			late.reads(revoked)
			last := un.issue(noteIn(file, "Under the new key"))
			if last.Index != revoked.Index+1 {
				t.Errorf("the journal goes on at %d, want %d", last.Index, revoked.Index+1)
			}
			now := un.page("/journal/checkpoint")
			if err := signedBy(now, key); err != nil {
				t.Errorf("the checkpoint is not signed by the new key: %v", err)
			}
			if signedBy(now, was.InForce(keys.Log)[0]) == nil {
				t.Error("the checkpoint is signed by the revoked key")
			}
			un.stored(last.Index+1, au, eu)
		})
	}
}

// revocation of the log keys in force, of a journal of size entries, which puts
// none in doubt; and the key that follows.
func (h *house) revocation(size int64) (next keys.Statement, key string) {
	h.t.Helper()
	was := h.KeyHistory(h.t.Context())
	next = was.Next(comity.TimeOf(time.Now()), "a copy of the folder was taken")
	for _, k := range was.InForce(keys.Log) {
		next.Revoked = append(next.Revoked, keys.Revocation{Role: keys.Log, Key: k, Since: next.Date, From: size, To: size})
	}
	key, err := h.Folder.NewKey(keys.Log)
	check(h.t, err)
	next.Set = next.With(keys.Log, key)
	return next, key
}

// stateAndCrash issues a key statement, and ends before the keys are used: a node
// that is opened and not started takes none, and tells nobody.
func (h *house) stateAndCrash(s keys.Statement) comity.ActName {
	t := h.t
	t.Helper()
	n, err := node.Open(t.Context(), node.Config{Dir: h.dir, Version: "test", Operator: "o.perator"})
	check(t, err)
	h.Node = n
	until(t, string(h.domain)+" to record", func() bool { return h.Held() == nil })
	name := h.state(s, h.root())
	check(t, n.Close())
	return name
}

// The same with a witness that is no peer, which shows what it has cosigned.
func TestRevokeUnheardOutside(t *testing.T) {
	t.Parallel()
	un := newHouse(t, "un.example")
	un.witnessedOutside(func(w http.Handler) http.Handler { return w })
	file := un.issue(situation("The situation in Alba"))
	until(t, "it to be cosigned", func() bool { var r api.Record; return un.get("/api/v1/record", &r) && r.Accepted > file.Index })
	next, key := un.revocation(file.Index + 1)
	check(t, un.close())
	revoked := un.stateAndCrash(next)
	un.start()
	if last := un.issue(noteIn(file, "Under the new key")); last.Index != revoked.Index+1 {
		t.Errorf("the journal goes on at %d, want %d", last.Index, revoked.Index+1)
	}
	if err := signedBy(un.page("/journal/checkpoint"), key); err != nil {
		t.Errorf("the checkpoint is not signed by the new key: %v", err)
	}
}
