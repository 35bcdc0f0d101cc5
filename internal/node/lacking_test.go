package node_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/keys"
)

// retire retires the older keys of a role.
func (h *house) retire(r keys.Role) {
	h.t.Helper()
	until(h.t, "it to record", func() bool { return h.Held() == nil })
	was := h.KeyHistory(h.t.Context())
	next := was.Next(comity.TimeOf(time.Now()), "no longer used")
	next.Set = next.Retired(r)
	h.state(next, h.root())
	until(h.t, "the keys to be in use", func() bool { return h.KeysInUse() == was.Len() })
}

// sizeOf the tree of a checkpoint's text.
func sizeOf(t *testing.T, text string) int64 {
	t.Helper()
	cp, err := torchwood.ParseCheckpoint(text)
	check(t, err)
	return cp.N
}

// A process that has not the file of a new key goes on with an older one that is in
// force, and says so. When that is retired it signs nothing with it: its witness
// and its mirror answer 503 with the reason. It goes on by itself when the file is there.
func TestKeyFileMissingAtAnother(t *testing.T) {
	t.Parallel()
	for _, role := range []keys.Role{keys.Witness, keys.Mirror} {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			a, b := twins(t)
			au := newHouse(t, "au.example")
			b.reads(a.issue(situation("Ours")))
			a.follow(au)
			until(t, "b to hear of the pin", func() bool { _, ok := b.peer("au.example"); return ok })
			au.follow(b)
			next := au.issue(situation("Before"))
			au.stored(next.Index+1, b)
			head, err := au.Desk.Checkpoint(t.Context())
			check(t, err)
			old := a.KeyHistory(t.Context()).InForce(role)[0]
			a.rotate(role)
			const says = "statement 1 is not in use here: the "
			until(t, "b to say what it lacks", func() bool {
				code, why := b.ready()
				return code == http.StatusServiceUnavailable && strings.Contains(why, says+string(role)+" key in force") && strings.Contains(why, "put its file back")
			})
			if code, why := a.ready(); code != http.StatusOK {
				t.Errorf("a is not ready: %s", why)
			}
			a.retire(role)
			until(t, "b to say what it lacks", func() bool {
				code, why := b.ready()
				return code == http.StatusServiceUnavailable && strings.Contains(why, "statement 2 is not in use here")
			})
			b.issue(situation("It records with its log key"))

			at, asks := "/journal/witness/"+au.Self.Origin.Hash()+"/checkpoint", "/journal/witness/add-checkpoint"
			if role == keys.Mirror {
				at, asks = "/mirror/"+au.Self.Origin.Hash()+"/checkpoint", "/mirror/add-checkpoint"
			}
			last := au.issue(situation("After it was retired"))
			until(t, "b to read it", func() bool { p, ok := b.peer("au.example"); return ok && p.Followed.Size > last.Index })
			if code, body := b.do("POST", asks, "", fmt.Appendf(nil, "old %d\n\n%s", next.Index+1, head)); code != http.StatusServiceUnavailable || !strings.Contains(string(body), "put its file back") {
				t.Errorf("asked to cosign it answers %d %s", code, body)
			}
			cosigned := b.page(at)
			v, err := witness.ParseCosigner(old)
			check(t, err)
			if n, err := note.Open([]byte(cosigned), note.VerifierList(v)); err == nil && sizeOf(t, n.Text) > next.Index+1 {
				t.Errorf("b signed with the retired key:\n%s", cosigned)
			}

			for _, f := range a.keyFiles(string(role) + "-*") {
				secret, err := os.ReadFile(f)
				check(t, err)
				check(t, os.WriteFile(filepath.Join(b.dir, "keys", filepath.Base(f)), secret, 0o600))
			}
			until(t, "b to be ready", func() bool { code, _ := b.ready(); return code == http.StatusOK })
			v, err = witness.ParseCosigner(a.KeyHistory(t.Context()).InForce(role)[0])
			check(t, err)
			until(t, "the new key to sign", func() bool {
				n, err := note.Open([]byte(b.page(at)), note.VerifierList(v))
				return err == nil && sizeOf(t, n.Text) > last.Index
			})
		})
	}
}

