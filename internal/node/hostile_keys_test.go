package node_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/keys"
)

// vkeyOf is a verification key of some bytes under a name.
func vkeyOf(name string, alg byte, key []byte) string {
	raw := append([]byte{alg}, key...)
	sum := sha256.Sum256(append([]byte(name+"\n"), raw...))
	return fmt.Sprintf("%s+%x+%s", name, sum[:4], base64.StdEncoding.EncodeToString(raw))
}

func keyBytes(t *testing.T, vkey string) []byte {
	t.Helper()
	v, err := keys.ParseVKey(vkey)
	check(t, err)
	return v.Key
}

// A peer that states others' keys as its witness's takes nothing from them: theirs
// count as before, also one that they have rotated to, and the node goes on, also
// after a restart.
func TestBorrowedWitnessKey(t *testing.T) {
	t.Parallel()
	un, au, bad, oas := newHouse(t, "un.example"), newHouse(t, "au.example"), newHouse(t, "bad.example"), newHouse(t, "oas.example")
	un.follow(bad, au, oas) // the thief was pinned before
	au.follow(un)
	oas.follow(un)
	bad.follow(un)
	un.issue(situation("Before"))
	un.reads(au.rotate(keys.Witness))
	newest := au.KeyHistory(t.Context()).InForce(keys.Witness)[0]
	next := bad.KeyHistory(t.Context()).Next(comity.TimeOf(time.Now()), "yearly rotation")
	ofAU := vkeyOf("bad.example/witness", 0x04, keyBytes(t, newest))
	ofUN := vkeyOf("bad.example/witness", 0x04, keyBytes(t, un.Self.LogKey))
	own := next.Witness
	next.Witness = []string{ofAU, ofUN, own[0]}
	un.reads(bad.state(next, bad.root()))
	until(t, "un.example to learn of it", func() bool {
		p, err := un.Peer(t.Context(), "bad.example")
		check(t, err)
		return p.WitnessKey == ofAU
	})
	counted := func() {
		t.Helper()
		p, err := un.Policy(t.Context())
		check(t, err)
		for _, key := range []string{newest, own[0]} {
			if !strings.Contains(p.String(), key) {
				t.Errorf("the key %s does not count", key)
			}
		}
		if !strings.Contains(p.String(), "group witnesses 2 au.example bad.example oas.example") {
			t.Errorf("the policy is %s, want two of the three", p)
		}
	}
	counted()
	check(t, un.close())
	un.start()
	after := un.issue(situation("After"))
	counted()
	// By the two that sign with keys of their own.
	until(t, "it to be accepted", func() bool {
		var r api.Record
		return un.get("/api/v1/record", &r) && r.Accepted > after.Index
	})
}

// Keys that this version cannot use are the trouble of the peer that states them.
func TestUnusableKeysHoldUpNobody(t *testing.T) {
	t.Parallel()
	for what, state := range map[string]func(bad *house) comity.ActName{
		"a recipient that is none": func(bad *house) comity.ActName {
			s := bad.KeyHistory(t.Context()).Next(comity.TimeOf(time.Now()), "yearly rotation")
			s.Recipient = "age1x"
			return bad.state(s, bad.root())
		},
		"a witness key of another kind": func(bad *house) comity.ActName {
			s := bad.KeyHistory(t.Context()).Next(comity.TimeOf(time.Now()), "yearly rotation")
			s.Witness = []string{vkeyOf("bad.example/witness", 0x07, keyBytes(t, s.Witness[0]))}
			return bad.state(s, bad.root())
		},
	} {
		t.Run(what, func(t *testing.T) {
			un, au, bad := newHouse(t, "un.example"), newHouse(t, "au.example"), newHouse(t, "bad.example")
			un.follow(bad)
			un.reads(state(bad))
			un.follow(au) // while it runs
			un.reads(au.issue(situation("Carried beside it")))
			check(t, un.close())
			un.start()
			un.reads(au.issue(situation("Carried after a restart")))
			un.reads(bad.issue(situation("The peer's own acts are read on")))
			if _, err := un.Policy(t.Context()); err != nil {
				t.Errorf("policy: %v", err)
			}
			if code, body := un.do("GET", "/api/v1/peers", un.token, nil); code != 200 {
				t.Errorf("list of peers: %d %s", code, body)
			}
		})
	}
}

// Of thousands of keys that one peer has stated, the newest count.
func TestManyWitnessKeys(t *testing.T) {
	t.Parallel()
	un, bad := newHouse(t, "un.example"), newHouse(t, "bad.example")
	un.follow(bad)
	h := bad.KeyHistory(t.Context())
	var all []string
	for n := range 60 {
		s := h.Next(comity.TimeOf(time.Now()), "rotation")
		for i := range s.Witness {
			s.Witness[i] = vkeyOf("bad.example/witness", 0x04, append([]byte{byte(n), byte(i), 1}, make([]byte, 29)...))
		}
		all = append(s.Witness, all...)
		signed, err := keys.Sign(s, bad.root())
		check(t, err)
		h, err = h.Add(signed)
		check(t, err)
	}
	p, err := un.Peer(t.Context(), "bad.example")
	check(t, err)
	p, err = p.WithKeys(h)
	check(t, err)
	check(t, un.Repin(t.Context(), p))
	policy, err := un.Policy(t.Context())
	check(t, err)
	got := strings.Count(policy.String(), "bad.example/witness+")
	if newest := slices.ContainsFunc(all[:2], func(k string) bool { return strings.Contains(policy.String(), k) }); got != 32 || !newest {
		t.Errorf("%d keys count, the newest: %v; want 32 and true", got, newest)
	}
}
