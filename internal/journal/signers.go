package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

// SetSigners makes other keys sign the journal from now on, the newest first,
// and gives the newest checkpoint their signatures: a follower that no longer
// knows the old key must find one that it knows although nothing is appended.
// While the journal may not sign, that waits until it may; after an error it is
// tried again.
func (j *Journal) SetSigners(ctx context.Context, signers ...note.Signer) error {
	if len(signers) == 0 {
		return errors.New("journal: no key to sign with")
	}
	for _, s := range signers {
		if s.Name() != string(j.c.Origin) {
			return fmt.Errorf("journal %s: the key belongs to %q", j.c.Origin, s.Name())
		}
	}
	j.mu.Lock()
	j.signers.Store(&signers)
	j.guard.resign, j.guard.only = true, 0
	j.mu.Unlock()
	err := j.resign(ctx)
	if errors.Is(err, errHeld) {
		return nil
	}
	if err != nil {
		j.look()
	}
	return err
}

// SignAgain has the newest checkpoint signed again that this journal knows of, if it
// lacks the signature of a key in use: another process may have signed it that did
// not know of these keys yet. It is to be called when they are known to be those that
// are to sign this checkpoint. It waits for nothing, and leaves a newer one alone.
func (j *Journal) SignAgain() {
	j.mu.Lock()
	h := j.head
	owed := len(h.Note) > 0 && !j.guard.resign && !signed(h.Note, *j.signers.Load())
	if owed {
		j.guard.resign, j.guard.only = true, h.Size
	}
	j.mu.Unlock()
	if owed {
		j.look()
	}
}

// signOwed signs the newest checkpoint again if it lacks the signatures of the
// keys in use, and reports whether it has them.
func (j *Journal) signOwed() bool {
	j.mu.Lock()
	owed := j.guard.resign
	j.mu.Unlock()
	if !owed {
		return true
	}
	err := j.resign(j.life)
	if err != nil && j.life.Err() == nil {
		j.c.Logger.WarnContext(j.ctx, "the newest checkpoint was not signed again", "err", err)
	}
	return err == nil
}

// resign signs the newest checkpoint again. The error is errHeld if the journal
// may not sign.
func (j *Journal) resign(ctx context.Context) error {
	var head Head
	var by *[]note.Signer
	j.mu.Lock()
	only := j.guard.only
	j.mu.Unlock()
	err := j.c.Store.Update(ctx, j.c.Origin, func(tx Tx) error {
		by = j.signers.Load()
		old, err := tx.Head()
		if err != nil || old.Size == 0 || only != 0 && old.Size != only {
			return err
		}
		if j.doubtful() {
			return errHeld
		}
		if err := j.checkSeen(tx, old); err != nil {
			return err
		}
		if head, err = sign(old.Origin, old.Size, old.Root, *by...); err != nil {
			return err
		}
		return tx.PutHead(head)
	})
	if err != nil {
		return fmt.Errorf("sign the newest checkpoint of %s with other keys: %w", j.c.Origin, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.signers.Load() == by {
		j.guard.resign, j.guard.only = false, 0
	}
	switch {
	case head.Size > j.head.Size:
		j.resigned = head // the append that it is the head of has yet to tell of it: see advance
	case head.Size > 0 && head.Size == j.head.Size && head.Root == j.head.Root:
		j.head = head
		close(j.changed)
		j.changed = make(chan struct{})
	}
	return nil
}

// signed reports whether a checkpoint names a signature of every key.
func signed(checkpoint []byte, keys []note.Signer) bool {
	_, err := note.Open(checkpoint, note.VerifierList())
	var e *note.UnverifiedNoteError
	return errors.As(err, &e) && !slices.ContainsFunc(keys, func(k note.Signer) bool {
		return !slices.ContainsFunc(e.Note.UnverifiedSigs, func(s note.Signature) bool { return s.Name == k.Name() && s.Hash == k.KeyHash() })
	})
}
