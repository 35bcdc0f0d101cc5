package witness

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"filippo.io/torchwood"

	"github.com/comity/comity/comity"
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
			if _, _, err := torchwood.VerifyCheckpoint(c.Assembled(), p); err == nil {
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
