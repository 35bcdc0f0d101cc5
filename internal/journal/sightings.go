package journal

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

// What is remembered of checkpoints that were seen elsewhere is bounded by the
// keys that have signed them, and not by their number: who has stolen one can
// make as many as he likes, and must not push out with them what another key has
// signed. It is judged by its keys, so that one of each decides as well as all.

// A sighting is a tree of this journal that is known to have existed.
type sighting struct {
	Head
	by     []uint32 // hashes of the keys of ours that signed it
	stored Head     // that contradicts it
}

// sighted is a tree that was seen elsewhere. Signature lines of unknown keys are
// mere bytes; 0 stands for no key.
func (j *Journal) sighted(h Head) sighting {
	s := sighting{Head: h}
	var unverified *note.UnverifiedNoteError
	if _, err := note.Open(h.Note, note.VerifierList()); errors.As(err, &unverified) && j.c.Verifiers != nil {
		for _, sig := range unverified.Note.UnverifiedSigs {
			v, err := j.c.Verifiers.Verifier(sig.Name, sig.Hash)
			if err != nil || slices.Contains(s.by, sig.Hash) {
				continue
			}
			if _, err := note.Open(h.Note, note.VerifierList(v)); err == nil {
				s.by = append(s.by, sig.Hash)
			}
		}
	}
	if len(s.by) == 0 {
		s.by = []uint32{0}
	}
	return s
}

// sightings are for each key the first of a list that it has signed: one more
// is kept if it is signed by a key that has signed none so far.
type sightings []sighting

func (all sightings) lack(s sighting) bool {
	return slices.ContainsFunc(s.by, func(key uint32) bool {
		return !slices.ContainsFunc(all, func(o sighting) bool { return slices.Contains(o.by, key) })
	})
}

// without returns those but for which f is true.
func (all sightings) without(f func(Head) bool) sightings {
	return slices.DeleteFunc(slices.Clone(all), func(s sighting) bool { return f(s.Head) })
}

// largest returns them with one more, of which each key's largest are kept, the
// largest first. For one that is stolen that is enough: of what it has signed
// the journal answers for no more than it held when that was said.
func (all sightings) largest(s sighting) (out sightings) {
	at := slices.IndexFunc(all, func(o sighting) bool { return o.Size < s.Size })
	if at < 0 {
		at = len(all)
	}
	for _, o := range slices.Insert(slices.Clone(all), at, s) {
		if out.lack(o) {
			out = append(out, o)
		}
	}
	return out
}

// contradiction is why nothing is signed while the store contradicts what was
// seen elsewhere: an old copy was put back, or somebody else has the key. Nothing
// of it is forgotten because who showed it is silent now, but when its keys are
// said to be stolen. The caller holds mu.
func (j *Journal) contradiction() error {
	if len(j.contradicted) == 0 {
		return nil
	}
	first := j.contradicted[0]
	return &BehindError{Stored: first.stored, Seen: first.Head}
}

// contradict notes that the store contradicts a checkpoint that was seen, and
// returns that; nil if its key is known to be stolen.
func (j *Journal) contradict(ctx context.Context, b *BehindError) error {
	_, stolen := j.stolen(ctx, b.Seen)
	s := j.sighted(b.Seen)
	s.stored = b.Stored
	j.mu.Lock()
	j.ahead = j.ahead.without(b.Seen.same)
	if stolen && !b.Seen.same(j.head) { // the store itself has held head
		j.mu.Unlock()
		return nil
	}
	fresh := j.contradicted.lack(s)
	if fresh {
		j.contradicted = append(j.contradicted, s)
		j.doubt(whyOther) // until it is no longer held against us
	}
	j.mu.Unlock()
	if fresh {
		j.nudge()
	}
	return b
}

// stolen is Config.Stolen.
func (j *Journal) stolen(ctx context.Context, h Head) (from int64, stolen bool) {
	if j.c.Stolen == nil || len(h.Note) == 0 {
		return 0, false
	}
	return j.c.Stolen(ctx, h)
}

// judgeAnew forgets what was seen under keys that are said to be stolen since.
func (j *Journal) judgeAnew() {
	j.mu.Lock()
	contradicted, ahead := j.contradicted, j.ahead // not changed where they lie, but for being appended to
	j.mu.Unlock()
	var gone []Head
	for _, s := range contradicted {
		if _, stolen := j.stolen(j.life, s.Head); stolen {
			gone = append(gone, s.Head)
		}
	}
	for _, s := range ahead {
		// What goes on behind our own entries may be ours, and lost here, up to
		// where the journal still answers for the key.
		if from, stolen := j.stolen(j.life, s.Head); stolen && s.Size > from {
			gone = append(gone, s.Head)
		}
	}
	if len(gone) == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	foreign := func(h Head) bool { return !h.same(j.head) && slices.ContainsFunc(gone, h.same) }
	j.contradicted, j.ahead = j.contradicted.without(foreign), j.ahead.without(foreign)
}
