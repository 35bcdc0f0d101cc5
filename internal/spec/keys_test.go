package spec_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/keys"
	"github.com/comity/comity/keys/keystest"
)

// keyVectors is keys.json; keys.md says what stands where.
type keyVectors struct {
	History string        `json:"history"`
	Hashes  []comity.Hash `json:"hashes"`
	InForce []string      `json:"in_force"`
	Keys    []keyState    `json:"keys"`
	Counts  []counts      `json:"counts"`
	Doubt   []doubt       `json:"doubt"`
	Refused []refusedKey  `json:"refused"`
}

type keyState struct {
	Role    keys.Role   `json:"role"`
	Key     string      `json:"key"`
	From    comity.Time `json:"from,omitzero"`
	Until   comity.Time `json:"until,omitzero"`
	Revoked comity.Time `json:"revoked_since,omitzero"`
}

type counts struct {
	Role   keys.Role   `json:"role"`
	Key    string      `json:"key"`
	At     comity.Time `json:"at"`
	Counts bool        `json:"counts"`
}

type doubt struct {
	Entry   int64 `json:"entry"`
	InDoubt bool  `json:"in_doubt"`
}

type refusedKey struct {
	What   string `json:"what"`
	Why    string `json:"why"`
	Signed string `json:"signed"`
}

func TestKeys(t *testing.T) {
	o := keystest.New("ecowas.example")
	at := func(s string) comity.Time { return must[comity.Time](t)(comity.ParseTime(s)) }
	add := func(reason, date string, change func(*keys.Statement)) {
		s := o.History.Next(at(date), reason)
		change(&s)
		o.Add(s)
	}
	log := func(seed string) string { return keystest.VKey(o.Domain, keys.Log, seed) }
	add("yearly rotation", "2003-05-01T09:00:00Z", func(s *keys.Statement) { s.Log = []string{log("2"), log("1")} })
	add("the overlap is over", "2003-05-08T09:00:00Z", func(s *keys.Statement) { s.Log = []string{log("2")} })
	add("the disk of the machine was stolen", "2003-06-02T09:00:00Z", func(s *keys.Statement) {
		s.Log = []string{log("3")}
		s.Witness = []string{keystest.VKey(o.Domain, keys.Witness, "3")}
		since := at("2003-06-01T00:00:00Z")
		s.Revoked = []keys.Revocation{{Role: keys.Log, Key: log("2"), Since: since, From: 120, To: 131},
			{Role: keys.Witness, Key: keystest.VKey(o.Domain, keys.Witness, "1"), Since: since}}
	})
	h := o.History
	v := keyVectors{History: string(h.File()), InForce: h.InForce(keys.Log)}
	for _, s := range h.Statements() {
		v.Hashes = append(v.Hashes, s.Hash())
	}
	for _, r := range keys.Roles() {
		for _, k := range h.Keys(r) {
			x := keyState{Role: r, Key: k.Key, From: k.From, Until: k.Until}
			if k.Revoked != nil {
				x.Revoked = k.Revoked.Since
			}
			v.Keys = append(v.Keys, x)
		}
	}
	old := keystest.VKey(o.Domain, keys.Witness, "1")
	for _, s := range []string{"2003-05-31T23:59:59Z", "2003-06-01T00:00:00Z"} {
		v.Counts = append(v.Counts, counts{keys.Witness, old, at(s), h.Counts(keys.Witness, old, at(s))})
	}
	for _, i := range []int64{119, 120, 130, 131} {
		d := keys.Doubts{o.Domain: h.Doubts()}.Of(comity.ActName{Domain: o.Domain, Index: i})
		v.Doubt = append(v.Doubt, doubt{i, d != nil})
	}
	v.Refused = refusedStatements(t, o)
	sameJSON(t, "keys.json", v)

	back := must[keys.History](t)(keys.ParseFile([]byte(v.History)))
	if !back.Extends(h) || !h.Extends(back) {
		t.Error("the history is another one when read back")
	}
}

// refusedStatements are such as do not continue o's history.
func refusedStatements(t *testing.T, o *keystest.Org) (out []refusedKey) {
	next := func(change func(*keys.Statement)) []byte {
		s := o.Next("x")
		if change != nil {
			change(&s)
		}
		return o.Sign(s)
	}
	thief, thiefKey := keystest.NewRoot(o.Domain, "thief")
	stolen := o.Next("theft")
	stolen.Root = thiefKey
	lines := strings.SplitAfter(string(next(nil)), "\n")
	lines[1], lines[2] = lines[2], lines[1]
	for _, c := range []struct {
		what   string
		signed []byte
		why    error // nil: not of the form
	}{
		{"a new root key that authorizes itself", must[[]byte](t)(keys.Sign(stolen, thief)), keys.ErrUnauthorized},
		{"a changed line", bytes.Replace(next(nil), []byte("reason x"), []byte("reason y"), 1), keys.ErrUnauthorized},
		{"a gap", next(func(s *keys.Statement) { s.Number++ }), keys.ErrDoesNotFollow},
		{"another predecessor", next(func(s *keys.Statement) { s.Previous = comity.LeafHash(nil) }), keys.ErrDoesNotFollow},
		{"a retired key that comes back", next(func(s *keys.Statement) { s.Log = append(s.Log, keystest.VKey(o.Domain, keys.Log, "1")) }), keys.ErrDoesNotFollow},
		{"a revocation of a key that never was", next(func(s *keys.Statement) {
			s.Revoked = []keys.Revocation{{Role: keys.Mirror, Key: keystest.VKey(o.Domain, keys.Mirror, "7"), Since: keystest.Date}}
		}), keys.ErrDoesNotFollow},
		{"an older date", next(func(s *keys.Statement) { s.Date = keystest.Date }), keys.ErrDoesNotFollow},
		{"lines in another order", []byte(strings.Join(lines, "")), nil},
	} {
		_, err := o.History.Add(c.signed)
		if err == nil || c.why != nil && !errors.Is(err, c.why) {
			t.Errorf("%s: %v, want %v", c.what, err, c.why)
		}
		why := "form"
		switch {
		case errors.Is(err, keys.ErrUnauthorized):
			why = "unauthorized"
		case errors.Is(err, keys.ErrDoesNotFollow):
			why = "does not follow"
		}
		out = append(out, refusedKey{c.what, why, string(c.signed)})
	}
	return out
}
