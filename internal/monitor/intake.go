package monitor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/subtree"
	"github.com/comity/comity/internal/witness"
)

// An intake takes the packages of one add-entries request.
type intake struct {
	m        *Monitor
	u        upload
	cp       Claim // of size u.End
	read     round // what was stored when it began
	recalled bool  // that was not read, but remembered
	at       int64 // the entry that the next package begins with

	packs  []pack
	leaves []tlog.Hash // the leaf hashes of their entries
	bytes  int64
	leafs  []tlog.Hash // leaf hashes of the block that at stands in, before at
	tail   tail        // of the last package
}

// tail is the block that an upload ended with so far.
type tail struct {
	start int64
	hash  tlog.Hash
	proof []tlog.Hash
}

// intake checks the beginning of an add-entries request. Errors are *conflict,
// *witness.Refusal, or our own storage's.
func (m *Monitor) intake(ctx context.Context, u upload) (*intake, error) {
	m.store.Lock()
	defer m.store.Unlock()
	if r := m.recall(ctx, u); r != nil {
		recent := m.recent
		in, err := m.intakeAt(r, u)
		if err == nil {
			in.recalled = true
			return in, nil
		}
		m.recent = recent // something else may be stored by now, of which it is no mistake
	}
	r, err := m.receive(ctx)
	if err != nil {
		return nil, err
	}
	return m.intakeAt(r, u)
}

// memory is what the last push left in the store.
type memory struct {
	state State
	head  journal.Head
	gen   int64 // Monitor.gen after it
}

// recall begins what is pushed as receive does, without reading the store: with
// what the last push left there, if u goes on just behind that and there is
// nothing to compare its checkpoint with. Otherwise it returns nil. Whether the
// store is still as it was left, the transaction will show.
func (m *Monitor) recall(ctx context.Context, u upload) *round {
	l := m.left
	if l == nil || l.gen != m.gen || u.Start != l.head.Size || u.End <= u.Start ||
		slices.ContainsFunc(m.recent, func(c Claim) bool { return c.Size > l.head.Size }) {
		return nil
	}
	r := &round{Monitor: m, ctx: ctx, saved: l.state, st: l.state, head: l.head, gen: m.gen}
	r.p.Size, r.p.Advertised = r.head.Size, max(r.saved.Advertised, r.head.Size)
	return r
}

// intakeAt is intake with what is stored.
func (m *Monitor) intakeAt(r *round, u upload) (*intake, error) {
	in := &intake{m: m, u: u, read: *r, at: u.Start}
	if body, ok := u.asCheckpoint(); ok {
		if err := in.checkpoint(r, body); err != nil {
			return nil, err
		}
	}
	pending := r.pending()
	if pending.Note == nil && r.st.Claim == nil {
		return nil, refuse(http.StatusUnprocessableEntity, "no checkpoint of %s was received yet", m.origin)
	}
	if in.cp.Note == nil {
		in.cp = r.known(u.End)
	}
	info := mirrorInfo{Size: pending.Size, Next: r.head.Size, Ticket: []byte(ourTicket)}
	switch {
	case in.cp.Note == nil:
		return nil, &conflict{info, fmt.Sprintf("no checkpoint of size %d is pending", u.End)}
	case u.Start > r.head.Size:
		info.Size = u.End
		return nil, &conflict{info, fmt.Sprintf("entry %d comes next", r.head.Size)}
	case min(u.End, r.head.Size)-u.Start > maxExcess:
		info.Size = u.End
		return nil, &conflict{info, fmt.Sprintf("entries up to %d are here already", r.head.Size)}
	}
	return in, in.fillBlock(r)
}

// checkpoint takes the add-checkpoint request that came as a ticket. What is
// wrong with it shows as a conflict, as if it had not come; a fork counts.
func (in *intake) checkpoint(r *round, body []byte) error {
	old, proof, signed, err := witness.ParseRequest(body)
	if err != nil {
		return nil
	}
	cp, err := r.lock(old, proof, signed)
	var no *witness.Refusal
	switch {
	case errors.As(err, &no) && no.Status == http.StatusConflict, errors.As(err, &no) && no.Status == http.StatusBadRequest:
		return nil
	case err != nil:
		return err
	}
	if cp.Size == in.u.End && cp.Size > 0 {
		in.cp = cp
	}
	return nil
}

