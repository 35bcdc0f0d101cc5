package monitor

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/witness"
)

// What an origin pushes goes into the same copy, under the same checks and the
// same fork detection as what Poll fetches. The pending checkpoint of
// tlog-mirror is State.Claim while that is larger than the copy, else the
// copy's own head.

// maxRecent checkpoints that were pushed are remembered as possible ends of an
// upload, as long as the process lives.
const maxRecent = 8

// maxExcess is how many entries that are here already an upload may repeat.
const maxExcess = 2 * width

// pushed is what the follower learns of a push.
type pushed struct {
	progress Progress
	grew     bool      // it brought something
	look     bool      // there is something to fetch: blobs, or what a proof lacked
	fork     *Evidence // the push proved one
}

// MirrorTx is implemented by transactions of Config.Journal whose store is also
// Config.State and Config.Mirrors: then entries, head, state and mirror
// cosignature are durable together, in one commit. Other stores must take
// Change and PutMirror while a transaction of Config.Journal is open.
type MirrorTx interface {
	State(comity.Origin) (State, error)
	Wants(comity.Origin) (bool, error) // whether Config.Blobs.Missing returns any
	Change(comity.Origin, func(now State) State) error
	PutMirror(MirrorCheckpoint) error
}

// inTx finds the MirrorTx under tx.
func inTx(tx journal.Tx) (MirrorTx, bool) {
	for {
		if m, ok := tx.(MirrorTx); ok {
			return m, true
		}
		u, ok := tx.(interface{ Unwrap() journal.Tx })
		if !ok {
			return nil, false
		}
		tx = u.Unwrap()
	}
}

func refuse(status int, format string, args ...any) error {
	return &witness.Refusal{Status: status, Text: fmt.Sprintf(format, args...)}
}

// conflict is a refusal of add-entries with what the client should know.
type conflict struct {
	mirrorInfo
	why string
}

func (c *conflict) Error() string { return c.why }

// receive begins what is pushed; Monitor.store must be held until the round is
// no longer used.
func (m *Monitor) receive(ctx context.Context) (*round, error) {
	r := &round{Monitor: m, ctx: ctx}
	err := r.beginLocked()
	if !isFork(err) {
		return r, err
	}
	if r.saved.Frozen == nil {
		if _, err := r.freezes(err); err != nil {
			return nil, err
		}
	}
	return nil, refuse(http.StatusUnprocessableEntity, "%s contradicted itself; the copy is frozen and the evidence kept", m.origin)
}

// tell the follower.
func (m *Monitor) tell(p pushed) {
	if m.pushed != nil {
		m.pushed(p)
	}
}

// AddCheckpoint takes a checkpoint that was pushed, after tlog-mirror's
// add-checkpoint. A nil error means that it is durably the pending one. Other
// errors are *witness.Refusal, with the status to answer, or our own storage's.
func (m *Monitor) AddCheckpoint(ctx context.Context, old int64, proof tlog.TreeProof, signed []byte) error {
	m.store.Lock()
	defer m.store.Unlock()
	r, err := m.receive(ctx)
	if err != nil {
		return err
	}
	cp, err := r.lock(old, proof, signed)
	if err != nil {
		return err
	}
	switch {
	case cp.Size > r.head.Size && r.saved.Claim != nil && r.saved.Claim.Size == cp.Size: // it is kept already
	case cp.Size > r.head.Size:
		if err := r.putState(ctx); err != nil {
			return err
		}
		m.gen++
	case cp.Size > 0 && len(r.head.Note) == 0:
		m.gen++
		if err := r.sign(cp); err != nil {
			return err
		}
	}
	return nil
}

// pending is the checkpoint that the next one must extend; Note is nil if there
// has been none.
func (r *round) pending() Claim {
	if c := r.st.Claim; c != nil && c.Size > r.head.Size {
		return *c
	}
	return Claim{Size: r.head.Size, Root: r.head.Root, Note: r.head.Note}
}

