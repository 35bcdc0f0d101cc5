package desk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/seal"
)

// entriesRead notes how many entries were read with each file that was.
type entriesRead struct {
	desk.Store
	of []int
}

func (s *entriesRead) Extract(ctx context.Context, scope casefile.Scope) (desk.Extract, error) {
	x, err := s.Store.Extract(ctx, scope)
	s.of = append(s.of, len(x.Since))
	return x, err
}

func (s *entriesRead) Scope(ctx context.Context, scope casefile.Scope) (int64, []desk.StoredPlaced, error) {
	v, acts, err := s.Store.Scope(ctx, scope)
	s.of = append(s.of, len(acts))
	return v, acts, err
}

// cold is a desk of the house that has nothing in memory.
func (h *house) cold() (*desk.Desk, *entriesRead) {
	h.t.Helper()
	s := &entriesRead{Store: h.store}
	l, err := desk.OpenLedger(h.t.Context(), h.domain, s, h.blobs, seal.Keyring{h.key}, desk.LedgerOptions{})
	check(h.t, err)
	c := h.config()
	c.Ledger = l
	s.of = nil
	return desk.New(c), s
}

// A file that is not in memory is read from its extract and the entries of what
// came since. Another extract is made when that is an eighth of the file, or of
// what an extract is not worth while for.
func TestColdFile(t *testing.T) {
	h := newHouse(t, "un.example")
	file := h.issue(situation("The situation in Alba"))
	n := 1
	grow := func(to int) {
		t.Helper()
		for ; n < to; n++ {
			h.issue(in(file, "note.v1", fmt.Sprint("Note ", n)))
		}
		digest(h) // briefs and extracts are made
	}
	reads := func(entries ...int) {
		t.Helper()
		d, s := h.cold()
		got, err := d.Situation(t.Context(), officer, file.Act)
		check(t, err)
		if !slices.Equal(s.of, entries) {
			t.Errorf("of %d acts these entries were read: %v, want %v", n, s.of, entries)
		}
		want, err := h.desk.Situation(t.Context(), officer, file.Act)
		check(t, err)
		if plain(got) != plain(want) || got.Acts != n {
			t.Errorf("from the disk it reads\n%s\nwant\n%s", plain(got), plain(want))
		}
	}
	grow(7)
	reads(7)
	grow(8)
	reads(0)
	grow(15)
	reads(7)
	grow(16)
	reads(0)
	grow(120)
	reads(0)
	grow(134)
	reads(14) // not an eighth
	grow(137)
	reads(17)
	grow(138) // 18 of 138
	reads(0)
	h.reopen() // what was folded from the extract is extracted again
	grow(160)
	reads(0)

	x, err := h.store.Extract(t.Context(), file.Act)
	check(t, err)
	check(t, h.store.Fold(t.Context(), func(tx desk.FoldTx) error {
		_, err := tx.PutExtract(file.Act, x.Version, x.Doc[:len(x.Doc)/2])
		return err
	}))
	reads(0, 160) // it is damaged: the entries have it all
	h.reopen()
	grow(161)
	reads(0) // and it was made anew
}

// What is forgotten stands in no extract from then on, whoever has the file in
// memory as it was.
func TestForgetExtracted(t *testing.T) {
	ctx := t.Context()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	meet(un, au)
	file := au.issue(situation("The situation in Alba"))
	var secrets []comity.ActName
	for i := range 12 {
		a := in(file, "note.v1", fmt.Sprintf("Secret %02d of Alba", i))
		a.TLP, a.To = comity.Red, []act.To{{Org: "un.example", For: act.ForInformation}}
		secrets = append(secrets, au.issue(a).Act)
	}
	carry(au, un, true)
	twin := un.twin()
	_, err := twin.desk.Situation(ctx, officer, file.Act) // it has them in memory, and no extract was made
	check(t, err)
	digest(un)
	holds := func(i int) (extract, database bool) {
		t.Helper()
		mark := fmt.Appendf(nil, "Secret %02d of Alba", i)
		x, err := un.store.Extract(ctx, file.Act)
		check(t, err)
		all, err := un.store.Dump(ctx)
		check(t, err)
		return bytes.Contains(x.Doc, mark), bytes.Contains(all, mark)
	}
	if in, _ := holds(3); !in {
		t.Fatal("it is not in the extract before: this tests nothing")
	}
	// Its extract goes in the transaction that forgets it, and not with what is made
	// afterwards.
	down := &noTidy{Store: un.store}
	l, err := desk.OpenLedger(ctx, un.domain, down, un.blobs, seal.Keyring{un.key}, desk.LedgerOptions{})
	check(t, err)
	if removed, err := l.Forget(ctx, secrets[3]); !removed || !errors.Is(err, errNoTidy) {
		t.Fatalf("Forget: %v, %v; want true, %v", removed, err, errNoTidy)
	}
	if x, err := un.store.Extract(ctx, file.Act); err != nil || x.Doc != nil {
		t.Errorf("there still is an extract, of version %d: %v", x.Of, err)
	}
	for _, h := range []*house{twin, un} {
		digest(h)
		if extract, _ := holds(3); extract {
			t.Errorf("it is in the extract again")
		}
	}
	check(t, un.ledger.CatchUp(ctx))
	un.reopen()
	digest(un)
	for i := range secrets {
		if extract, database := holds(i); extract != (i != 3) || database != (i != 3) {
			t.Errorf("secret %d: in the extract: %v, in the database: %v", i, extract, database)
		}
	}
	d, s := un.cold()
	v, err := d.Situation(ctx, officer, file.Act)
	check(t, err)
	erased := 0
	for _, l := range v.Timeline {
		if l.Act.ContentErased {
			erased++
		}
	}
	if !slices.Equal(s.of, []int{0}) || v.Acts != 13 || erased != 1 {
		t.Errorf("%v entries were read; %d acts, %d of them erased", s.of, v.Acts, erased)
	}
}

var errNoTidy = errors.New("nothing is tidied")

// noTidy fails what makes briefs.
type noTidy struct{ desk.Store }

func (noTidy) Stale(context.Context, int) ([]casefile.Scope, error) { return nil, errNoTidy }
