package monitor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/peer"
)

// State is what is known of one followed journal beside the copy itself.
type State struct {
	Origin     comity.Origin
	Advertised int64       // the largest size that the peer has shown, if larger than the copy
	Reason     peer.Reason // why the last round failed; "" if it did not
	Error      string      // the same for the log and the administrator
	Succeeded  time.Time   // when a round last went well; stored at most once a minute

	// Claim is the largest checkpoint that the peer has signed, as long as it
	// is larger than the copy. A later one must not contradict it.
	Claim *Claim

	// Unproven are other checkpoints that the peer has signed and that are larger
	// than the copy, by size: those of which it could not be seen, for want of the
	// peer's tiles, whether they go together with Claim. The copy is compared
	// with each when it grows over it.
	Unproven []Claim

	// Anchors tie the copy to signed checkpoints while its head is not one.
	Anchors []Anchor

	Ended int // freezes of the journal that were ended; counted, never put

	// Frozen is set once the peer was caught contradicting itself, until an
	// administrator unfreezes it. Only Freeze and Unfreeze change it.
	Frozen *Frozen
}

// Frozen is why and since when a copy no longer grows.
type Frozen struct {
	Evidence
	Since time.Time      `json:"since,omitzero"`
	Told  comity.ActName `json:"told,omitzero"` // the evidence act that told us; zero if it was seen here
}

// Unfrozen is a Frozen that is over. The evidence is kept.
type Unfrozen struct {
	Frozen
	End
}

// End of a freeze.
type End struct {
	At   time.Time
	By   string // who decided it
	Why  string // in their words
	Held int64  // up to which position of arrival published evidence is settled with it
}

// ErrNotFrozen: the journal is not frozen, so that nothing ends that.
var ErrNotFrozen = errors.New("that journal is not frozen")

// Claim is a validly signed checkpoint.
type Claim struct {
	Size int64     `json:"size"`
	Root tlog.Hash `json:"root"`
	Note []byte    `json:"note"`
}

func (c Claim) same(o Claim) bool { return c.Size == o.Size && c.Root == o.Root }

// maxUnproven are kept. Of more the smallest are: the copy comes to them first.
const maxUnproven = 8

// claims are the checkpoints that the copy was not compared with yet.
func (s *State) claims() []Claim {
	if s.Claim == nil {
		return s.Unproven
	}
	return append(slices.Clip(s.Unproven), *s.Claim)
}

func (s *State) has(c Claim) bool { return slices.ContainsFunc(s.claims(), c.same) }

// raise makes a checkpoint the Claim, which it was proven to extend.
func (s *State) raise(c Claim) {
	s.drop(c)
	s.Claim = &c
}

// doubt keeps a checkpoint that could not be compared with the Claim.
func (s *State) doubt(c Claim) {
	if s.has(c) {
		return
	}
	all := append(slices.Clip(s.Unproven), c)
	slices.SortStableFunc(all, func(a, b Claim) int { return cmp.Compare(a.Size, b.Size) })
	s.Unproven = all[:min(len(all), maxUnproven)]
}

// drop forgets a checkpoint that was compared.
func (s *State) drop(c Claim) {
	if s.Claim != nil && c.same(*s.Claim) {
		s.Claim = nil
	}
	s.Unproven = slices.DeleteFunc(slices.Clone(s.Unproven), c.same)
}

// learn takes over the claims and anchors that are stored now and were not when
// this round began with what was stored then.
func (s *State) learn(now, then State) {
	for _, c := range now.claims() {
		switch was := s.Claim; {
		case then.has(c), s.has(c):
		case was == nil:
			s.Claim = &c
		case c.Size > was.Size:
			s.Claim = &c
			s.doubt(*was)
		default:
			s.doubt(c)
		}
	}
	var theirs []Anchor
	for _, a := range now.Anchors {
		if !slices.ContainsFunc(s.Anchors, func(o Anchor) bool { return o.Size == a.Size && o.Root == a.Root }) {
			theirs = append(theirs, a)
		}
	}
	s.Anchors = append(theirs, s.Anchors...)
}

// Anchor proves that the signed checkpoint in Note starts with the Size
// entries of the copy whose root is Root.
type Anchor struct {
	Size  int64          `json:"size"`
	Root  tlog.Hash      `json:"root"`
	Proof tlog.TreeProof `json:"proof"` // RFC 6962 consistency proof
	Note  []byte         `json:"note"`
}

// worthStoring compares with what is stored. Times alone are stored once a
// minute, so that polling an idle peer writes nothing.
func (s State) worthStoring(saved State) bool {
	if s.Succeeded.Sub(saved.Succeeded) >= time.Minute {
		return true
	}
	s.Succeeded, saved.Succeeded = time.Time{}, time.Time{}
	a, err1 := json.Marshal(s)
	b, err2 := json.Marshal(saved)
	return err1 != nil || err2 != nil || string(a) != string(b)
}

// Store keeps a State per journal, and the blobs that could not be had.
// Implementations are safe for concurrent use; a nil error of a writing method
// means that the change is durable.
type Store interface {
	// State returns what is kept of o; a State with only Origin set if
	// nothing is.
	State(ctx context.Context, o comity.Origin) (State, error)

	// Change replaces what is kept of o, except for Frozen, by what fn makes of
	// it. Nobody else writes it meanwhile.
	Change(ctx context.Context, o comity.Origin, fn func(now State) State) error

	// Freeze keeps f as the State's Frozen of f.Origin, with
	// peer.Inconsistent as its Reason. If it has one already, nothing changes.
	Freeze(ctx context.Context, f Frozen) error

	// Unfreeze ends what freezes o and keeps it in the list that PastForks
	// returns; ErrNotFrozen if nothing does. The State's Claim and Unproven go
	// with it: they may stand on the side that was given up.
	Unfreeze(ctx context.Context, o comity.Origin, e End) error

	// PastForks returns what once froze o, in order.
	PastForks(ctx context.Context, o comity.Origin) ([]Unfrozen, error)

	// Faults returns the blobs of o that could not be had, by hash.
	Faults(ctx context.Context, o comity.Origin) ([]Fault, error)

	// PutFault adds or replaces one, by origin and hash.
	PutFault(ctx context.Context, f Fault) error

	// DropFault forgets one; nil if there is none.
	DropFault(ctx context.Context, o comity.Origin, h comity.Hash) error
}

// MirrorCheckpoint is the newest checkpoint up to which everything is kept
// here, signed by the journal's key and by our mirror key.
type MirrorCheckpoint struct {
	Origin comity.Origin
	Size   int64
	Note   []byte
	Signed time.Time // the time in the cosignature
}

// MirrorStore keeps a MirrorCheckpoint per journal. Implementations are safe
// for concurrent use; a nil error of PutMirror means that it is durable.
type MirrorStore interface {
	// Mirror returns the one of o; ErrNotMirrored if there is none.
	Mirror(ctx context.Context, o comity.Origin) (MirrorCheckpoint, error)

	// PutMirror replaces it by one of the same or a larger size; a smaller
	// one changes nothing and is no error.
	PutMirror(ctx context.Context, c MirrorCheckpoint) error
}

// ErrNotMirrored: no checkpoint of that journal is fully kept here.
var ErrNotMirrored = errors.New("no checkpoint of that journal is mirrored here yet")
