package casefile

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Digest identifies the state of a book. Two nodes that folded the same acts
// with the same effect set have the same digest.
//
// It is SHA-256 over the line "comity digest, effect set N" and, for each
// scope in order of its text, the line "<scope> <hex SHA-256 of its state's
// JSON>". States are digested one by one and only when they changed. To
// compare nodes, digest a book of CLEAR acts only: a sealed act is not in
// everybody's. That an act has a problem or was refused an effect is in it; in
// which words the software says so is not.
type Digest struct {
	EffectSet int         `json:"effect_set"`
	Kinds     string      `json:"kinds"` // which kinds of act the program knows, see act.KnownKinds
	SHA256    comity.Hash `json:"sha256"`
	Acts      int         `json:"acts"`
}

// Comparable says why two digests need not be equal although the same acts
// were folded; nil if they must be. A program that knows a kind gives no
// effect to an act of it whose written effects contradict its content, and one
// that does not know the kind cannot tell.
func (d Digest) Comparable(other Digest) error {
	switch {
	case d.EffectSet != other.EffectSet:
		return fmt.Errorf("they are of effect sets %d and %d", d.EffectSet, other.EffectSet)
	case d.Kinds != other.Kinds:
		return errors.New("they are of programs that know different kinds of act")
	}
	return nil
}

// Digest of everything in the book. Pending acts are not in it.
func (b *Book) Digest() Digest {
	all := make([]FileDigest, 0, len(b.files))
	for name, f := range b.files {
		all = append(all, FileDigest{name, f.Digest(), f.Len()})
	}
	return Combine(all)
}

// FileDigest is what one file brings to a Digest.
type FileDigest struct {
	Scope  Scope
	SHA256 comity.Hash // File.Digest
	Acts   int
}

// Combine makes the digest of files, which it sorts.
func Combine(all []FileDigest) Digest {
	slices.SortFunc(all, func(x, y FileDigest) int { return strings.Compare(ScopeText(x.Scope), ScopeText(y.Scope)) })
	h := sha256.New()
	fmt.Fprintf(h, "comity digest, effect set %d\n", effect.Version)
	out := Digest{EffectSet: effect.Version, Kinds: act.KnownKinds()}
	for _, x := range all {
		out.Acts += x.Acts
		fmt.Fprintf(h, "%s %x\n", ScopeText(x.Scope), x.SHA256[:])
	}
	h.Sum(out.SHA256[:0])
	return out
}

// SituationDigest of one file; zero if there is none.
func (b *Book) SituationDigest(name comity.ActName) comity.Hash {
	f, ok := b.files[name]
	if !ok {
		return comity.Hash{}
	}
	return f.Digest()
}

// Digest of the file's state.
func (f *File) Digest() comity.Hash {
	if f.digest.IsZero() {
		doc, err := json.Marshal(f.fold().wordless())
		if err != nil {
			panic("casefile: state has no JSON form: " + err.Error())
		}
		f.digest = sha256.Sum256(doc)
	}
	return f.digest
}

// wordless is the state without the words in which it says why an act has no
// effect: they may change while the effect set does not.
func (s *State) wordless() *State {
	c := *s
	c.Acts = slices.Clone(s.Acts)
	for i := range c.Acts {
		f := &c.Acts[i]
		if f.Problem != "" {
			f.Problem = "problem"
		}
		f.Refused = slices.Clone(f.Refused)
		for j := range f.Refused {
			f.Refused[j].Why = ""
		}
	}
	return &c
}
