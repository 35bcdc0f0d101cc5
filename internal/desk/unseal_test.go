package desk_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/journal"
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

// shows is how many acts a file has, and why one of them cannot be read, if it
// cannot.
func (h *house) shows(file comity.Ref, name comity.ActName) (acts int, why string) {
	h.t.Helper()
	x, err := h.desk.Act(h.t.Context(), officer, name)
	check(h.t, err)
	v, err := h.desk.Situation(h.t.Context(), officer, file.Act)
	check(h.t, err)
	return len(v.Timeline), x.Why
}

// Whatever is known of a commit that opens an act: in the end, without another
// start, every page shows what the store holds, and what it does not hold is still
// looked for.
func TestOpenedUnheard(t *testing.T) {
	for _, c := range []struct {
		name    string
		ends    []string
		shown   bool // in the next round
		missing int  // blobs that are looked for afterwards
	}{
		{"applied", []string{"applied"}, true, 0},
		{"applied, and then the store is away", []string{"applied", "away"}, true, 0},
		{"not applied", []string{"not applied"}, false, 1},
		{"applied when the answer was lost", []string{"late"}, true, 0},
		{"applied when the answer was lost, and then the store is away", []string{"late", "away"}, true, 0},
		{"and then nothing is known of another", []string{"late", "applied"}, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, url string) {
				ctx := t.Context()
				un, au := newHouseOn(t, "un.example", url), newHouse(t, "au.example")
				meet(un, au)
				file, sealed := au.sealedNote("Sealed", "", un)
				carry(au, un, false)
				store := &opening{Store: un.store}
				un.over(store)
				shown := func() bool {
					t.Helper()
					acts, why := un.shows(file, sealed)
					if (why == "") != (acts == 2) {
						t.Errorf("of the act's page: %q, its file has %d acts", why, acts)
					}
					return why == ""
				}
				if shown() {
					t.Fatal("it is shown before its blobs have come")
				}
				wanted := missing(un, au.domain.Origin())
				for i, w := range wanted {
					b, err := au.blobs.Get(ctx, w.SHA256)
					check(t, err)
					_, err = un.blobs.Put(ctx, b)
					check(t, err)
					if i == len(wanted)-1 {
						store.ends = c.ends
					}
					if err := un.ledger.Arrived(ctx, w.SHA256); (err != nil) != (i == len(wanted)-1) {
						t.Errorf("blob %d of %d: %v", i+1, len(wanted), err)
					}
				}
				if got, want := shown(), c.ends[0] == "applied"; got != want {
					t.Errorf("it is shown at once: %v, want %v", got, want)
				}
				left, err := un.ledger.Missing(ctx, au.domain.Origin()) // as a follower asks in its next round
				if err != nil {
					if left, err = un.ledger.Missing(ctx, au.domain.Origin()); err != nil {
						t.Fatal(err)
					}
				}
				if got := shown(); got != c.shown {
					t.Errorf("it is shown: %v, want %v", got, c.shown)
				}
				if len(left) != c.missing {
					t.Errorf("%d blobs are looked for, want %d", len(left), c.missing)
				}
				for _, w := range left {
					check(t, un.ledger.Arrived(ctx, w.SHA256))
				}
				if !shown() {
					t.Error("it is not shown after its blobs have come")
				}
			})
		})
	}
}

// An entry of which it is not known that it was committed is found although the
// ledger heard of one that was committed after it.
func TestCommittedUnheardBeforeAnother(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		un, au, eu := newHouseOn(t, "un.example", url), newHouse(t, "au.example"), newHouse(t, "eu.example")
		meet(un, au, eu)
		file := au.issue(situation("The situation in Alba"))
		carry(au, un, false)
		store := &failing{Store: un.store}
		un.over(store)
		acts := func() int {
			v, err := un.desk.Situation(t.Context(), officer, file.Act)
			check(t, err)
			return len(v.Timeline)
		}
		if n := acts(); n != 1 {
			t.Fatalf("the file has %d acts, want 1", n)
		}
		au.issue(in(file, "note.v1", "It goes on"))
		store.after = fmt.Errorf("%w: the connection broke", journal.ErrAmbiguous)
		store.meanwhile = func() { carry(eu, un, false) }
		if err := carried(au, un); !errors.Is(err, journal.ErrAmbiguous) {
			t.Fatalf("carried: %v", err)
		}
		if n := acts(); n != 2 {
			t.Errorf("the file has %d acts, want 2", n)
		}
	})
}

