package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/comity/comity/internal/journal"
)

// Two files in a folder say what cannot be told from an empty or old database, and
// would make the difference between going on and signing a second past.
const (
	// freshFile: the keys were made here and have signed nothing. Without it an empty
	// journal is one that was lost, and is put back, never begun.
	freshFile = "unfounded"
	// restoredFile: the record came from a backup, and nothing was signed since: it may
	// be that nobody has been asked who knows what was recorded after it.
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
	err := os.Remove(filepath.Join(f.Dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncFolder(f.Dir)
	}
	return err
}

// errLost: an empty journal is not begun.
var errLost = errors.New("the journal is empty here, and these keys were used before: it is put back from those who keep copies, and never begun anew. " +
	"Follow one of them with \"comity follow\", until this ends. If nobody has it, begin with other keys, by \"comity init\" in another folder; " +
	"or, if you are certain that these have never signed anything, make an empty file \"" + freshFile + "\" in the folder")

// begin founds an empty journal under keys that have signed nothing, and waits until
// any other was put back.
func (n *Node) begin(ctx context.Context) error {
	if n.journal.Head().Size == 0 {
		begin := n.found
		if !n.Folder.marked(freshFile) {
			begin = n.putBack
		}
		if err := begin(ctx); err != nil {
			return err
		}
	}
	return n.Folder.unmark(freshFile)
}

func (n *Node) found(ctx context.Context) error {
	_, err := n.Desk.Found(ctx, n.Folder.Keys.Effect())
	held := errors.As(err, new(*journal.HeldError)) || errors.As(err, new(*journal.BehindError))
	switch {
	case err == nil, held && n.ledger.Size(n.Self.Domain) > 0: // it has been put back meanwhile
		return nil
	case held:
		return fmt.Errorf("the journal is empty here, and is not begun before the pinned peers have said that they know of none: "+
			"start the node again when they answer; a peer that pinned other keys of %s must first pin these: %w", n.Self.Domain, err)
	}
	return fmt.Errorf("found the journal: %w", err)
}

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
	if seen || !r.n.Folder.marked(restoredFile) {
		return nil
	}
	err := errors.New("the record was restored from a backup, and no organization that is pinned in it has all of it, so none can say what was recorded since: " +
		"wait until one that keeps a copy has read it, or pin one with \"comity follow\"; if there is none, and nothing was recorded since the backup, start with --without-quorum and the reason")
	if !r.waived {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.short = cmp.Or(r.short, err) // it is put on the record
	return nil
}

// goesOn takes note that the journal goes on after a restore: of what is recorded
// now everybody will know.
func (r *recovery) goesOn() {
	if r.n.journal.Held() != nil {
		return
	}
	if err := r.n.Folder.unmark(restoredFile); err != nil {
		r.n.log.Warn("remove the mark of a restored record", "err", err)
	}
}
