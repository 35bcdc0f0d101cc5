package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/verified"
)

// Quorum is the policy "signed by the journal's key and by at least n of
// these cosigners". The keys are C2SP vkeys; the origin must be the name of
// the journal's key.
func Quorum(logKey string, n int, cosigners ...string) (*Policy, error) {
	if n < 0 || n > len(cosigners) {
		return nil, fmt.Errorf("a quorum of %d among %d cosigners cannot be", n, len(cosigners))
	}
	if _, err := ParseLog(logKey); err != nil {
		return nil, err
	}
	of := make([]Cosigner, len(cosigners))
	for i, k := range cosigners {
		v, err := ParseCosigner(k)
		if err != nil {
			return nil, err
		}
		of[i] = Cosigner{Name: v.Name(), Keys: []string{k}}
		if slices.ContainsFunc(of[:i], func(c Cosigner) bool { return c.Name == v.Name() }) {
			of[i].Name += "/" + strconv.Itoa(i+1)
		}
	}
	return ParsePolicy(FormatPolicy([]string{logKey}, n, of))
}

// Accepts returns nil if a signed checkpoint satisfies the policy: if enough
// signatures on it are valid, however many others it bears, and though some fail.
// It is what torchwood.VerifyCheckpoint is of a checkpoint that was signed by no
// more than note.Open takes, all of them honest.
func Accepts(p torchwood.Policy, signed []byte) error {
	n, err := verified.Open(signed, p)
	if err != nil {
		return err
	}
	c, err := torchwood.ParseCheckpoint(n.Text)
	if err != nil {
		return err
	}
	if err := p.Check(c.Origin, n.Sigs); err != nil {
		return err
	}
	if p.Check("check.invalid", n.Sigs) == nil {
		return errors.New("the policy accepts checkpoints of any origin")
	}
	return nil
}

// VerifyProof checks that a C2SP tlog-proof (https://c2sp.org/tlog-proof) of an entry
// holds, and that its checkpoint satisfies the policy, as Accepts has it.
func VerifyProof(p torchwood.Policy, leaf tlog.Hash, proof []byte) error {
	before, checkpoint, ok := bytes.Cut(proof, []byte("\n\n"))
	if !ok {
		return errors.New("the proof has no checkpoint")
	}
	if err := Accepts(p, checkpoint); err != nil {
		return err
	}
	n, err := verified.Open(checkpoint, p)
	if err != nil {
		return err
	}
	v, err := p.Verifier(n.Sigs[0].Name, n.Sigs[0].Hash)
	if err != nil {
		return err
	}
	origin, _, _ := strings.Cut(n.Text, "\n")
	// One signature is left, so that the inclusion proof is all that remains to be checked.
	short := slices.Concat(before, []byte("\n\n"+n.Text+"\n"+sigLine(n.Sigs[0])))
	return torchwood.VerifyProof(torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(origin), torchwood.SingleVerifierPolicy(v)), leaf, short)
}

// Satisfying returns the smallest kept checkpoint of at least size that
// satisfies the policy, so that an entry's proof can be made against it;
// ErrNone if there is none yet.
func Satisfying(ctx context.Context, s CosignatureStore, o comity.Origin, size int64, p torchwood.Policy) (Cosigned, error) {
	const page = 32
	for {
		cs, err := s.From(ctx, o, size, page)
		if err != nil {
			return Cosigned{}, fmt.Errorf("looking for a cosigned checkpoint of %s: %w", o, err)
		}
		for _, c := range cs {
			if err := Accepts(p, c.Assembled()); err == nil {
				return c, nil
			}
		}
		if len(cs) < page {
			return Cosigned{}, ErrNone
		}
		size = cs[len(cs)-1].Size + 1
	}
}

// ReachedAt is the time at which n different keys had cosigned, by their own
// clocks; false if fewer have.
func ReachedAt(sigs []Cosignature, n int) (time.Time, bool) {
	type key struct {
		name string
		hash uint32
	}
	first := make(map[key]time.Time)
	for _, s := range sigs {
		k := key{s.Signer, s.KeyHash}
		if t, ok := first[k]; !ok || s.Time.Before(t) {
			first[k] = s.Time
		}
	}
	if n < 1 || len(first) < n {
		return time.Time{}, false
	}
	var times []time.Time
	for _, t := range first {
		times = append(times, t)
	}
	slices.SortFunc(times, time.Time.Compare)
	return times[n-1], true
}