// known finds the checkpoint of size among those that can be uploaded to.
func (r *round) known(size int64) Claim {
	if p := r.pending(); p.Size == size {
		return p
	}
	if size == r.head.Size {
		return Claim{Size: size, Root: r.head.Root, Note: r.head.Note}
	}
	if size > r.head.Size {
		for _, c := range r.recent {
			if settled, err := r.inSettled(c); c.Size == size && err == nil && !settled {
				return c
			}
		}
	}
	return Claim{}
}

// fillBlock reads the leaf hashes of the first block that are not sent again.
func (in *intake) fillBlock(r *round) error {
	n := in.at % width
	if n == 0 || in.at == in.u.End {
		return nil
	}
	var data []byte
	var err error
	if in.at/width == r.head.Size/width {
		data = r.extender.Tile(r.head, 0)
	}
	if data == nil {
		data, err = r.c.Journal.Tile(r.ctx, r.origin, 0, in.at/width)
	}
	if err == nil && int64(len(data)) < n*tlog.HashSize {
		err = journal.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("reading the hashes of the copy of %s: %w", in.m.origin, err)
	}
	in.leafs = make([]tlog.Hash, 0, width)
	for ; n > 0; n-- {
		in.leafs = append(in.leafs, tlog.Hash(data[:tlog.HashSize]))
		data = data[tlog.HashSize:]
	}
	return nil
}

// take verifies the next package and keeps it in memory. errProof if it does
// not belong to the checkpoint.
func (in *intake) take(p pack, bytes int64) error {
	fresh := len(in.leafs)
	for _, e := range p.entries {
		in.leafs = append(in.leafs, tlog.RecordHash(e))
	}
	end := p.start + int64(len(p.entries))
	in.tail = tail{p.start / width * width, subtree.HashLeaves(in.leafs), p.proof}
	if err := subtree.Check(p.proof, in.tail.start, end, in.cp.Size, in.cp.Root, in.tail.hash); err != nil {
		return errProof
	}
	in.leaves = append(in.leaves, in.leafs[fresh:]...)
	in.packs, in.bytes, in.at, in.leafs = append(in.packs, p), in.bytes+bytes, end, in.leafs[:0]
	return nil
}

// after returns what was taken of entries from an index on.
func (in *intake) after(from int64) (entries [][]byte) {
	for _, p := range in.packs {
		entries = append(entries, p.entries[min(max(from-p.start, 0), int64(len(p.entries))):]...)
	}
	return entries
}

// commit stores what was taken, and signs if the copy is whole then: the
// cosignature lines of the mirror, or none and how to go on.
func (in *intake) commit(ctx context.Context) (lines []byte, info mirrorInfo, err error) {
	m := in.m
	m.store.Lock()
	defer m.store.Unlock()
	if in.read.gen == m.gen {
		// Most likely nothing has changed since, which the transaction will show.
		r := in.read
		r.early = true
		if lines, info, err = in.commitTo(&r); !errors.Is(err, errMoved) {
			return lines, info, err
		}
	}
	r, err := m.receive(ctx)
	if err != nil {
		return nil, info, err
	}
	if in.recalled { // the checkpoint was compared with something else than what is stored
		m.recent = slices.DeleteFunc(m.recent, func(c Claim) bool { return c.Size == in.cp.Size && c.Root == in.cp.Root })
		again, err := m.intakeAt(r, in.u)
		if err != nil {
			return nil, info, err
		}
		if again.cp.Root != in.cp.Root {
			return nil, info, &conflict{mirrorInfo{in.u.End, r.head.Size, []byte(ourTicket)}, "another checkpoint of that size is pending"}
		}
	}
	return in.commitTo(r)
}

