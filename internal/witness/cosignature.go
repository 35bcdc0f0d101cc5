package witness

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/verified"
)

// Checkpoint of a journal as its origin signed it.
type Checkpoint struct {
	Origin comity.Origin
	Size   int64
	Root   tlog.Hash
	Note   []byte // text and the origin's signature, no cosignatures
}

// Cosignature is one witness's or mirror's statement about a checkpoint.
type Cosignature struct {
	Origin  comity.Origin
	Size    int64
	Root    tlog.Hash
	Signer  string // name of the key, "<domain>/witness" or "<domain>/mirror"
	KeyHash uint32
	Line    []byte    // the signature line as it stands in a note, with its newline
	Time    time.Time // when it was made, as the cosigner says; whole seconds, UTC
}

// Cosigned is a checkpoint and what is kept of its cosignatures, by signer,
// key, then time.
type Cosigned struct {
	Checkpoint
	Cosignatures []Cosignature
}

// Assembled is the checkpoint with the earliest cosignature of each key.
func (c Cosigned) Assembled() []byte { return Assemble(c.Note, c.Cosignatures) }

// ErrOtherRoot: a checkpoint of the same journal and size, but with another
// root, is kept already.
var ErrOtherRoot = errors.New("a checkpoint of that size with another root is kept")

// CosignatureStore keeps checkpoints that were cosigned, and the cosignatures.
// Of several by one key on one checkpoint it keeps at least the earliest (it
// proves most about the past) and the latest (it proves most about the
// present). Implementations are safe for concurrent use; a nil error of Put
// means that what was put is durable.
type CosignatureStore interface {
	// Put adds cosignatures of c. Putting the same again changes nothing.
	// ErrOtherRoot if c contradicts what is kept.
	Put(ctx context.Context, c Checkpoint, sigs ...Cosignature) error

	// From returns up to limit cosigned checkpoints of at least size,
	// smallest first.
	From(ctx context.Context, o comity.Origin, size int64, limit int) ([]Cosigned, error)

	// Last returns up to limit cosigned checkpoints, largest first.
	Last(ctx context.Context, o comity.Origin, limit int) ([]Cosigned, error)

	// Latest returns the cosignature of the largest size by that key, of
	// several the latest; ErrNone if there is none.
	Latest(ctx context.Context, o comity.Origin, signer string, keyHash uint32) (Cosignature, error)

	// By returns the sizes at which a signer cosigned, by whichever of its keys,
	// with the first time it did so. Sizes rise.
	By(ctx context.Context, o comity.Origin, signer string) ([]Dated, error)
}

// Dated is the size of a checkpoint and when it was first cosigned, in seconds
// since 1970. A busy journal has one for each of its acts and mirrors.
type Dated struct{ Size, At int64 }

// FirstOfEach sorts by size and leaves the earliest of each size.
func FirstOfEach(all []Dated) []Dated {
	slices.SortFunc(all, func(a, b Dated) int { return cmp.Or(cmp.Compare(a.Size, b.Size), cmp.Compare(a.At, b.At)) })
	return slices.CompactFunc(all, func(a, b Dated) bool { return a.Size == b.Size })
}

// Assemble adds cosignature lines to a checkpoint note: the first of each key
// in sigs. Lines of another checkpoint must not be among them.
func Assemble(signed []byte, sigs []Cosignature) []byte {
	out := bytes.Clone(signed)
	type key struct {
		name string
		hash uint32
	}
	seen := make(map[key]bool)
	for _, s := range sigs {
		if k := (key{s.Signer, s.KeyHash}); !seen[k] {
			seen[k] = true
			out = append(out, s.Line...)
		}
	}
	return out
}

// futureSlack is how far ahead of our clock a cosignature's time may be. One
// further ahead would prove freshness that nobody saw.
const futureSlack = 5 * time.Minute

