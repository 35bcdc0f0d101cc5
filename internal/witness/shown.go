package witness

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/internal/verified"
)

// What a note with cosignatures may have so that others can read it. Readers of
// this program once took 64 KiB of a checkpoint, and note.Open takes 100
// signatures.
const (
	maxShown      = 48 << 10 // bytes
	maxShownLines = 64       // signatures
	maxOpened     = 100      // signatures of a proof that needs more than that
)

// Standing is what a cosignature is to those who read it on a checkpoint.
type Standing struct {
	Own     bool // the journal's, by another of its keys
	Counted bool // of a witness that the policy counts
	Retired bool // by a key that is not in force any more
}

// Shown adds to a checkpoint note cosignatures, the first of each key in sigs: all,
// or as many as others are sure to read. Then the journal's own come first, next one
// of each party that counts, next an Ed25519 one of each other party, next those that
// the parties have beside these, and last those by keys that are not in force any
// more; so no party takes the room of another. standing is asked about each, and
// only if not all can be shown.
func Shown(signed []byte, sigs []Cosignature, standing func(Cosignature) Standing) []byte {
	if all := Assemble(signed, sigs); len(all) <= maxShown && signatures(all) <= maxShownLines {
		return all
	}
	out := bytes.Clone(signed)
	for _, s := range inOrder(sigs, standing) {
		if signatures(out) == maxShownLines {
			break
		}
		if len(out)+len(s.Line) <= maxShown { // if not, a shorter one may fit
			out = append(out, s.Line...)
		}
	}
	return out
}

// signatures that a note bears.
func signatures(signed []byte) int { return bytes.Count(signed, []byte("\n— ")) }

// ranked is a cosignature and its place.
type ranked struct {
	Cosignature
	Standing
	nth int // of its party's, from 0
}

// long reports whether a cosignature is post-quantum, for one that is not has 150
// bytes or little more.
func (r ranked) long() bool { return len(r.Line) > 1000 }

// inOrder is the first cosignature of each key in the order that Shown has them.
func inOrder(sigs []Cosignature, standing func(Cosignature) Standing) []Cosignature {
	var all []ranked
	for _, s := range sigs {
		if !slices.ContainsFunc(all, func(r ranked) bool { return r.Signer == s.Signer && r.KeyHash == s.KeyHash }) {
			all = append(all, ranked{Cosignature: s, Standing: standing(s)})
		}
	}
	slices.SortFunc(all, func(a, b ranked) int {
		return cmp.Or(yesFirst(a.Counted, b.Counted), yesFirst(b.Retired, a.Retired), yesFirst(b.long(), a.long()),
			strings.Compare(a.Signer, b.Signer), cmp.Compare(a.KeyHash, b.KeyHash))
	})
	type party struct {
		name    string
		counted bool
	}
	n := map[party]int{}
	for i, r := range all {
		p := party{r.Signer, r.Counted}
		all[i].nth = n[p]
		n[p]++
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Or(cmp.Compare(a.tier(), b.tier()), cmp.Compare(a.nth, b.nth)) })
	out := make([]Cosignature, len(all))
	for i, r := range all {
		out[i] = r.Cosignature
	}
	return out
}

func (r ranked) tier() int {
	switch {
	case r.Own:
		return 0
	case r.Retired:
		return 4
	case r.Counted && r.nth == 0:
		return 1
	case r.nth == 0 && !r.long():
		return 2
	}
	return 3
}

func yesFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// Proving is a checkpoint that satisfies p with such of its cosignatures that others
// see that it does: those that p knows before others, and none that fails under a
// key of p. If as many as Shown has are not enough it has all that p knows, without
// such as p does not need if they are more than note.Open takes.
func (c Cosigned) Proving(p torchwood.Policy) []byte {
	n, err := verified.Open(c.Assembled(), p)
	if err != nil {
		return c.Assembled()
	}
	counted := func(s Cosignature) bool {
		return slices.ContainsFunc(n.Sigs, func(g note.Signature) bool { return g.Name == s.Signer && g.Hash == s.KeyHash })
	}
	standing := func(s Cosignature) Standing { return Standing{Counted: counted(s)} }
	sigs := slices.DeleteFunc(slices.Clone(c.Cosignatures), func(s Cosignature) bool {
		_, err := p.Verifier(s.Signer, s.KeyHash)
		return err == nil && !counted(s)
	})
	if out := Shown(c.Note, sigs, standing); Accepts(p, out) == nil {
		return out
	}
	least := inOrder(slices.DeleteFunc(sigs, func(s Cosignature) bool { return !counted(s) }), standing)
	for i := len(least) - 1; i >= 0 && signatures(c.Note)+len(least) > maxOpened; i-- {
		if without := slices.Delete(slices.Clone(least), i, i+1); Accepts(p, Assemble(c.Note, without)) == nil {
			least = without
		}
	}
	return Assemble(c.Note, least)
}
