package node

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/keys"
)

// watchEvidence makes known what was found here, and looks at what others
// published, until ctx ends. See doc/decisions/0013.
func (n *Node) watchEvidence(ctx context.Context) {
	w := &evidenceWatch{n: n, done: map[doneKey]bool{}, tries: map[comity.ActName]*fileTry{}}
	t := time.NewTicker(n.c.Poll)
	defer t.Stop()
	for {
		if err := w.round(ctx); err != nil && ctx.Err() == nil {
			n.log.WarnContext(ctx, "look at evidence", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// evidenceWatch remembers what need not be looked at again.
type evidenceWatch struct {
	n     *Node
	done  map[doneKey]bool
	tries map[comity.ActName]*fileTry
}

// doneKey is an evidence act, or a file of our own, checked under a key.
type doneKey struct {
	act   comity.ActName
	proof comity.Hash
	key   string
}

// fileTry is when the file of an evidence act is asked for again.
type fileTry struct {
	back peer.Backoff
	next time.Time
}

func (w *evidenceWatch) round(ctx context.Context) error {
	var errs []error
	for _, l := range w.n.all() {
		// What is stored, whichever process found it, and though the peer is paused.
		st, err := w.n.recallLink(ctx, l)
		if err == nil && st.Frozen != nil && st.Frozen.Told.IsZero() { // else others know already
			err = w.publish(ctx, l, st.Frozen)
		}
		errs = append(errs, err)
	}
	acts, err := w.n.Desk.EvidenceActs(ctx)
	if err != nil {
		return err
	}
	for _, e := range acts {
		if e.Act.Domain != w.n.Self.Domain {
			errs = append(errs, w.look(ctx, e))
		}
	}
	return errors.Join(errs...)
}

// publish issues our act about a fork that was found here.
func (w *evidenceWatch) publish(ctx context.Context, l *link, f *monitor.Frozen) error {
	k := doneKey{proof: sha256.Sum256(f.File())}
	if w.done[k] {
		return nil
	}
	name, err := w.n.Desk.Publish(ctx, &f.Evidence)
	if err != nil {
		return fmt.Errorf("publish the evidence against %s: %w", l.peer.Domain, err)
	}
	w.done[k] = true
	w.n.log.InfoContext(ctx, "the evidence of a fork is published", "against", string(l.peer.Domain), "act", name.String())
	return nil
}

// look fetches the file of another's evidence act, and freezes the accused
// journal if the file proves that.
func (w *evidenceWatch) look(ctx context.Context, e desk.Evidence) error {
	accused, known := w.n.link(e.Against)
	k := doneKey{act: e.Act}
	if known {
		k.key = accused.peer.LogKey + accused.peer.History // what did not verify may do so with other keys
	}
	if w.done[k] {
		return nil
	}
	e, err := w.n.Desk.Examine(ctx, e)
	if err != nil {
		return err
	}
	if !e.Here {
		if there, err := w.fetch(ctx, e); err != nil || !there {
			return err
		}
		if e, err = w.n.Desk.Examine(ctx, e); err != nil {
			return err
		}
	}
	if e.Verified && known {
		if err := w.accept(ctx, accused, e); err != nil {
			return err
		}
	}
	if !e.Verified {
		w.n.log.WarnContext(ctx, "published evidence could not be verified here", "act", e.Act.String(), "against", string(e.Against), "why", e.Why)
	}
	w.done[k] = e.Here
	return nil
}

func (w *evidenceWatch) accept(ctx context.Context, accused *link, e desk.Evidence) error {
	vs, err := accused.peer.Honest(keys.Log)
	if err != nil {
		return err
	}
	followed := w.n.store.Followed()
	past, err := followed.PastForks(ctx, accused.peer.Origin())
	if err != nil {
		return err
	}
	if slices.ContainsFunc(past, func(p monitor.Unfrozen) bool { return e.Pos <= p.Held }) {
		return nil // whoever ended that freeze knew of it
	}
	if settled, err := monitor.Settled(ctx, followed, w.n.journals, e.Found); settled || err != nil {
		return err
	}
	if err := monitor.Accept(ctx, followed, vs, e.Found, e.Act, time.Now()); err != nil {
		return err
	}
	accused.follower.Wake()
	return w.n.recall(ctx, accused.peer.Origin()) // another process may follow it
}

// fetch asks the issuer of an evidence act for its file; false if it is not
// here yet. Whether it proves anything is not looked at: it is what the act
// names.
func (w *evidenceWatch) fetch(ctx context.Context, e desk.Evidence) (bool, error) {
	issuer, ok := w.n.link(e.Act.Domain)
	if !ok {
		return false, nil
	}
	t := w.tries[e.Act]
	if t == nil {
		t = &fileTry{back: peer.Backoff{Rand: w.n.c.Rand}}
		w.tries[e.Act] = t
	}
	if time.Now().Before(t.next) {
		return false, nil
	}
	file, err := issuer.client.Get(ctx, "/journal/blob/"+e.Proof.String(), monitor.MaxEvidence)
	if err == nil && sha256.Sum256(file) != e.Proof {
		err = errors.New("other bytes than the act names")
	}
	if err != nil {
		t.next = time.Now().Add(t.back.Fail(peer.RetryAfterOf(err)))
		return false, fmt.Errorf("fetch the evidence file of %s: %w", e.Act, err)
	}
	if _, err := w.n.blobs.Put(ctx, file); err != nil {
		return false, err
	}
	delete(w.tries, e.Act)
	return true, nil
}

// contradicted is told by our witness of a signed checkpoint that it refused
// because it does not extend the one that it cosigned. That proves nothing by
// itself; what it proves together with our copy, in the background, freezes it.
func (n *Node) contradicted(kept witness.State, signed []byte) {
	d, err := kept.Origin.Domain()
	if err != nil {
		return
	}
	l, ok := n.link(d)
	n.mu.Lock()
	on := n.running
	n.mu.Unlock()
	if !ok || on == nil || on.Err() != nil || !l.shown.TryLock() { // one at a time: anybody may send it again
		return
	}
	n.done.Go(func() {
		defer l.shown.Unlock()
		err := l.monitor.Shown(on, kept.Note, signed)
		var fork *monitor.ForkError
		switch {
		case errors.As(err, &fork):
			l.follower.Wake()
			if err := n.recall(on, kept.Origin); err != nil && on.Err() == nil { // another process may follow it
				n.log.WarnContext(on, "read what was stored of a journal that froze", "origin", string(kept.Origin), "err", err)
			}
		case err != nil && on.Err() == nil:
			n.log.WarnContext(on, "a checkpoint that our witness refused proves nothing so far", "origin", string(kept.Origin), "err", err)
		}
	})
}