// OpenCosigned checks a note that must be a checkpoint of log's journal,
// signed by it, and returns the checkpoint and those cosignatures on it whose
// keys are among cosigners. Signatures of unknown keys are ignored; a known
// key whose signature fails spoils the note. Other keys of the journal may stand
// among the cosigners; their signatures stay on the checkpoint.
func OpenCosigned(checkpoint []byte, now time.Time, log note.Verifier, cosigners ...note.Verifier) (Checkpoint, []Cosignature, error) {
	known := distinct(log, cosigners)
	n, err := note.Open(verified.By(checkpoint, known...), note.VerifierList(known...))
	if err != nil {
		return Checkpoint{}, nil, err
	}
	c, sigs, err := cosigned(n, log)
	for _, s := range sigs {
		switch {
		case s.Time.IsZero():
			return Checkpoint{}, nil, fmt.Errorf("cosignature of %s has no time", s.Signer)
		case s.Time.After(now.Add(futureSlack)):
			return Checkpoint{}, nil, fmt.Errorf("cosignature of %s is dated %s, in the future", s.Signer, s.Time.Format(time.RFC3339))
		}
	}
	return c, sigs, err
}

// OpenShown is OpenCosigned of a checkpoint that is shown with the cosignatures of
// many: it takes any number of them, and leaves out one that fails, or is dated in
// the future, so that no cosigner spoils the note for the others.
func OpenShown(checkpoint []byte, now time.Time, log note.Verifier, cosigners ...note.Verifier) (Checkpoint, []Cosignature, error) {
	n, err := verified.Open(checkpoint, note.VerifierList(distinct(log, cosigners)...))
	if err != nil {
		return Checkpoint{}, nil, err
	}
	c, sigs, err := cosigned(n, log)
	return c, slices.DeleteFunc(sigs, func(s Cosignature) bool { return s.Time.IsZero() || s.Time.After(now.Add(futureSlack)) }), err
}

// cosigned takes an opened note apart. A cosignature that has no time has the zero
// one.
func cosigned(n *note.Note, log note.Verifier) (Checkpoint, []Cosignature, error) {
	cp, err := torchwood.ParseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	if cp.Origin != log.Name() {
		return Checkpoint{}, nil, fmt.Errorf("checkpoint of %q, want %q", clip(cp.Origin), log.Name())
	}
	c := Checkpoint{Origin: comity.Origin(cp.Origin), Size: cp.N, Root: cp.Hash, Note: []byte(n.Text + "\n")}
	signed := false
	var sigs []Cosignature
	for _, s := range n.Sigs {
		if s.Name == log.Name() && plain(s) {
			signed = signed || s.Hash == log.KeyHash()
			c.Note = append(c.Note, sigLine(s)...)
			continue
		}
		var at time.Time
		if t, err := torchwood.CosignatureTimestamp(s); err == nil && t > 0 {
			at = time.Unix(t, 0).UTC()
		}
		sigs = append(sigs, Cosignature{Origin: c.Origin, Size: c.Size, Root: c.Root,
			Signer: s.Name, KeyHash: s.Hash, Line: []byte(sigLine(s)), Time: at})
	}
	if !signed {
		return Checkpoint{}, nil, &note.UnverifiedNoteError{Note: n}
	}
	return c, sigs, nil
}

// distinct is log and those of others that are not log.
func distinct(log note.Verifier, others []note.Verifier) []note.Verifier {
	out := []note.Verifier{log}
	for _, v := range others {
		if v.Name() != log.Name() || v.KeyHash() != log.KeyHash() {
			out = append(out, v)
		}
	}
	return out
}

// plain reports whether a signature is one without a time: Ed25519, type 0x01.
func plain(s note.Signature) bool {
	raw, err := base64.StdEncoding.DecodeString(s.Base64)
	return err == nil && len(raw) == 4+ed25519.SignatureSize
}

func sigLine(s note.Signature) string { return "— " + s.Name + " " + s.Base64 + "\n" }