// A process that could not hear what others told it shows what they opened, once
// it doubts.
func TestOpenedByAnother(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		un, au := newHouseOn(t, "un.example", url), newHouse(t, "au.example")
		meet(un, au)
		file, sealed := au.sealedNote("Sealed", "", un)
		carry(au, un, false)
		other := un.twin()
		if n, why := other.shows(file, sealed); n != 1 || why == "" {
			t.Fatalf("before its blobs have come: %d acts, %q", n, why)
		}
		carry(au, un, true)
		other.ledger.Doubt()
		if n, why := other.shows(file, sealed); n != 2 || why != "" {
			t.Errorf("after they have come: %d acts, %q", n, why)
		}
	})
}

// Of two processes that open an act, the one that comes second shows it too,
// though the first does not know that its commit took place, and says nothing.
func TestOpenedByAnotherFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		ctx := t.Context()
		first, au := newHouseOn(t, "un.example", url), newHouse(t, "au.example")
		meet(first, au)
		file, sealed := au.sealedNote("Sealed", "", first)
		carry(au, first, false)
		second := first.twin()
		stores := map[*house]*opening{}
		for _, h := range []*house{first, second} {
			stores[h] = &opening{Store: h.store}
			h.over(stores[h])
		}
		if n, why := second.shows(file, sealed); n != 1 || why == "" {
			t.Fatalf("before its blobs have come: %d acts, %q", n, why)
		}
		wanted := missing(first, au.domain.Origin())
		for i, w := range wanted {
			b, err := au.blobs.Get(ctx, w.SHA256)
			check(t, err)
			_, err = first.blobs.Put(ctx, b)
			check(t, err)
			last := i == len(wanted)-1
			if last {
				stores[first].ends = []string{"late"}
			}
			if err := first.ledger.Arrived(ctx, w.SHA256); (err != nil) != last {
				t.Errorf("blob %d of %d: %v", i+1, len(wanted), err)
			}
			if n, _ := second.shows(file, sealed); n != 1 { // somebody looks
				t.Errorf("it is shown at %d of %d blobs", i+1, len(wanted))
			}
			if last { // it is committed while the second waits for its turn
				stores[second].late, stores[first].late = stores[first].late, nil
			}
			check(t, second.ledger.Arrived(ctx, w.SHA256))
		}
		if n, why := second.shows(file, sealed); n != 2 || why != "" {
			t.Errorf("after they have come: %d acts, %q", n, why)
		}
	})
}

// interrupted is a store of which something happens between reading what is sealed
// and the use of it.
type interrupted struct {
	desk.Store
	then func() // once; nil for nothing
	err  error  // of the next reading
}

func (s *interrupted) NewestSealed(ctx context.Context) (map[comity.Origin][3]comity.Time, error) {
	all, err := s.Store.NewestSealed(ctx)
	if then := s.then; then != nil {
		s.then = nil
		then()
	}
	if failed := s.err; failed != nil {
		s.err = nil
		return nil, failed
	}
	return all, err
}

// What comes while it is read what is sealed is known to be.
func TestSealedMeanwhile(t *testing.T) {
	un, au, oas := newHouse(t, "un.example"), newHouse(t, "au.example"), newHouse(t, "oas.example")
	meet(un, au, oas)
	secret(au, oas)
	carry(au, un, false)
	store := &interrupted{Store: un.store}
	un.over(store)
	later := start.AddDate(0, 0, 1)
	au.setClock(later)
	secret(au, oas)
	store.then = func() { carry(au, un, false) }
	check(t, un.ledger.CatchUp(t.Context()))
	if !un.ledger.Hides(au.domain, comity.TimeOf(later), desk.SealAwaiting) {
		t.Error("what came meanwhile is not known to be sealed")
	}
}

