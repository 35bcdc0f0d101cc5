package monitor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
)

// Parting is where the copy of a journal, whose newest entries nobody vouches
// for but who had a key that counts no more, and the journal that its
// organization shows now go different ways.
type Parting struct {
	Size   int64        // entries that both have
	Root   tlog.Hash    // of those
	Copy   journal.Head // as it is here; larger than Size
	Signed []byte       // the checkpoint that tied the copy to the journal
	Theirs Claim        // what the organization shows, under a key in force; larger than Size

	proof tlog.TreeProof // that Theirs starts with the first Size entries
}

// Errors of Part.
var (
	// ErrTogether: what the organization shows does not contradict the copy.
	ErrTogether = errors.New("what it shows does not contradict the copy here")
	// ErrVouched: the copy is signed by a key that was not revoked. Then the two
	// are a fork, and the organization answers for both.
	ErrVouched = errors.New("the copy here is signed by a key that counts")
)

// Part asks the organization for its checkpoint, and finds where the copy and
// its journal part, by its own hashes. The copy may be frozen. Nothing is
// changed but that keys are learnt.
func (m *Monitor) Part(ctx context.Context) (Parting, error) {
	if err := m.takeTurn(ctx); err != nil {
		return Parting{}, err
	}
	defer m.endTurn()
	r := &round{Monitor: m, ctx: ctx}
	if err := r.begin(); err != nil && !isFork(err) {
		return Parting{}, err
	}
	cp, err := r.fetchCheckpoint()
	if err != nil {
		return Parting{}, err
	}
	if r.head.Size == 0 {
		return Parting{}, ErrTogether
	}
	ours, err := r.sideOfCopy(r.head.Size)
	if err != nil {
		return Parting{}, err
	}
	if peer.SignedBy([]byte(ours.Checkpoint), r.keys.honest) != nil {
		return Parting{}, ErrVouched
	}
	p := Parting{Copy: r.head, Signed: []byte(ours.Checkpoint), Theirs: cp}
	tiles := r.tiles(cp)
	same := func(n int64) (Step, bool, error) {
		s := Step{Size: n, Root: cp.Root}
		if n < cp.Size {
			if s, err = tiles.step(cp.Size, n); err != nil {
				return s, false, err
			}
		}
		root, err := r.head.RootAt(ctx, r.c.Journal, n)
		return s, root == s.Root, err
	}
	differ := min(cp.Size, r.head.Size)
	if differ > 0 {
		if _, ok, err := same(differ); err != nil || ok {
			return Parting{}, errors.Join(err, ErrTogether)
		}
	}
	for p.Size+1 < differ { // the first Size are the same, the first differ are not
		at := p.Size + (differ-p.Size)/2
		s, ok, err := same(at)
		switch {
		case err != nil:
			return Parting{}, err
		case ok:
			p.Size, p.Root, p.proof = at, s.Root, s.Proof
		default:
			differ = at
		}
	}
	if p.Size == 0 {
		p.Root, err = tlog.TreeHash(0, nil)
	}
	return p, err
}

// after is what is known of the journal once the copy ends where they part.
func (p Parting) after() State {
	st := State{Origin: p.Copy.Origin, Advertised: p.Theirs.Size, Claim: &p.Theirs}
	if p.Size > 0 {
		st.Anchors = []Anchor{{Size: p.Size, Root: p.Root, Proof: p.proof, Note: p.Theirs.Note}}
	}
	return st
}

// Dropping gives up the entries of a copy from where it parts from the journal.
type Dropping struct {
	Parting
	Dropped
	After   State // of the journal
	Witness bool  // our witness remembers what is given up: it is to remember Theirs instead
}

// Dropped says that entries of a copy were given up, and who decided that. They
// are kept apart, as evidence.
type Dropped struct {
	Origin comity.Origin
	First  int64          // entries First to Size-1
	Size   int64          // of the copy then
	Signed []byte         // the checkpoint that had tied them to the journal
	Theirs []byte         // the organization's, that contradicts it
	At     time.Time      // real time
	By     string         // who decided it
	Why    string         // in their words
	Act    comity.ActName // ours that says so
}

// Entries that were given up.
func (d Dropped) Entries() int { return int(d.Size - d.First) }

// Drop makes a Dropping of a parting.
func (p Parting) Drop(at time.Time, by, why string, act comity.ActName) Dropping {
	return Dropping{Parting: p, After: p.after(), Dropped: Dropped{Origin: p.Copy.Origin, First: p.Size, Size: p.Copy.Size, Signed: p.Signed,
		Theirs: p.Theirs.Note, At: at.UTC(), By: by, Why: why, Act: act}}
}

func (p Parting) String() string {
	return fmt.Sprintf("entries %d to %d of the copy of %s", p.Size, p.Copy.Size-1, p.Copy.Origin)
}
