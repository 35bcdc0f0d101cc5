package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/journal"
)

// RunFold runs the suite of what a desk.Store keeps besides logs. Each call of
// open returns an empty store.
func RunFold(t *testing.T, open func(t *testing.T) desk.Store) {
	for name, test := range map[string]func(*testing.T, desk.Store){
		"Arrival": foldArrival, "Scopes": foldScopes, "Waiting": foldWaiting, "Sealed": foldSealed, "Closed": foldClosed, "Briefs": foldBriefs, "Extracts": foldExtracts, "Undone": foldUndone, "Reset": foldReset,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func name(o comity.Origin, i int64) comity.ActName {
	d, _ := o.Domain()
	return comity.ActName{Domain: d, Index: i}
}

// arrive writes entries as a ledger does.
func arrive(t *testing.T, s desk.Store, o comity.Origin, entries [][]byte, then func(desk.FoldTx) error) error {
	t.Helper()
	return s.Update(t.Context(), o, func(tx journal.Tx) error {
		h, err := tx.Head()
		if err != nil {
			return err
		}
		if err := extendTx(tx, o, entries); err != nil {
			return err
		}
		ftx := tx.(desk.FoldTx)
		if _, err := ftx.Arrive(h.Size, len(entries)); err != nil || then == nil {
			return err
		}
		return then(ftx)
	})
}

func foldArrival(t *testing.T, s desk.Store) {
	ctx := t.Context()
	if pos, sizes, err := s.Position(ctx); err != nil || pos != 0 || len(sizes) != 0 {
		t.Errorf("Position of nothing = %d, %v, %v", pos, sizes, err)
	}
	ok(t, arrive(t, s, ours, numbered(0, 3), nil))
	ok(t, arrive(t, s, theirs, numbered(10, 15), nil))
	ok(t, arrive(t, s, ours, numbered(3, 4), nil))
	ok(t, arrive(t, s, ours, numbered(4, 6), nil)) // goes on where the last ended
	ok(t, arrive(t, s, theirs, numbered(15, 16), nil))
	if pos, sizes, err := s.Position(ctx); err != nil || pos != 12 || sizes[ours] != 6 || sizes[theirs] != 6 {
		t.Errorf("Position = %d, %v, %v; want 12, 6 and 6", pos, sizes, err)
	}
	want := []comity.ActName{name(ours, 0), name(ours, 1), name(ours, 2), name(theirs, 0), name(theirs, 1), name(theirs, 2), name(theirs, 3), name(theirs, 4),
		name(ours, 3), name(ours, 4), name(ours, 5), name(theirs, 5)}
	for from := int64(1); from <= 13; from++ {
		for _, limit := range []int{1, 3, 100} {
			got, err := s.StoredFrom(ctx, from, limit)
			ok(t, err)
			some := want[from-1:]
			some = some[:min(limit, len(some))]
			if len(got) != len(some) {
				t.Fatalf("StoredFrom(%d, %d): %d acts, want %d", from, limit, len(got), len(some))
			}
			for i, x := range got {
				if x.Name != some[i] || x.Pos != from+int64(i) || x.Waits {
					t.Errorf("StoredFrom(%d, %d)[%d] = %s at %d, want %s", from, limit, i, x.Name, x.Pos, some[i])
				}
			}
		}
	}
	for i, n := range want {
		if x, here, err := s.Stored(ctx, n); err != nil || !here || x.Pos != int64(i)+1 || x.Name != n || len(x.Entry) == 0 {
			t.Errorf("Stored(%s) = %+v, %v, %v; want position %d", n, x, here, err, i+1)
		}
	}
	for _, n := range []comity.ActName{name(ours, 6), name(ours, -1), {Domain: "never.example"}} {
		if _, here, err := s.Stored(ctx, n); here || err != nil {
			t.Errorf("Stored(%s): %v, %v; want none", n, here, err)
		}
	}
	if runs, left, err := s.Unplaced(ctx, 10); err != nil || left != 0 || len(runs) != 0 {
		t.Errorf("Unplaced = %v, %d, %v; want none", runs, left, err)
	}
}

func foldScopes(t *testing.T, s desk.Store) {
	ctx := t.Context()
	file, house := name(ours, 0), casefile.House("au.example")
	ok(t, arrive(t, s, ours, numbered(0, 200), func(tx desk.FoldTx) error {
		rows := []desk.PlacedAct{{Name: file, Scope: file, Clear: true}}
		for i := range int64(150) {
			rows = append(rows, desk.PlacedAct{Name: name(ours, i+1), Scope: file, Clear: i%2 == 0, Problem: fmt.Sprint(i)})
		}
		v, err := tx.Place(rows)
		if err == nil && v[file] != 151 {
			err = fmt.Errorf("version %d, want 151", v[file])
		}
		return err
	}))
	ok(t, arrive(t, s, theirs, numbered(0, 2), func(tx desk.FoldTx) error {
		v, err := tx.Place([]desk.PlacedAct{{Name: name(theirs, 0), Scope: house, Clear: true}, {Name: name(theirs, 1), Scope: file}})
		if err == nil && (v[file] != 152 || v[house] != 1) {
			err = fmt.Errorf("versions %v, want 152 and 1", v)
		}
		return err
	}))
	version, acts, err := s.Scope(ctx, file)
	if err != nil || version != 152 || len(acts) != 152 {
		t.Fatalf("Scope = %d, %d acts, %v; want 152", version, len(acts), err)
	}
	for _, a := range acts {
		if i := a.Name.Index - 1; a.Name.Domain == file.Domain && i >= 0 && (a.Clear != (i%2 == 0) || a.Problem != fmt.Sprint(i) || len(a.Entry) == 0) {
			t.Errorf("%s: %v %q", a.Name, a.Clear, a.Problem)
		}
	}
	if v, acts, err := s.Scope(ctx, name(ours, 7)); err != nil || v != 0 || len(acts) != 0 {
		t.Errorf("a scope that is none: %d, %d acts, %v", v, len(acts), err)
	}
	if p, in, err := s.PlacedIn(ctx, name(ours, 2), name(ours, 2), casefile.House("ecowas.example"), file); err != nil || !in || p.Scope != file || p.Clear || p.Problem != "1" {
		t.Errorf("PlacedIn = %+v, %v, %v", p, in, err)
	}
	if x, at, opens, err := s.Opener(ctx, file); err != nil || !opens || x.Name != file || len(x.Entry) == 0 || x.Waits || at != (desk.PlacedIn{Scope: file, Clear: true}) {
		t.Errorf("Opener = %+v, %+v, %v, %v", x, at, opens, err)
	}
	for _, n := range []comity.ActName{name(ours, 1), name(ours, 199), name(ours, 200), name(theirs, 0), house, {Domain: "never.example"}} {
		if _, _, opens, err := s.Opener(ctx, n); opens || err != nil {
			t.Errorf("%s opened a file: %v, %v", n, opens, err)
		}
	}
	if _, in, err := s.PlacedIn(ctx, name(ours, 199), file, house); in || err != nil {
		t.Errorf("PlacedIn of an act that is in none: %v, %v", in, err)
	}
}

func foldWaiting(t *testing.T, s desk.Store) {
	ctx := t.Context()
	ok(t, arrive(t, s, ours, numbered(0, 3), func(tx desk.FoldTx) error {
		if any, err := tx.AnyWaits(); err != nil || any {
			return fmt.Errorf("somebody waits: %v, %w", any, err)
		}
		return errors.Join(tx.Wait(name(ours, 1), name(theirs, 0)), tx.Wait(name(ours, 2), name(theirs, 0)), tx.Wait(name(ours, 0), name(theirs, 1)))
	}))
	if n, err := s.Waiting(ctx); err != nil || n != 3 {
		t.Errorf("Waiting = %d, %v; want 3", n, err)
	}
	if x, _, err := s.Stored(ctx, name(ours, 2)); err != nil || !x.Waits {
		t.Errorf("it does not wait: %v", err)
	}
	ok(t, arrive(t, s, theirs, numbered(0, 1), func(tx desk.FoldTx) error {
		got, err := tx.Awaken(name(theirs, 0))
		if want := []comity.ActName{name(ours, 1), name(ours, 2)}; err == nil && !slices.Equal(got, want) {
			err = fmt.Errorf("got %v of Awaken, want %v", got, want)
		}
		return err
	}))
	if n, err := s.Waiting(ctx); err != nil || n != 1 {
		t.Errorf("Waiting = %d, %v; want 1", n, err)
	}
}

func foldSealed(t *testing.T, s desk.Store) {
	ctx := t.Context()
	at := comity.TimeOf(time.Date(2003, 4, 11, 0, 0, 0, 0, time.UTC))
	a, b := act.Commitment{SHA256: comity.Hash{1}, Size: 10}, act.Commitment{SHA256: comity.Hash{2}, Size: 1 << 30}
	ok(t, arrive(t, s, ours, numbered(0, 3), func(tx desk.FoldTx) error {
		return errors.Join(
			tx.PutSealed(desk.Sealed{Name: name(ours, 0), At: at, State: desk.SealOpen, Effects: []byte("effects"), Content: []byte("content")}),
			tx.PutSealed(desk.Sealed{Name: name(ours, 1), At: at, State: desk.SealAwaiting}),
			tx.PutSealed(desk.Sealed{Name: name(ours, 2), At: comity.TimeOf(at.Add(time.Hour)), State: desk.SealClosed, Why: "why"}),
			tx.Want(name(ours, 1), a, b), tx.Want(name(ours, 2), b), tx.Want(name(ours, 2), b))
	}))
	if x, _, err := s.Stored(ctx, name(ours, 0)); err != nil || x.State != desk.SealOpen || string(x.Effects) != "effects" || string(x.Content) != "content" {
		t.Errorf("an open one: %+v, %v", x, err)
	}
	if x, _, err := s.Stored(ctx, name(ours, 2)); err != nil || x.State != desk.SealClosed || x.Why != "why" || x.Content != nil {
		t.Errorf("a closed one: %+v, %v", x, err)
	}
	newest, err := s.NewestSealed(ctx)
	ok(t, err)
	if got := newest[ours]; !got[desk.SealOpen].Equal(at.Time) || !got[desk.SealAwaiting].Equal(at.Time) || !got[desk.SealClosed].Equal(at.Add(time.Hour)) {
		t.Errorf("NewestSealed = %v", got)
	}
	if all, err := s.Wanted(ctx, ours); err != nil || !slices.Equal(all, []act.Commitment{a, b, b}) {
		t.Errorf("Wanted = %v, %v", all, err)
	}
	if all, err := s.Wanting(ctx, b.SHA256); err != nil || !slices.Equal(all, []comity.ActName{name(ours, 1), name(ours, 2)}) {
		t.Errorf("Wanting = %v, %v", all, err)
	}
	if all, err := s.Awaiting(ctx, ours, 0, 10); err != nil || !slices.Equal(all, []comity.ActName{name(ours, 1)}) {
		t.Errorf("Awaiting = %v, %v", all, err)
	}
	ok(t, s.Fold(ctx, func(tx desk.FoldTx) error {
		return errors.Join(tx.Unwant(name(ours, 1), a.SHA256), tx.Unwant(name(ours, 1), b.SHA256),
			tx.PutSealed(desk.Sealed{Name: name(ours, 0), At: at, State: desk.SealOpen, Effects: []byte("effects")}))
	}))
	if x, _, err := s.Stored(ctx, name(ours, 0)); err != nil || string(x.Effects) != "effects" || len(x.Content) != 0 {
		t.Errorf("a forgotten one: %+v, %v", x, err)
	}
	if all, err := s.Wanted(ctx, ours); err != nil || !slices.Equal(all, []act.Commitment{b}) {
		t.Errorf("Wanted = %v, %v", all, err)
	}
}

func foldClosed(t *testing.T, s desk.Store) {
	ctx := t.Context()
	at := comity.TimeOf(time.Date(2003, 4, 11, 0, 0, 0, 0, time.UTC))
	const why = "sealed to others"
	closed := func(n comity.ActName, with desk.Tried) desk.Sealed {
		return desk.Sealed{Name: n, At: at, State: desk.SealClosed, Why: why, Tried: with}
	}
	ok(t, arrive(t, s, ours, numbered(0, 7), func(tx desk.FoldTx) error {
		return errors.Join(tx.PutSealed(closed(name(ours, 0), "")), tx.PutSealed(closed(name(ours, 1), "0a")), tx.PutSealed(closed(name(ours, 2), "")),
			tx.PutSealed(closed(name(ours, 3), "0a 1b")), tx.PutSealed(closed(name(ours, 6), "")),
			tx.PutSealed(desk.Sealed{Name: name(ours, 4), At: at, State: desk.SealClosed, Why: "another reason"}),
			tx.PutSealed(desk.Sealed{Name: name(ours, 5), At: at, State: desk.SealAwaiting}))
	}))
	ok(t, arrive(t, s, theirs, numbered(0, 1), func(tx desk.FoldTx) error { return tx.PutSealed(closed(name(theirs, 0), "")) }))
	if x, _, err := s.Stored(ctx, name(ours, 3)); err != nil || x.Tried != "0a 1b" {
		t.Errorf("tried with %q, %v", x.Tried, err)
	}
	if got, err := s.Tried(ctx); err != nil || !slices.Equal(got, []desk.Tried{"", "0a", "0a 1b"}) {
		t.Errorf("Tried = %q, %v", got, err)
	}
	var all []comity.ActName
	for last := (comity.ActName{}); ; {
		some, err := s.Closed(ctx, "", last, 2)
		ok(t, err)
		if len(some) == 0 {
			break
		}
		all = append(all, some...)
		last = all[len(all)-1]
	}
	if want := []comity.ActName{name(ours, 0), name(ours, 2), name(ours, 6), name(theirs, 0)}; !slices.Equal(all, want) {
		t.Errorf("Closed = %v, want %v", all, want)
	}
	ok(t, s.Fold(ctx, func(tx desk.FoldTx) error {
		return errors.Join(tx.PutSealed(closed(name(ours, 0), "0a")), tx.PutSealed(desk.Sealed{Name: name(ours, 3), At: at, State: desk.SealOpen}))
	}))
	if got, err := s.Closed(ctx, "0a", comity.ActName{}, 10); err != nil || !slices.Equal(got, []comity.ActName{name(ours, 0), name(ours, 1)}) {
		t.Errorf("Closed = %v, %v", got, err)
	}
	if got, err := s.Tried(ctx); err != nil || !slices.Equal(got, []desk.Tried{"", "0a"}) {
		t.Errorf("Tried = %q, %v", got, err)
	}
}

func foldBriefs(t *testing.T, s desk.Store) {
	ctx := t.Context()
	file, house := name(ours, 0), casefile.House("ecowas.example")
	ok(t, arrive(t, s, ours, numbered(0, 3), func(tx desk.FoldTx) error {
		_, err := tx.Place([]desk.PlacedAct{{Name: file, Scope: file}, {Name: name(ours, 1), Scope: file}, {Name: name(ours, 2), Scope: house, Clear: true}})
		return err
	}))
	if got, err := s.Stale(ctx, 10); err != nil || len(got) != 2 {
		t.Errorf("Stale = %v, %v; want both", got, err)
	}
	put := func(s desk.Store, of casefile.Scope, version int64, all ...desk.StoredBrief) {
		t.Helper()
		ok(t, s.Fold(ctx, func(tx desk.FoldTx) error { return tx.PutBriefs(of, version, all) }))
	}
	put(s, file, 2, desk.StoredBrief{Book: desk.Public, Acts: 1, Digest: comity.Hash{1}, Doc: []byte("public")}, desk.StoredBrief{Book: desk.Full, Acts: 2, Digest: comity.Hash{2}, Doc: []byte("full")})
	put(s, house, 1, desk.StoredBrief{Book: desk.Both, Acts: 1, Digest: comity.Hash{3}, Doc: []byte("both")})
	put(s, file, 1) // older: left out
	if got, err := s.Stale(ctx, 10); err != nil || len(got) != 0 {
		t.Errorf("Stale = %v, %v; want none", got, err)
	}
	for b, want := range map[desk.Book][]string{desk.Public: {"both", "public"}, desk.Full: {"both", "full"}} {
		var got []string
		ok(t, s.Briefs(ctx, b, func(x desk.StoredBrief) error {
			got = append(got, string(x.Doc))
			return nil
		}))
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("Briefs(%d) = %q, want %q", b, got, want)
		}
	}
	if d, err := s.Digests(ctx); err != nil || len(d) != 2 || d[0].Acts+d[1].Acts != 2 {
		t.Errorf("Digests = %v, %v", d, err)
	}
	ok(t, s.Fold(ctx, func(tx desk.FoldTx) error { return tx.Touch(file) }))
	if x, here, err := s.Brief(ctx, file, desk.Full); err != nil || !here || x.Fresh || x.Scope != file || x.Digest != (comity.Hash{2}) {
		t.Errorf("Brief = %+v, %v, %v; want it, and not fresh", x, here, err)
	}
	if v, seen, err := s.Versions(ctx, file); err != nil || v != 3 || seen != 2 {
		t.Errorf("Versions = %d, %d, %v; want 3, 2", v, seen, err)
	}
}

func foldExtracts(t *testing.T, s desk.Store) {
	ctx := t.Context()
	file, other := name(ours, 0), name(ours, 2)
	is := func(when string, of casefile.Scope, version, made int64, doc string, since ...comity.ActName) {
		t.Helper()
		x, err := s.Extract(ctx, of)
		ok(t, err)
		var got []comity.ActName
		for _, a := range x.Since {
			got = append(got, a.Name)
			if len(a.Entry) == 0 || a.Clear != (a.Name.Index%2 == 0) || a.Problem != fmt.Sprint(a.Name.Index) {
				t.Errorf("%s: %s: %d bytes, %v, %q", when, a.Name, len(a.Entry), a.Clear, a.Problem)
			}
		}
		slices.SortFunc(got, comity.ActName.Compare)
		if x.Version != version || x.Of != made || string(x.Doc) != doc || !slices.Equal(got, since) {
			t.Errorf("%s: version %d, %q of %d, and since %v; want %d, %q of %d, and %v", when, x.Version, x.Doc, x.Of, got, version, doc, made, since)
		}
	}
	place := func(first int, acts ...desk.PlacedAct) {
		t.Helper()
		ok(t, arrive(t, s, ours, numbered(first, first+len(acts)), func(tx desk.FoldTx) error {
			for i := range acts {
				acts[i].Name = name(ours, int64(first+i))
				acts[i].Clear, acts[i].Problem = acts[i].Name.Index%2 == 0, fmt.Sprint(acts[i].Name.Index)
			}
			_, err := tx.Place(acts)
			return err
		}))
	}
	put := func(of casefile.Scope, version int64, doc string, want bool) {
		t.Helper()
		ok(t, s.Fold(ctx, func(tx desk.FoldTx) error {
			done, err := tx.PutExtract(of, version, []byte(doc))
			if err == nil && done != want {
				err = fmt.Errorf("extract of version %d of %s: put %v, want %v", version, of, done, want)
			}
			return err
		}))
	}
	is("no scope", file, 0, 0, "")
	place(0, desk.PlacedAct{Scope: file}, desk.PlacedAct{Scope: file}, desk.PlacedAct{Scope: other})
	is("no extract", file, 2, 0, "", name(ours, 0), name(ours, 1))
	put(file, 1, "of another version", false)
	put(name(ours, 7), 1, "of no scope", false)
	put(file, 2, "two", true)
	is("with all", file, 2, 2, "two")
	is("of another scope", other, 1, 0, "", name(ours, 2))
	place(3, desk.PlacedAct{Scope: file}, desk.PlacedAct{Scope: other}, desk.PlacedAct{Scope: file})
	place(6, desk.PlacedAct{Scope: file})
	put(file, 2, "made before they came", false)
	is("with what came since", file, 5, 2, "two", name(ours, 3), name(ours, 5), name(ours, 6))
	put(file, 5, "five", true)
	is("made again", file, 5, 5, "five")
	if v, acts, err := s.Scope(ctx, file); err != nil || v != 5 || len(acts) != 5 {
		t.Errorf("Scope = %d, %d acts, %v; want 5 of 5", v, len(acts), err)
	}
	ok(t, s.Fold(ctx, func(tx desk.FoldTx) error { return tx.Touch(file) }))
	is("after an act has changed", file, 6, 0, "", name(ours, 0), name(ours, 1), name(ours, 3), name(ours, 5), name(ours, 6))
	put(file, 5, "of before it changed", false)
	put(file, 6, "six", true)
	ok(t, s.Fold(ctx, func(tx desk.FoldTx) error { return tx.Reset("other rules") }))
	is("folded anew", file, 0, 0, "")
	ok(t, s.Fold(ctx, func(tx desk.FoldTx) error {
		_, err := tx.Place([]desk.PlacedAct{{Name: file, Scope: file, Clear: true, Problem: "0"}})
		return err
	}))
	is("and placed anew", file, 1, 0, "", file)
}

func foldUndone(t *testing.T, s desk.Store) {
	why := errors.New("changed my mind")
	err := arrive(t, s, ours, numbered(0, 2), func(tx desk.FoldTx) error {
		_, err := tx.Place([]desk.PlacedAct{{Name: name(ours, 0), Scope: name(ours, 0)}})
		return errors.Join(why, err, tx.Wait(name(ours, 1), name(theirs, 0)))
	})
	if !errors.Is(err, why) {
		t.Fatal(err)
	}
	if v, acts, err := s.Scope(context.WithoutCancel(t.Context()), name(ours, 0)); v != 0 || len(acts) != 0 || err != nil {
		t.Errorf("Scope = %d, %d acts, %v", v, len(acts), err)
	}
	if pos, _, err := s.Position(t.Context()); pos != 0 || err != nil {
		t.Errorf("Position = %d, %v", pos, err)
	}
	ok(t, arrive(t, s, ours, numbered(0, 1), nil))
}

func foldReset(t *testing.T, s desk.Store) {
	ctx := t.Context()
	file := name(ours, 0)
	ok(t, arrive(t, s, ours, numbered(0, 2), func(tx desk.FoldTx) error {
		_, err := tx.Place([]desk.PlacedAct{{Name: file, Scope: file}})
		return errors.Join(err, tx.Wait(name(ours, 1), name(theirs, 0)), tx.PutSealed(desk.Sealed{Name: file, State: desk.SealOpen, Effects: []byte("kept")}))
	}))
	ok(t, s.Fold(ctx, func(tx desk.FoldTx) error { return tx.Reset("other rules") }))
	if rules, err := s.Rules(ctx); err != nil || rules != "other rules" {
		t.Errorf("Rules = %q, %v", rules, err)
	}
	if v, _, err := s.Scope(ctx, file); err != nil || v != 0 {
		t.Errorf("Scope = %d, %v; want none", v, err)
	}
	if x, _, err := s.Stored(ctx, file); err != nil || string(x.Effects) != "kept" {
		t.Errorf("what was opened: %+v, %v", x, err)
	}
	runs, left, err := s.Unplaced(ctx, 10)
	if err != nil || left != 2 || len(runs) != 1 || runs[0] != (desk.Arrival{Pos: 1, Origin: ours, First: 0, N: 2}) {
		t.Fatalf("Unplaced = %v, %d, %v", runs, left, err)
	}
	// What is written meanwhile is placed, and no part of what is to be placed anew.
	ok(t, arrive(t, s, ours, numbered(2, 3), nil))
	if again, left, err := s.Unplaced(ctx, 10); err != nil || left != 2 || !slices.Equal(again, runs) {
		t.Errorf("Unplaced = %v, %d, %v; want what it was", again, left, err)
	}
	ok(t, s.Fold(ctx, func(tx desk.FoldTx) error { return tx.SetPlaced(runs[0]) }))
	if _, left, err := s.Unplaced(ctx, 10); err != nil || left != 0 {
		t.Errorf("%d are left, %v", left, err)
	}
}
