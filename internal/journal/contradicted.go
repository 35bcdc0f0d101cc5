package journal

import (
	"context"
	"slices"
)

// contradicted are checkpoints with this journal's signature that were seen
// elsewhere and that the store contradicts, one of each size and root, oldest
// first. While there is one nothing is signed: an old copy was put back, or
// somebody else has the key. They are not forgotten because who showed them is
// silent now, but when their key is said to be stolen.
type contradicted []*BehindError

// mostContradicted bounds what is kept: one is enough to sign nothing, and who
// has the key can make any number.
const mostContradicted = 16

func (c contradicted) err() error {
	if len(c) == 0 {
		return nil
	}
	return c[0]
}

func (c contradicted) has(h Head) bool {
	return slices.ContainsFunc(c, func(b *BehindError) bool { return b.Seen.same(h) })
}

// contradict notes that the store contradicts a checkpoint that was seen, and
// returns that; nil if its key is known to be stolen.
func (j *Journal) contradict(ctx context.Context, b *BehindError) error {
	_, stolen := j.stolen(ctx, b.Seen)
	j.mu.Lock()
	if stolen && !b.Seen.same(j.head) { // the store itself has held head
		j.forget(b.Seen)
		j.mu.Unlock()
		return nil
	}
	known := len(j.contradicted) == mostContradicted || j.contradicted.has(b.Seen)
	if !known {
		j.contradicted = append(j.contradicted, b)
		j.doubt(whyOther) // until it is no longer held against us
	}
	j.mu.Unlock()
	if !known {
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
	before, seen, ahead := j.contradicted, j.seen, j.seen.Size > j.head.Size
	j.mu.Unlock()
	if len(before) == 0 && !ahead {
		return
	}
	gone := map[*BehindError]bool{}
	for _, b := range before {
		_, gone[b] = j.stolen(j.life, b.Seen)
	}
	// What goes on behind our own entries may be ours, and lost here, up to
	// where the journal still answers for the key.
	from, stolen := j.stolen(j.life, seen)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.contradicted = slices.DeleteFunc(slices.Clone(j.contradicted), func(b *BehindError) bool { return gone[b] && !b.Seen.same(j.head) })
	if stolen && seen.Size > from && seen.Size > j.head.Size {
		j.forget(seen)
	}
}

// forget makes a tree that is not ours unseen. The caller holds mu.
func (j *Journal) forget(h Head) {
	if j.seen.same(h) {
		j.seen = j.head
	}
}
