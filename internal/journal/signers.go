package journal

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// SetSigners makes other keys sign the journal from now on, the newest first,
// and gives the newest checkpoint their signatures: a follower that no longer
// knows the old key must find one that it knows although nothing is appended.
// While the journal may not sign, that waits until it may.
func (j *Journal) SetSigners(ctx context.Context, signers ...note.Signer) error {
	if len(signers) == 0 {
		return errors.New("journal: no key to sign with")
	}
	for _, s := range signers {
		if s.Name() != string(j.c.Origin) {
			return fmt.Errorf("journal %s: the key belongs to %q", j.c.Origin, s.Name())
		}
	}
	j.signers.Store(&signers)
	return j.resign(ctx)
}

// resign signs the newest checkpoint again, or leaves it to be done when the
// journal may sign.
func (j *Journal) resign(ctx context.Context) error {
	var head Head
	err := j.c.Store.Update(ctx, j.c.Origin, func(tx Tx) error {
		old, err := tx.Head()
		if err != nil || old.Size == 0 {
			return err
		}
		if j.owesSignature() {
			return errHeld
		}
		if err := j.checkSeen(tx, old); err != nil {
			return err
		}
		if head, err = sign(old.Origin, old.Size, old.Root, *j.signers.Load()...); err != nil {
			return err
		}
		return tx.PutHead(head)
	})
	if errors.Is(err, errHeld) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sign the newest checkpoint of %s with other keys: %w", j.c.Origin, err)
	}
	if head.Size == 0 {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case head.Size > j.head.Size:
		j.resigned = head // the append that it is the head of has yet to tell of it: see advance
	case head.Size == j.head.Size && head.Root == j.head.Root:
		j.head = head
		close(j.changed)
		j.changed = make(chan struct{})
	}
	return nil
}

// owesSignature reports whether the journal may not sign, and notes that it is
// to sign its newest checkpoint again when it may.
func (j *Journal) owesSignature() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.guard.resign = j.guard.why != ""
	return j.guard.resign
}