// A log key is retired while a process that has not the new one records under load.
// What it signs meanwhile with the retired key is signed again by the other, though
// nothing more is recorded.
func TestRetiredUnderLoad(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	file := a.issue(situation("The situation in Alba"))
	b.reads(file)
	until(t, "b to record", func() bool { return b.Held() == nil })
	a.rotate(keys.Log)
	was := a.KeyHistory(t.Context())
	inForce := was.InForce(keys.Log)[0]
	doc, err := act.Encode(noteIn(file, "Under load"))
	check(t, err)
	var load sync.WaitGroup
	var recorded atomic.Int64
	for range 6 {
		load.Go(func() {
			for {
				if _, err := b.Desk.Issue(t.Context(), officer, doc); err != nil {
					return // it is held
				}
				recorded.Add(1)
			}
		})
	}
	until(t, "the load", func() bool { return recorded.Load() > 20 })
	a.retire(keys.Log)
	load.Wait()
	until(t, "b to say what it lacks", func() bool { why := b.Held(); return why != nil && strings.Contains(why.Error(), "put its file back") })
	until(t, "the key in force to have signed the newest checkpoint", func() bool {
		size, err := a.OwnSize(t.Context())
		check(t, err)
		head := b.page("/journal/checkpoint")
		n, err := note.Open([]byte(head), noteVerifier(t, inForce))
		return err == nil && sizeOf(t, n.Text) == size
	})
	for _, f := range a.keyFiles("log-*") {
		secret, err := os.ReadFile(f)
		check(t, err)
		check(t, os.WriteFile(filepath.Join(b.dir, "keys", filepath.Base(f)), secret, 0o600))
	}
	until(t, "b to record again", func() bool { return b.Held() == nil })
	a.reads(b.issue(noteIn(file, "Afterwards")))
	if err := signedBy(b.page("/journal/checkpoint"), inForce); err != nil {
		t.Error(err)
	}
}

func noteVerifier(t *testing.T, vkey string) note.Verifiers {
	t.Helper()
	v, err := note.NewVerifier(vkey)
	check(t, err)
	return note.VerifierList(v)
}

// A process without any log key in force goes on when one of them is back, though the
// newest is not.
func TestOlderKeyFileIsBack(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	b.reads(a.issue(situation("Ours")))
	a.rotate(keys.Log)
	a.rotate(keys.Log)
	was := a.KeyHistory(t.Context())
	inForce := was.InForce(keys.Log) // the newest first
	next := was.Next(comity.TimeOf(time.Now()), "the first is no longer used")
	next.Log = slices.DeleteFunc(next.Log, func(k string) bool { return k == was.Founding().Log[0] })
	a.state(next, a.root())
	until(t, "b to record nothing", func() bool {
		why := b.Held()
		return why != nil && strings.Contains(why.Error(), "put its file back")
	})
	for _, f := range a.keyFiles("log-*") {
		if _, err := os.Stat(filepath.Join(b.dir, "keys", filepath.Base(f))); err == nil {
			continue
		}
		if id, _, _ := strings.Cut(strings.SplitN(inForce[1], "+", 2)[1], "+"); strings.Contains(filepath.Base(f), id[:4]) {
			secret, err := os.ReadFile(f)
			check(t, err)
			check(t, os.WriteFile(filepath.Join(b.dir, "keys", filepath.Base(f)), secret, 0o600))
		}
	}
	until(t, "b to record again", func() bool { return b.Held() == nil })
	b.issue(situation("By the older key"))
	if code, why := b.ready(); code != http.StatusServiceUnavailable || !strings.Contains(why, "statement 3 is not in use here") {
		t.Errorf("b answers %d %s, want that the newest key is not here", code, why)
	}
}