// commitTo is commit with what is stored.
func (in *intake) commitTo(r *round) (lines []byte, info mirrorInfo, err error) {
	m := in.m
	entries := in.after(r.head.Size)
	var signed *MirrorCheckpoint
	var whole bool
	switch {
	case len(entries) > 0:
		signed, whole, err = r.storePushed(in, entries)
	case r.early:
		err = errMoved // nothing to compare in
	default:
		if whole, err = r.wholeWith(nil); err == nil && r.head.Size == in.u.End {
			signed, err = r.mirrored(whole)
		}
	}
	if err != nil {
		return nil, info, err
	}
	info = mirrorInfo{Size: in.u.End, Next: r.head.Size, Ticket: []byte(ourTicket)}
	if c := r.st.Claim; c != nil {
		r.p.Advertised = c.Size
	}
	r.p.Size, r.p.Advertised = r.head.Size, max(r.p.Advertised, r.head.Size)
	if signed != nil {
		r.p.Mirrored = signed.Size
		if r.c.Heads != nil {
			r.c.Heads.Publish(Head{Origin: r.origin, Size: signed.Size})
		}
	}
	m.tell(pushed{progress: r.p, grew: len(entries) > 0, look: !whole})
	switch {
	case signed != nil && signed.Size == in.u.End:
		return linesOf(signed.Note, r.c.Mirror.Name()), info, nil
	case r.head.Size > in.u.End:
		info.Size = r.pending().Size
		return nil, info, &conflict{info, fmt.Sprintf("the mirror has %d entries", r.head.Size)}
	}
	return nil, info, nil
}

var errWants = errors.New("blobs are missing")

// storePushed extends the copy by entries, which belong to in.cp, in one
// transaction, and signs in it if the copy is whole then.
func (r *round) storePushed(in *intake, entries [][]byte) (_ *MirrorCheckpoint, whole bool, err error) {
	if whole, err = r.bringAll(entries); err != nil {
		return nil, false, err
	}
	// Mostly nothing is missing of what came before, which is seen at once within.
	signed, err := r.storeIf(in, entries, whole, true)
	if errors.Is(err, errWants) {
		if whole, err = r.wholeWith(entries); err != nil {
			return nil, false, err
		}
		signed, err = r.storeIf(in, entries, whole, false)
	}
	return signed, whole, err
}

