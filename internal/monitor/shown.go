package monitor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
)

// Shown compares signed checkpoints of the journal that came by another way,
// for example to our witness, with the copy and with each other. If they
// prove that the journal contradicts itself, the copy is frozen as if Poll had
// found it, unless that is settled, and the error is a *ForkError. Another error
// means that nothing is proven. It may ask the peer for tiles.
func (m *Monitor) Shown(ctx context.Context, notes ...[]byte) error {
	if err := m.takeTurn(ctx); err != nil {
		return err
	}
	defer m.endTurn()
	r := &round{Monitor: m, ctx: ctx}
	if err := r.begin(); err != nil {
		return err
	}
	err := r.shown(notes)
	if isFork(err) {
		return r.remember(err)
	}
	return err
}

// Reaches returns the head of the copy if that holds all that signed checkpoints
// speak of, which came by another way. They are compared with it as Shown does; what
// the journal has not signed is passed over. An error says also that the copy ends
// before one of them.
func (m *Monitor) Reaches(ctx context.Context, notes ...[]byte) (journal.Head, error) {
	if err := m.takeTurn(ctx); err != nil {
		return journal.Head{}, err
	}
	defer m.endTurn()
	r := &round{Monitor: m, ctx: ctx}
	if err := r.begin(); err != nil {
		return journal.Head{}, err
	}
	var signed [][]byte
	var short error
	for _, n := range notes {
		cp, err := r.parseUnder(n, r.keys.honest)
		if err != nil {
			continue
		}
		signed = append(signed, n)
		if cp.Size > r.head.Size {
			short = fmt.Errorf("%d entries of it are kept here, and %d were signed", r.head.Size, cp.Size)
		}
	}
	err := r.shown(signed)
	if isFork(err) {
		return journal.Head{}, r.remember(err)
	}
	if short != nil {
		err = short // what else there is may come from that
	}
	return r.head, err
}

// shown compares each with the others and the copy: what is settled of one says
// nothing of the next.
func (r *round) shown(notes [][]byte) error {
	var seen []Claim
	var errs []error
	for _, n := range notes {
		cp, err := r.parseUnder(n, r.keys.honest) // our witness may keep one from before a rotation
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, other := range seen {
			if other.Size == cp.Size && other.Root != cp.Root {
				err, settled := r.settled(r.fork(cp.Size, Side{Checkpoint: string(other.Note)}, Side{Checkpoint: string(cp.Note)}))
				if !settled {
					return err
				}
			}
		}
		seen = append(seen, cp)
	}
	for _, cp := range seen {
		err, settled := r.settled(r.contradiction(cp))
		if err == nil && !settled && cp.Size > r.head.Size && r.head.Size > 0 {
			err, _ = r.settled(r.behind(cp))
		}
		if isFork(err) {
			return err
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// behind compares the copy with a larger checkpoint, by the peer's own hashes.
func (r *round) behind(cp Claim) error {
	step, err := r.tiles(cp).step(cp.Size, r.head.Size)
	if err != nil || step.Root == r.head.Root {
		return err
	}
	ours, err := r.sideOfCopy(r.head.Size)
	if err != nil {
		return err
	}
	return r.fork(r.head.Size, ours, Side{Checkpoint: string(cp.Note), Steps: []Step{step}})
}

// Accept freezes a journal on evidence that somebody else found and published
// in the act told. It is checked first with the journal's keys that were not
// revoked: whoever carries it, two checkpoints that they signed and that
// contradict each other prove the same to everybody.
func Accept(ctx context.Context, s Store, log []note.Verifier, e *Evidence, told comity.ActName, now time.Time) error {
	if err := e.Verify(log...); err != nil {
		return err
	}
	return s.Freeze(ctx, Frozen{Evidence: *e, Since: now.UTC(), Told: told})
}
