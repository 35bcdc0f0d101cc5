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
	return j.resign(ctx, signers)
}

// resign signs the newest checkpoint again.
func (j *Journal) resign(ctx context.Context, signers []note.Signer) error {
	var head Head
	err := j.c.Store.Update(ctx, j.c.Origin, func(tx Tx) error {
		old, err := tx.Head()
		if err != nil || old.Size == 0 {
			return err
		}
		if err := j.Held(); err != nil {
			return err
		}
		if err := j.checkSeen(tx, old); err != nil {
			return err
		}
		if head, err = sign(old.Origin, old.Size, old.Root, signers...); err != nil {
			return err
		}
		return tx.PutHead(head)
	})
	if err != nil {
		return fmt.Errorf("sign the newest checkpoint of %s with other keys: %w", j.c.Origin, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if head.Size > 0 && j.head.Size == head.Size && j.head.Root == head.Root {
		j.head = head
		close(j.changed)
		j.changed = make(chan struct{})
	}
	return nil
}