// storeIf is storePushed that signs if whole. With look it first makes sure that
// no blob is missing of what is here; errWants if one is, or that cannot be told.
func (r *round) storeIf(in *intake, entries [][]byte, whole, look bool) (*MirrorCheckpoint, error) {
	next := journal.Head{Origin: r.origin, Size: r.head.Size + int64(len(entries)), Root: in.cp.Root, Note: in.cp.Note}
	st := r.st
	if next.Size == in.cp.Size {
		st.drop(in.cp)
	}
	// Signed checkpoints that the copy grows over are compared with it before
	// anything is signed for what came.
	over := slices.ContainsFunc(st.claims(), func(c Claim) bool { return c.Size <= next.Size })
	sign := whole && r.c.Mirror != nil
	var proof tlog.TreeProof // that in.cp starts with next
	if next.Size < in.cp.Size {
		var err error
		if proof, err = subtree.TreeProof(in.tail.proof, in.tail.start, next.Size, in.cp.Size, in.tail.hash); err != nil {
			return nil, err
		}
		next.Note = nil
		if c := st.Claim; c == nil || c.Size < in.cp.Size {
			st.raise(in.cp)
			if c != nil { // which it was not proven to extend, if it was remembered and not locked
				st.doubt(*c)
			}
		}
	}
	changed := next.Note == nil || !slices.EqualFunc(st.claims(), r.saved.claims(), Claim.same)
	var signed *MirrorCheckpoint
	var cosigned func() (MirrorCheckpoint, error)
	if sign && !over && next.Note != nil {
		cosigned = meanwhile(func() (MirrorCheckpoint, error) { return cosignVerified(next, r.c.Mirror) })
	}
	err := r.c.Journal.Update(r.ctx, r.origin, func(tx journal.Tx) error {
		if err := r.unmoved(tx); err != nil {
			return err
		}
		if err := r.unchanged(tx); err != nil {
			return err
		}
		if look && r.c.Blobs != nil {
			if err := r.wantsNone(tx); err != nil {
				return err
			}
		}
		_, root, err := r.extender.Extend(tx, entries, in.leaves[len(in.leaves)-len(entries):])
		if err != nil {
			return err
		}
		if next.Note != nil {
			if root != next.Root {
				return errMismatch
			}
			if cosigned != nil {
				c, err := cosigned()
				if err != nil {
					return err
				}
				signed = &c
			}
		} else {
			if tlog.CheckTree(proof, in.cp.Size, in.cp.Root, next.Size, root) != nil {
				return errMismatch
			}
			next.Root = root
			st.Anchors = append(st.Anchors[:len(st.Anchors):len(st.Anchors)], Anchor{Size: next.Size, Root: root, Proof: proof, Note: in.cp.Note})
		}
		if changed {
			if err := r.putStateBeside(tx, &st); err != nil {
				return err
			}
		}
		if signed != nil {
			if err := r.putMirrorBeside(tx, *signed); err != nil {
				return err
			}
		}
		return tx.PutHead(next)
	})
	switch {
	case errors.Is(err, errMismatch):
		// Block by block they belong to the checkpoint, and not with what is
		// here: a fork. The peer's tiles will prove it.
		r.tell(pushed{progress: r.p, look: true})
		return nil, refuse(http.StatusUnprocessableEntity, "the entries do not continue those that are here")
	case errors.Is(err, errWants), errors.Is(err, errMoved) && r.early:
		return nil, err
	case errors.Is(err, errMoved):
		return nil, &conflict{mirrorInfo{in.u.End, r.head.Size, []byte(ourTicket)}, "the copy has moved on meanwhile"}
	case err != nil:
		return nil, fmt.Errorf("storing entries of %s: %w", r.origin, err)
	}
	runtime.Gosched() // who waits here for these entries goes before the answer
	r.Monitor.gen++
	r.left = nil
	if !changed && !over {
		r.left = &memory{r.saved, next, r.Monitor.gen}
	}
	r.head, r.st = next, st
	r.p.Stored = int64(len(entries))
	if over {
		switch forked, err := r.freezes(r.overtaken()); {
		case err != nil:
			return nil, err
		case forked:
			return nil, refuse(http.StatusUnprocessableEntity, "the entries contradict a checkpoint that was signed before")
		}
		if sign && next.Note != nil {
			c, err := cosignVerified(next, r.c.Mirror)
			if err == nil {
				err = r.c.Mirrors.PutMirror(r.ctx, c)
			}
			if err != nil {
				return nil, fmt.Errorf("storing the mirrored checkpoint of %s: %w", r.origin, err)
			}
			signed = &c
		}
	}
	r.prune()
	return signed, nil
}

// meanwhile begins to do something, and returns what waits for its outcome.
func meanwhile[T any](do func() (T, error)) (outcome func() (T, error)) {
	var v T
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		v, err = do()
	}()
	return func() (T, error) {
		<-done
		return v, err
	}
}

// wantsNone fails with errWants unless it is seen within the transaction that no
// blob is missing of what the copy holds.
func (r *round) wantsNone(tx journal.Tx) error {
	m, ok := inTx(tx)
	if !ok {
		return errWants
	}
	wants, err := m.Wants(r.origin)
	if err != nil {
		return fmt.Errorf("looking for missing blobs of %s: %w", r.origin, err)
	}
	if wants {
		return errWants
	}
	return nil
}

// unchanged fails if the state is not the one that was read before the lock was
// given up.
func (r *round) unchanged(tx journal.Tx) error {
	if !r.early {
		return nil
	}
	read := func(o comity.Origin) (State, error) { return r.c.State.State(r.ctx, o) }
	if m, ok := inTx(tx); ok {
		read = m.State
	}
	now, err := read(r.origin)
	if err != nil {
		return fmt.Errorf("reading what is known of %s: %w", r.origin, err)
	}
	if !reflect.DeepEqual(now, r.saved) {
		return errMoved
	}
	return nil
}

