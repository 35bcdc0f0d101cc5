package sqlstore

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// testDropping copies a journal of 600 entries of which those from at on are
// given up, and goes on with another. Nothing is lost of what was given up, and
// the copy is as if it had never been there.
func testDropping(t *testing.T, url string, at int64) {
	const had = 600
	honest := witnesstest.NewLog(peertest.NewOrg("un.example"), 700)
	thief := honest.Fork(at)
	thief.Entries = thief.Entries[:had]
	o := honest.Origin()
	s := mustOpen(t, url)
	extend := func(l *witnesstest.Log, from, to int64) {
		t.Helper()
		err := s.Update(t.Context(), o, func(tx journal.Tx) error {
			size, root, err := journal.Extend(tx, l.Entries[from:to])
			if err != nil {
				return err
			}
			if _, err := tx.(*Tx).Arrive(from, int(to-from)); err != nil {
				return err
			}
			return tx.PutHead(journal.Head{Origin: o, Size: size, Root: root, Note: l.Checkpoint(size)})
		})
		if err != nil {
			t.Fatalf("at %d: %v", at, err)
		}
	}
	for from := int64(0); from < had; from += 150 {
		extend(thief, from, from+150)
	}
	f := s.Followed()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("at %d: %v", at, err)
		}
	}
	check(f.PutMirror(t.Context(), monitor.MirrorCheckpoint{Origin: o, Size: had, Note: []byte("signed"), Signed: time.Unix(1, 0)}))
	check(f.Freeze(t.Context(), monitor.Frozen{Evidence: monitor.Evidence{Origin: o, Size: at + 1}, Since: time.Unix(1, 0).UTC()}))
	head, err := s.Head(t.Context(), o)
	check(err)
	common := func(n int64) tlog.Hash {
		if n == 0 {
			h, _ := tlog.TreeHash(0, nil)
			return h
		}
		return honest.Root(n)
	}
	p := monitor.Parting{Size: at, Root: common(at), Copy: head, Signed: head.Note, Theirs: monitor.Claim{Size: 650, Root: honest.Root(650), Note: honest.Checkpoint(650)}}
	d := p.Drop(time.Unix(5, 0), "operator", "a thief", comity.ActName{Domain: "au.example", Index: 4})
	moved := d
	moved.Copy.Size--
	if err := f.Drop(t.Context(), moved); err == nil {
		t.Errorf("at %d: a copy that has moved on was cut", at)
	}
	check(f.Drop(t.Context(), d))
	whatIsKnown(t, s)

	if h, err := s.Head(t.Context(), o); err != nil || h.Size != at || len(h.Note) != 0 {
		t.Errorf("at %d: the head is %d with the note %q, %v", at, h.Size, h.Note, err)
	}
	if _, err := f.Mirror(t.Context(), o); err != monitor.ErrNotMirrored {
		t.Errorf("at %d: what was signed of it stands: %v", at, err)
	}
	st, err := f.State(t.Context(), o)
	check(err)
	if st.Frozen != nil || st.Claim == nil || st.Claim.Size != 650 || (at > 0) != (len(st.Anchors) == 1) {
		t.Errorf("at %d: the state is %+v", at, st)
	}
	if past, err := f.PastForks(t.Context(), o); err != nil || len(past) != 1 || past[0].Why != "a thief" {
		t.Errorf("at %d: the freeze is not settled: %+v, %v", at, past, err)
	}
	all, err := f.Dropped(t.Context(), o)
	check(err)
	if len(all) != 1 || all[0].First != at || all[0].Size != had || !bytes.Equal(all[0].Signed, head.Note) || all[0].Act != d.Act || all[0].Why != "a thief" {
		t.Errorf("at %d: dropped: %+v", at, all)
	}
	next := at
	check(f.DroppedEntries(t.Context(), o, 0, func(i int64, e []byte) error {
		if i != next || !bytes.Equal(e, thief.Entries[i]) {
			t.Errorf("at %d: entry %d is not the one that was given up", at, i)
		}
		next++
		return nil
	}))
	if next != had {
		t.Errorf("at %d: kept up to %d", at, next)
	}
	if runs, left, err := s.Unplaced(t.Context(), 100); err != nil || left != at {
		t.Errorf("at %d: %d acts are to be folded: %+v, %v", at, left, runs, err)
	}

	extend(honest, at, 700)
	for _, n := range []int64{at + 1, 650, 700} {
		if root, err := journal.RootAt(t.Context(), s, o, n); err != nil || root != honest.Root(n) {
			t.Errorf("at %d: the root of %d entries is another than the journal's: %v", at, n, err)
		}
	}
	entries, err := s.Entries(t.Context(), o, 0, 700)
	check(err)
	for i, e := range entries {
		if !bytes.Equal(e, honest.Entries[i]) {
			t.Fatalf("at %d: entry %d is not the journal's", at, i)
		}
	}
	// Who reads in order of arrival gets past the positions of what was given up.
	seen := map[int64]bool{}
	for pos := int64(0); ; {
		some, err := s.StoredFrom(t.Context(), pos+1, 7)
		check(err)
		if len(some) == 0 {
			break
		}
		for _, x := range some {
			seen[x.Name.Index], pos = true, x.Pos
		}
	}
	if len(seen) != 700 {
		t.Errorf("at %d: %d entries in order of arrival, want 700", at, len(seen))
	}
	second := d
	second.Copy, _ = s.Head(t.Context(), o)
	second.Dropped.Size = second.Copy.Size
	check(f.Drop(t.Context(), second))
	whatIsKnown(t, s)
	if all, err := f.Dropped(t.Context(), o); err != nil || len(all) != 2 || all[1].Size != 700 {
		t.Errorf("at %d: given up a second time: %+v, %v", at, all, err)
	}
}
