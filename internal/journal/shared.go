package journal

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// With writes into the transaction that records an entry what must be recorded
// with it or not at all. It is called after the draft, with the head locked by
// this process among all that write the log, and sees what those before it in
// the transaction have written.
//
// An error of [Refuse] refuses the entry and no other: With must then have
// written nothing. It is passed on once the transaction has ended, and if that
// fails, what it failed of is passed on instead. Any other error undoes the
// transaction: With may have written a part.
type With func(tx Tx, index int64, leaf tlog.Hash) error

// Refuse makes of a reason the error with which a With refuses its entry.
func Refuse(why error) error { return &refusal{why} }

type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }

// AppendWith is Append of an entry with which more is written.
func (j *Journal) AppendWith(ctx context.Context, draft Draft, with With) (Appended, error) {
	r := j.append(ctx, []pending{{draft: draft, with: with}})
	return r[0].Appended, r[0].Err
}

// goOn tells of the last entry that another process wrote.
func (j *Journal) goOn(tx Tx, size int64) error {
	if j.c.Continue == nil || size == 0 {
		return nil
	}
	last, err := tx.Entry(size - 1)
	if err != nil {
		return fmt.Errorf("read the last entry: %w", err)
	}
	return j.c.Continue(last)
}

// Refresh takes note of what another process has appended: Head and Wait then
// tell of it. What contradicts that which was seen before is refused with a
// *BehindError, and nothing is appended from then on.
func (j *Journal) Refresh(ctx context.Context) error {
	h, err := j.c.Store.Head(ctx, j.c.Origin)
	if err != nil {
		return err
	}
	j.mu.Lock()
	known := j.head
	seen := []Head{known}
	for _, s := range j.ahead {
		seen = append(seen, s.Head)
	}
	j.mu.Unlock()
	if h.Size <= known.Size {
		return nil // one that is behind is found out under the lock
	}
	if j.c.Verifiers != nil {
		if err := h.Check(j.c.Verifiers); err != nil {
			return err
		}
	}
	for _, s := range seen {
		if s.Size == 0 || s.Size > h.Size {
			continue
		}
		if err := j.compare(ctx, s); err != nil {
			return err
		}
	}
	j.publish(h)
	return nil
}
