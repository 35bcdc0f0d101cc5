package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/witness"
)

// restoredWitnessFile says under which key a witness was restored from a backup, and
// remembers of other journals what the backup does.
const restoredWitnessFile = "restored-witness"

// witnessKeys are those of witness and mirror in the folder, a line each: it is not known
// yet which are in force.
func (f *Folder) witnessKeys() (string, error) {
	p, err := f.private()
	return strings.Join(slices.Sorted(maps.Keys(p.cosigner)), "\n"), err
}

// markRestoredWitness writes the file. The database says it, too, to the processes that
// have other folders: see WitnessStates.SetBehind.
func (f *Folder) markRestoredWitness(all string) error {
	return mark(f.Dir, restoredWitnessFile, all+"\nThe witness of one of these keys was restored from a backup. The node removes this once it knows what others have seen.")
}

// renewal keeps a witness that was restored from cosigning another past of a journal
// than the one that it cosigned after the backup was made. What that was it cannot
// know; but so far the other organizations were shown the same. So of each journal it
// first asks them what they have cosigned and keep of it, waits until the copy here
// has grown over all that, and cosigns the copy's head. From there on it goes by what
// it remembers.
type renewal struct {
	n *Node

	mu     sync.Mutex
	active bool
	done   map[comity.Origin]bool
	why    map[comity.Origin]string // of those that are not
}

// openRenewal finds out whether there is anything to be renewed: not if the witness
// was given another key since.
func (n *Node) openRenewal(ctx context.Context) error {
	n.renewal.n = n
	text, err := os.ReadFile(filepath.Join(n.Folder.Dir, restoredWitnessFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	behind, err := n.store.WitnessStates().Behind(ctx)
	if err != nil {
		return err
	}
	n.renewal.active = strings.Contains(string(text)+behind, n.Folder.Keys.Witness.Verifier().String())
	n.renewal.done, n.renewal.why = map[comity.Origin]bool{}, map[comity.Origin]string{}
	return nil
}

// hold is the witness's Hold. Of logs that are no peers there is no copy here, and
// nobody to ask.
func (r *renewal) hold(ctx context.Context, o comity.Origin) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.active || r.done[o] {
		return nil
	}
	d, err := o.Domain()
	if err != nil {
		return nil
	}
	if _, err := r.n.roster.Peer(ctx, d); errors.Is(err, peer.ErrUnknown) {
		return nil
	}
	return errors.New("this witness was restored from a backup, and first asks others what it may have cosigned since; try again later")
}

// run renews what it can until that is all.
func (r *renewal) run(ctx context.Context) {
	if !r.active { // the witness may have been given another key
		if err := r.n.Folder.unmark(restoredWitnessFile); err != nil {
			r.n.log.WarnContext(ctx, "remove the mark of a restored witness", "err", err)
		}
		return
	}
	for {
		peers, err := r.n.roster.Peers(ctx)
		left := 0
		for _, p := range peers {
			if r.hold(ctx, p.Origin()) != nil && !r.ended(ctx, p.Origin(), r.renew(ctx, p, peers)) {
				left++
			}
		}
		if err == nil && left == 0 {
			if err = r.n.store.WitnessStates().SetBehind(ctx, ""); err == nil {
				err = r.n.Folder.unmark(restoredWitnessFile)
			}
			if err == nil {
				r.mu.Lock()
				r.active = false
				r.mu.Unlock()
				return
			}
		}
		if err != nil && ctx.Err() == nil {
			r.n.log.WarnContext(ctx, "renew what the restored witness remembers", "err", err)
		}
		if !pause(ctx, r.n.c.Poll) {
			return
		}
	}
}

// ended notes how it went with a journal, and reports whether it is cosigned again.
func (r *renewal) ended(ctx context.Context, o comity.Origin, err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.done[o] = true
		delete(r.why, o)
		r.n.log.InfoContext(ctx, "the restored witness cosigns a journal again", "origin", string(o))
		return true
	}
	if why := err.Error(); why != r.why[o] && ctx.Err() == nil {
		r.why[o] = why
		r.n.log.WarnContext(ctx, "the restored witness does not cosign a journal yet", "origin", string(o), "why", why)
	}
	return false
}

// renew asks the others about the journal of p, and cosigns what is here of it if that
// is as much as they know.
func (r *renewal) renew(ctx context.Context, p peer.Peer, all []peer.Peer) error {
	l, ok := r.n.link(p.Domain)
	if !ok {
		return errors.New("it is not followed yet")
	}
	shown, err := r.ask(ctx, p, all)
	if err != nil {
		return err
	}
	head, err := l.monitor.Reaches(ctx, shown...)
	if err != nil {
		return err
	}
	kept, err := r.n.store.WitnessStates().State(ctx, p.Origin())
	if err != nil || kept.Size >= head.Size {
		return err
	}
	if len(head.Note) == 0 {
		return errors.New("the copy of it has not come to a checkpoint yet")
	}
	var proof tlog.TreeProof
	if kept.Size > 0 {
		if proof, err = tlog.ProveTree(head.Size, kept.Size, journal.HashReader(ctx, r.n.journals, p.Origin())); err != nil {
			return fmt.Errorf("proving what the witness remembers: %w", err)
		}
	}
	_, err = r.n.witness.Resume(ctx, witness.FormatRequest(kept.Size, proof, head.Note))
	return err
}

// ask returns what the journal's own node shows of it, and what the others have
// cosigned and keep of it. More than half of the others must have answered.
func (r *renewal) ask(ctx context.Context, p peer.Peer, all []peer.Peer) (shown [][]byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	type answer struct {
		shown [][]byte
		err   error
	}
	answers := make(chan answer, len(all))
	others := 0
	for _, q := range all {
		paths := []string{"/journal/checkpoint"}
		if q.Domain != p.Domain {
			paths = []string{"/journal/witness/" + p.Origin().Hash() + "/checkpoint", monitor.MirrorPath(p.Origin(), "checkpoint")}
			others++
		}
		go func() {
			a := answer{}
			a.shown, a.err = r.n.checkpointsAt(ctx, q, paths)
			if q.Domain == p.Domain {
				a.err = nil // who rests, or is away, asks for nothing
			}
			answers <- a
		}()
	}
	var silent []error
	for range all {
		a := <-answers
		shown = append(shown, a.shown...)
		if a.err != nil {
			silent = append(silent, a.err)
		}
	}
	if heard := others - len(silent); others > 0 && 2*heard <= others {
		return nil, fmt.Errorf("%d of %d other organizations have said what they know of it, and more than half are needed: %w", heard, others, errors.Join(silent...))
	}
	return shown, nil
}

// checkpointsAt fetches checkpoints from a peer; one that it does not have is left out.
func (n *Node) checkpointsAt(ctx context.Context, q peer.Peer, paths []string) (out [][]byte, err error) {
	client, err := q.Client(peer.Config{UserAgent: "comity/" + n.c.Version, Transport: n.c.Transport})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	for _, path := range paths {
		body, err := client.Get(ctx, path, peer.MaxCheckpoint)
		switch {
		case err == nil:
			out = append(out, body)
		case peer.StatusOf(err) != http.StatusNotFound:
			return out, fmt.Errorf("%s: %w", q.Domain, err)
		}
	}
	return out, nil
}