// Whoever was asked and sent something sealed that is no answer is overdue once that
// is open, whatever happened while it was read what is sealed.
func TestNothingStaysHidden(t *testing.T) {
	for _, c := range []struct {
		name  string
		reads func(store *interrupted, un, another *house) // when the store is read the next time
	}{
		{"nothing happens", func(*interrupted, *house, *house) {}},
		{"something public comes", func(s *interrupted, un, another *house) { s.then = func() { carry(another, un, false) } }},
		{"the store is away", func(s *interrupted, _, _ *house) { s.err = errors.New("the connection broke") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, url string) {
				ctx := t.Context()
				un, au, eu := newHouseOn(t, "un.example", url), newHouse(t, "au.example"), newHouse(t, "eu.example")
				meet(un, au, eu)
				file := un.issue(situation("The situation in Alba"))
				duty := request(file, "A request", "au.example")
				duty.Ask.Basis, duty.Ask.Source, duty.Ask.Due = effect.Duty, "Rule 7", comity.TimeOf(start.AddDate(0, 0, 2))
				un.issue(duty)
				carry(un, au, false)
				other := un.twin()
				other.peers = un.peers
				store := &interrupted{Store: un.store}
				un.over(store)
				note := in(file, "note.v1", "Sealed")
				note.TLP, note.To = comity.Amber, []act.To{{Org: "un.example", For: act.ForInformation}}
				au.issue(note)
				carry(au, un, false)
				check(t, other.ledger.CatchUp(ctx))
				for _, h := range []*house{un, other} {
					h.setClock(start.AddDate(0, 0, 3))
					h.heard = comity.TimeOf(h.clock())
				}
				stands := func(when string, want casefile.Standing) {
					t.Helper()
					for name, h := range map[string]*house{"the process that opens": un, "another process": other} {
						v, err := h.desk.Situation(ctx, officer, file.Act)
						check(t, err)
						if got := v.Asks[0].Addressees[0].Standing; got != want {
							t.Errorf("%s: at %s au.example is %s, want %s", when, name, got, want)
						}
					}
				}
				stands("before it is open", casefile.Unanswered)
				wanted := missing(un, au.domain.Origin())
				for i, w := range wanted {
					b, err := au.blobs.Get(ctx, w.SHA256)
					check(t, err)
					_, err = un.blobs.Put(ctx, b)
					check(t, err)
					if i == len(wanted)-1 {
						c.reads(store, un, eu)
					}
					check(t, un.ledger.Arrived(ctx, w.SHA256))
				}
				if store.then != nil || store.err != nil {
					t.Fatal("the store was not read: this tests nothing")
				}
				for _, w := range wanted { // as it is told
					check(t, other.ledger.Arrived(ctx, w.SHA256))
				}
				stands("after that", casefile.Overdue)
			})
		})
	}
}

// What another process wrote is shown although our own next act came before we
// were told of it.
func TestOvertakesAnother(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		un := newHouseOn(t, "un.example", url)
		other := un.twin()
		file := un.issue(situation("The situation in Alba"))
		check(t, other.ledger.CatchUp(t.Context()))
		acts := func() int {
			v, err := other.desk.Situation(t.Context(), officer, file.Act)
			check(t, err)
			return len(v.Timeline)
		}
		if n := acts(); n != 1 {
			t.Fatalf("the file has %d acts, want 1", n)
		}
		un.issue(in(file, "note.v1", "It goes on"))
		other.issue(situation("Another"))
		check(t, other.ledger.CatchUp(t.Context())) // as it is told
		if n := acts(); n != 2 {
			t.Errorf("the file has %d acts, want 2", n)
		}
	})
}
