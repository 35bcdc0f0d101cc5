package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Two files in a folder say what cannot be told from an empty or old database, and
// would make the difference between going on and signing a second past.
const (
	// freshFile: the keys were made here and have signed nothing. Without it an empty
	// journal is one that was lost, and is put back, never begun.
	freshFile = "unfounded"
	// restoredFile: the record came from a backup, and since then nobody has said what
	// was recorded after it.
	restoredFile = "restored"
)

func (f *Folder) marked(name string) bool {
	_, err := os.Lstat(filepath.Join(f.Dir, name))
	return err == nil
}

// mark writes such a file, durably; text says to people what it means.
func mark(dir, name, text string) error {
	path := filepath.Join(dir, name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errors.Join(writeNew(path, []byte(text+"\n")), syncFolder(dir))
}

func (f *Folder) unmark(name string) error {
	if err := os.Remove(filepath.Join(f.Dir, name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// errLost: an empty journal is not begun.
var errLost = errors.New("the journal is empty here, and these keys were used before: it is put back from those who keep copies, and never begun anew. " +
	"Follow one of them with \"comity follow\", until this ends; a journal that nobody has is begun with other keys, by \"comity init\"")

// putBack waits until an empty journal was put back.
func (n *Node) putBack(ctx context.Context) error {
	for end := time.Now().Add(2 * askTimeout); ; {
		switch held := n.journal.Held(); {
		case n.ledger.Size(n.Self.Domain) > 0:
			return nil
		case held == nil: // they know of none
			return errLost
		case time.Now().After(end):
			return fmt.Errorf("%w (%w)", errLost, held)
		}
		if !pause(ctx, 10*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// unheard says of a restored record why it is not gone on with, if nobody could say
// what was recorded after the backup: because the backup has no organization pinned
// that keeps a copy.
func (r *recovery) unheard(seen bool) error {
	if seen || r.waived || !r.n.Folder.marked(restoredFile) {
		return nil
	}
	return fmt.Errorf("the record was restored from a backup, and no organization that is pinned in it knows this journal: "+
		"pin those that keep a copy of it with \"comity follow\"; if there is none, and nothing was recorded since the backup, start with --without-quorum and the reason, or remove %s",
		filepath.Join(r.n.Folder.Dir, restoredFile))
}

// heardAfterRestore takes note that it was said what was recorded since the backup.
func (r *recovery) heardAfterRestore(ctx context.Context) {
	if err := r.n.Folder.unmark(restoredFile); err != nil {
		r.n.log.WarnContext(ctx, "remove the mark of a restored record", "err", err)
	}
}
