package desk_test

import (
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

// Entries that were opened with boxes which came with them are placed as what
// they are when they are stored, in that transaction: their boxes are not even
// looked for.
func TestUnsealBefore(t *testing.T) {
	ctx := t.Context()
	au, un, oas := newHouse(t, "au.example"), newHouse(t, "un.example"), newHouse(t, "oas.example")
	meet(au, un, oas)
	file := au.issue(situation("The situation in Alba"))
	carry(au, un, false)
	first := au.journal.Head().Size
	sealed := func(title string, to ...comity.Party) comity.ActName {
		a := in(file, "note.v1", title)
		a.TLP = comity.Amber
		for _, p := range to {
			a.To = append(a.To, act.To{Org: p, For: act.ForInformation})
		}
		return au.issue(a).Act
	}
	toUN, toOAS := sealed("For un.example", "un.example"), sealed("For oas.example", "oas.example")
	open := au.issue(in(file, "note.v1", "For all")).Act
	late := sealed("Its boxes come later", "un.example")
	entries, err := au.store.Entries(ctx, au.domain.Origin(), first, first+4)
	check(t, err)
	boxes, err := au.ledger.Boxes(ctx, entries[:3], 1<<20)
	check(t, err)
	if len(boxes) != 4 {
		t.Fatalf("%d boxes of two sealed acts", len(boxes))
	}

	for i, of := range map[int64][][]byte{first: entries, late.Index: entries[:1]} { // the latter of another entry
		durable, err := un.ledger.Unseal(ctx, au.domain.Origin(), i, of, boxes)
		check(t, err)
		durable()
	}
	carry(au, un, false)
	for name, want := range map[comity.ActName]string{toUN: "", open: "", toOAS: "sealed to others", late: "its sealed content has not arrived"} {
		h, err := un.desk.Act(ctx, officer, name)
		check(t, err)
		if (h.Act != nil) != (want == "") || h.Why != want {
			t.Errorf("%s: %v, %q, want %q", name, h.Act, h.Why, want)
		}
	}
	if all := missing(un, au.domain.Origin()); len(all) != 2 {
		t.Errorf("%d boxes are missing, want the two of %s", len(all), late)
	}
	// A start finds what was placed.
	was := acts(un)
	un.reopen()
	if now := acts(un); now != was {
		t.Errorf("after a start the file has %d acts, before %d", now, was)
	}
	carry(au, un, true)
	if h, err := un.desk.Act(ctx, officer, late); err != nil || h.Act == nil {
		t.Errorf("%s is not open: %v, %v", late, h, err)
	}
	carry(au, oas, true)
	carry(un, oas, false)
	carry(oas, un, false)
	if digest(un) != digest(oas) {
		t.Error("the digests differ")
	}
}

// acts counts those of au.example's file that an officer sees.
func acts(h *house) (n int) {
	h.t.Helper()
	all, err := h.desk.Acts(h.t.Context(), officer, 0, 100)
	check(h.t, err)
	for _, x := range all {
		if x.Act != nil {
			n++
		}
	}
	return n
}

// Boxes are given as far as they fit, the first entry's first, without those
// that are not here.
func TestBoxes(t *testing.T) {
	ctx := t.Context()
	au, un := newHouse(t, "au.example"), newHouse(t, "un.example")
	meet(au, un)
	file := au.issue(situation("The situation in Alba"))
	first := au.journal.Head().Size
	var held []desk.Held
	for range 2 {
		a := in(file, "note.v1", "For un.example")
		a.TLP, a.To = comity.Amber, []act.To{{Org: "un.example", For: act.ForInformation}}
		h, err := au.desk.Act(ctx, officer, au.issue(a).Act)
		check(t, err)
		held = append(held, h)
	}
	entries, err := au.store.Entries(ctx, au.domain.Origin(), 0, first+2)
	check(t, err)
	need, err := un.ledger.Needs(ctx, au.domain.Origin(), 0, entries)
	check(t, err)
	if len(need) != 4 || need[0] != held[0].Sealed.Effects || need[3] != held[1].Sealed.Content {
		t.Fatalf("needed are %v", need)
	}
	for most, want := range map[int64]int{0: 0, need[0].Size - 1: 0, need[0].Size: 1, need[0].Size + need[1].Size: 2, 1 << 20: 4} {
		if got, err := au.ledger.Boxes(ctx, entries, most); err != nil || len(got) != want {
			t.Errorf("with %d bytes %d boxes, %v, want %d", most, len(got), err, want)
		}
	}
	check(t, au.blobs.Delete(ctx, need[1].SHA256))
	got, err := au.ledger.Boxes(ctx, entries, 1<<20)
	if err != nil || len(got) != 3 {
		t.Errorf("%d boxes, %v, want the 3 that are here", len(got), err)
	}
	if _, err := un.blobs.Put(ctx, got[0]); err != nil {
		t.Fatal(err)
	}
	if need, err := un.ledger.Needs(ctx, au.domain.Origin(), 0, entries); err != nil || len(need) != 3 {
		t.Errorf("needed are %v, %v, want the 3 that are not here", need, err)
	}
}