// putStateBeside is putState, of st, in the transaction that extends the copy.
func (r *round) putStateBeside(tx journal.Tx, st *State) (err error) {
	if m, ok := inTx(tx); ok {
		err = m.Change(r.origin, r.with(st))
	} else {
		err = r.c.State.Change(r.ctx, r.origin, r.with(st))
	}
	if err != nil {
		return fmt.Errorf("storing what is known of %s: %w", r.origin, err)
	}
	return nil
}

// putMirrorBeside stores the mirror's cosignature in the same transaction.
func (r *round) putMirrorBeside(tx journal.Tx, signed MirrorCheckpoint) (err error) {
	if m, ok := inTx(tx); ok {
		err = m.PutMirror(signed)
	} else {
		err = r.c.Mirrors.PutMirror(r.ctx, signed)
	}
	if err != nil {
		return fmt.Errorf("storing the mirrored checkpoint of %s: %w", r.origin, err)
	}
	return nil
}

// mirrored returns the mirror's cosignature of the copy's head, made now if
// the copy has become whole; nil if it is not.
func (r *round) mirrored(whole bool) (*MirrorCheckpoint, error) {
	if r.c.Mirror == nil || len(r.head.Note) == 0 {
		return nil, nil
	}
	c, err := r.c.Mirrors.Mirror(r.ctx, r.origin)
	if err != nil && !errors.Is(err, ErrNotMirrored) {
		return nil, fmt.Errorf("reading the mirrored checkpoint of %s: %w", r.origin, err)
	}
	if err == nil && c.Size >= r.head.Size {
		return &c, nil
	}
	if !whole || peer.SignedBy(r.head.Note, r.keys.honest) == nil { // or signed by a key that was revoked since
		return nil, nil
	}
	if c, err = cosignVerified(r.head, r.c.Mirror); err != nil {
		return nil, err
	}
	if err := r.c.Mirrors.PutMirror(r.ctx, c); err != nil {
		return nil, fmt.Errorf("storing the mirrored checkpoint of %s: %w", r.origin, err)
	}
	return &c, nil
}

// cosignVerified adds the mirror's first cosignature to a head whose note has
// just been verified, or was before it was stored. Others take longer than all
// the rest of a push: the next poll adds them.
func cosignVerified(h journal.Head, signer *torchwood.CosignatureSigner) (MirrorCheckpoint, error) {
	text, _, ok := strings.Cut(string(h.Note), "\n\n")
	if !ok {
		return MirrorCheckpoint{}, fmt.Errorf("the checkpoint of %s is no signed note", h.Origin)
	}
	signed, err := note.Sign(&note.Note{Text: text + "\n"}, signer)
	if err != nil {
		return MirrorCheckpoint{}, fmt.Errorf("signing the mirrored checkpoint of %s: %w", h.Origin, err)
	}
	line := string(signed[len(text)+2:])
	f := strings.Fields(line)
	if len(f) != 3 {
		return MirrorCheckpoint{}, fmt.Errorf("signing the mirrored checkpoint of %s: %q is no signature", h.Origin, line)
	}
	at, err := torchwood.CosignatureTimestamp(note.Signature{Name: signer.Name(), Hash: signer.KeyHash(), Base64: f[2]})
	if err != nil {
		return MirrorCheckpoint{}, fmt.Errorf("signing the mirrored checkpoint of %s: %w", h.Origin, err)
	}
	return MirrorCheckpoint{Origin: h.Origin, Size: h.Size, Note: append([]byte(string(h.Note)), line...), Signed: time.Unix(at, 0).UTC()}, nil
}

// linesOf returns the signature lines of a name on a note.
func linesOf(signed []byte, name string) []byte {
	var out []byte
	_, sigs, _ := strings.Cut(string(signed), "\n\n")
	for l := range strings.Lines(sigs) {
		if strings.HasPrefix(l, "— "+name+" ") {
			out = append(out, l...)
		}
	}
	return out
}
