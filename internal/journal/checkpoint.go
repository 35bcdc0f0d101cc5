package journal

import (
	"context"
	"fmt"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
)

// sign makes the head of a log: a checkpoint of the tree under the origin's
// signature. See https://c2sp.org/tlog-checkpoint.
func sign(o comity.Origin, size int64, root tlog.Hash, signers ...note.Signer) (Head, error) {
	text := torchwood.Checkpoint{Origin: string(o), Tree: tlog.Tree{N: size, Hash: root}}.String()
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		return Head{}, fmt.Errorf("sign the checkpoint of %s at size %d: %w", o, size, err)
	}
	return Head{Origin: o, Size: size, Root: root, Note: signed}, nil
}

// Check reports whether the head's checkpoint says what the head says, and
// carries a valid signature of one of the verifiers' keys.
func (h Head) Check(verifiers note.Verifiers) error {
	n, err := note.Open(h.Note, verifiers)
	if err != nil {
		return fmt.Errorf("checkpoint of %s at size %d: %w", h.Origin, h.Size, err)
	}
	c, err := torchwood.ParseCheckpoint(n.Text)
	if err != nil {
		return fmt.Errorf("checkpoint of %s at size %d: %w", h.Origin, h.Size, err)
	}
	if c.Origin != string(h.Origin) || c.N != h.Size || c.Hash != h.Root {
		return fmt.Errorf("checkpoint of %s at size %d with root %s: it is one of %q at size %d with root %s",
			h.Origin, h.Size, h.Root, c.Origin, c.N, c.Hash)
	}
	return nil
}

// Checkpoint returns a function that reads the newest committed checkpoint of
// a log, for [Handler]; ErrNotFound if there is none.
func Checkpoint(s Store, o comity.Origin) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		h, err := s.Head(ctx, o)
		if err != nil {
			return nil, err
		}
		if len(h.Note) == 0 {
			return nil, fmt.Errorf("checkpoint of %s: %w", o, ErrNotFound)
		}
		return h.Note, nil
	}
}