// lock checks a checkpoint and makes it the pending one of the round.
func (r *round) lock(old int64, proof tlog.TreeProof, signed []byte) (Claim, error) {
	cp, err := r.parseCheckpoint(signed)
	switch peer.ReasonOf(err) {
	case "":
	case peer.OtherOrigin:
		return cp, refuse(http.StatusNotFound, "no journal of that origin is mirrored here")
	case peer.WrongKey:
		return cp, refuse(http.StatusForbidden, "the checkpoint has no valid signature of the key known for %s", r.origin)
	case peer.BadData:
		return cp, refuse(http.StatusUnprocessableEntity, "a checkpoint of size 0 must have the hash of the empty tree")
	default:
		return cp, refuse(http.StatusBadRequest, "what was sent is not a checkpoint")
	}
	forked, err := r.contradictionAtHand(cp)
	if err != nil {
		return cp, err
	}
	pending := r.pending()
	switch {
	case old > cp.Size:
		return cp, refuse(http.StatusBadRequest, "old size %d is larger than the checkpoint's %d", old, cp.Size)
	case old != pending.Size:
		return cp, &witness.Refusal{Status: http.StatusConflict, Size: pending.Size, Text: fmt.Sprintf("the mirror has size %d", pending.Size)}
	case forked:
		return cp, refuse(http.StatusUnprocessableEntity, "another checkpoint of size %d was signed before", cp.Size)
	case old == 0 && len(proof) > 0:
		return cp, refuse(http.StatusUnprocessableEntity, "a proof from size 0 must be empty")
	}
	if old > 0 {
		if err := tlog.CheckTree(proof, cp.Size, cp.Root, pending.Size, pending.Root); err != nil {
			r.tell(pushed{progress: r.p, look: true}) // a mistake, or a fork that the peer's tiles will show
			if err := r.keep(cp); err != nil {
				return cp, err
			}
			return cp, refuse(http.StatusUnprocessableEntity, "the proof does not show that size %d extends size %d", cp.Size, pending.Size)
		}
	}
	if cp.Size > r.head.Size {
		settled, err := r.inSettled(cp)
		switch {
		case err != nil:
			return cp, err
		case settled:
			return cp, refuse(http.StatusUnprocessableEntity, "that checkpoint stands in evidence that was settled; the journal itself has to show it")
		}
		r.st.raise(cp)
		r.recent = append(r.recent, cp)
		r.recent = r.recent[max(len(r.recent)-maxRecent, 0):]
	}
	return cp, nil
}

// contradictionAtHand is contradiction as far as it shows without the network.
// A fork is stored and freezes the copy.
func (r *round) contradictionAtHand(cp Claim) (bool, error) {
	var err error
	if cp.Size > r.head.Size {
		err = r.againstSameSize(cp, r.recent...)
	} else if cp.Size > 0 {
		err = r.againstCopy(cp)
	}
	return r.freezes(err)
}

// keep stores a checkpoint that could not be compared with what is here.
func (r *round) keep(cp Claim) error {
	if cp.Size <= r.head.Size || r.st.has(cp) {
		return nil
	}
	if settled, err := r.inSettled(cp); err != nil || settled {
		return err
	}
	r.st.doubt(cp)
	if err := r.putState(r.ctx); err != nil {
		return err
	}
	r.Monitor.gen++
	return nil
}

// freezes reports whether an error is a fork, which it stores if it is not settled.
func (r *round) freezes(err error) (bool, error) {
	err, settled := r.settled(err)
	var fork *ForkError
	if !errors.As(err, &fork) {
		return settled, err
	}
	r.c.Logger.ErrorContext(r.ctx, "monitor: a journal contradicts itself; the copy is frozen",
		"origin", r.origin, "size", fork.Evidence.Size)
	f := Frozen{Evidence: fork.Evidence, Since: r.c.Now().UTC()}
	if err := r.c.State.Freeze(context.WithoutCancel(r.ctx), f); err != nil {
		return true, fmt.Errorf("keeping the evidence against %s: %w", r.origin, err)
	}
	r.Monitor.gen++
	r.recent = nil
	r.tell(pushed{progress: r.p, fork: &fork.Evidence})
	return true, nil
}
