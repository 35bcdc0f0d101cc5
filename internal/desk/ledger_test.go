package desk_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/seal"
)

// secret issues an act of from that is sealed to the others.
func secret(from *house, to ...*house) comity.Ref {
	a := situation("A secret")
	a.TLP = comity.Red
	for _, o := range to {
		a.To = append(a.To, act.To{Org: o.domain.Party(), For: act.ForInformation})
	}
	return from.issue(a)
}

// write writes an entry into a journal that the house follows.
func write(ctx context.Context, s journal.Store, o comity.Origin, entry []byte) error {
	return s.Update(ctx, o, func(tx journal.Tx) error {
		size, root, err := journal.Extend(tx, [][]byte{entry})
		if err != nil {
			return err
		}
		return tx.PutHead(journal.Head{Origin: o, Size: size, Root: root, Note: []byte("test")})
	})
}

// Whoever writes another's commitment into its own journal, of which it has
// nothing to serve, keeps nobody from fetching and opening the other's act.
func TestCopiedCommitment(t *testing.T) {
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	meet(un, au)
	ref := secret(au, un)
	carry(au, un, false)
	real, err := un.desk.Act(t.Context(), officer, ref.Act)
	check(t, err)
	forged := *real.Sealed
	forged.Effects.Size, forged.Content.Size = 1, 1
	entry, err := act.EncodeSealed("aa.example", comity.TimeOf(start), comity.Exercise, forged)
	check(t, err)
	check(t, write(t.Context(), un.ledger.Journals(), "aa.example/journal", entry))

	if got := missing(un, au.domain.Origin()); len(got) != 2 || got[0].Size == 1 {
		t.Fatalf("missing of au.example: %v, want its two blobs", got)
	}
	carry(au, un, true)
	held, err := un.desk.Act(t.Context(), officer, ref.Act)
	check(t, err)
	if held.Act == nil || held.Act.Title != "A secret" {
		t.Errorf("the act is not open: %q", held.Why)
	}
	copied, err := un.desk.Act(t.Context(), officer, comity.ActName{Domain: "aa.example"})
	check(t, err)
	if copied.Act != nil {
		t.Error("the copy is open too")
	}
	if got := missing(un, "aa.example/journal"); len(got) != 0 {
		t.Errorf("missing of aa.example: %v, want none: they are here", got)
	}
}

// A node is stopped between the two blobs of an act that is sealed to others.
// It goes on to fetch the second, for which it signs as a mirror.
func TestStoppedBetweenBlobs(t *testing.T) {
	un, au, eu := newHouse(t, "un.example"), newHouse(t, "au.example"), newHouse(t, "eu.example")
	meet(un, au, eu)
	ref := secret(au, eu)
	carry(au, un, false)
	act, err := un.desk.Act(t.Context(), officer, ref.Act)
	check(t, err)
	b, err := au.blobs.Get(t.Context(), act.Sealed.Effects.SHA256)
	check(t, err)
	_, err = un.blobs.Put(t.Context(), b)
	check(t, err)
	check(t, un.ledger.Arrived(t.Context(), act.Sealed.Effects.SHA256))
	un.reopen()
	if got := missing(un, au.domain.Origin()); len(got) != 1 || got[0].SHA256 != act.Sealed.Content.SHA256 {
		t.Errorf("missing: %v, want the content %s", got, act.Sealed.Content.SHA256)
	}
}

// Both blobs of an act may arrive at the same time.
func TestBlobsArriveTogether(t *testing.T) {
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	meet(un, au)
	for range 20 {
		secret(au, un)
	}
	carry(au, un, false)
	var wg sync.WaitGroup
	for _, c := range missing(un, au.domain.Origin()) {
		b, err := au.blobs.Get(t.Context(), c.SHA256)
		check(t, err)
		wg.Go(func() {
			if _, err := un.blobs.Put(t.Context(), b); err != nil {
				t.Error(err)
			}
			if err := un.ledger.Arrived(t.Context(), c.SHA256); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	all, err := un.desk.Acts(t.Context(), officer, 0, 100)
	check(t, err)
	for _, h := range all {
		if h.Act == nil {
			t.Errorf("%s is not open: %s", h.Name, h.Why)
		}
	}
}

// An entry that was committed is recorded, whatever the disk says after that,
// and is opened once its blobs can be read.
func TestDiskFailsAfterCommit(t *testing.T) {
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	meet(un, au)
	ref := secret(au, un)
	h, err := au.desk.Act(t.Context(), officer, ref.Act)
	check(t, err)
	// A file where the folder should be: neither there nor missing.
	sha := h.Sealed.Effects.SHA256
	shard := filepath.Join(un.dir, "blobs", hex.EncodeToString(sha[:1]))
	check(t, os.RemoveAll(shard))
	check(t, os.WriteFile(shard, nil, 0o600))

	carry(au, un, false)
	if got := un.ledger.Size(au.domain); got != 2 {
		t.Fatalf("%d entries are in the ledger, want 2", got)
	}
	other := un.issue(situation("Another"))
	if err := un.ledger.Arrived(t.Context(), sha); err == nil {
		t.Error("a blob arrived on a disk that cannot be read")
	}
	check(t, os.Remove(shard))
	carry(au, un, true)
	all, err := un.desk.Acts(t.Context(), officer, 0, 100)
	check(t, err)
	if len(all) != 4 || all[3].Name != other.Act || all[2].Name != ref.Act || all[2].Act == nil {
		t.Errorf("%d acts are held, want 4, the newest last and the secret open", len(all))
	}
}

// A blob that is damaged when it is needed is fetched again; what was opened
// stays open.
func TestDamagedBlob(t *testing.T) {
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	meet(un, au)
	first := secret(au, un)
	carry(au, un, true)
	ref := secret(au, un)
	carry(au, un, false)
	h, err := un.desk.Act(t.Context(), officer, ref.Act)
	check(t, err)
	for _, sha := range []comity.Hash{h.Sealed.Effects.SHA256, h.Sealed.Content.SHA256} {
		whole, err := au.blobs.Get(t.Context(), sha)
		check(t, err)
		_, err = un.blobs.Put(t.Context(), whole)
		check(t, err)
		check(t, os.WriteFile(filepath.Join(un.dir, "blobs", hex.EncodeToString(sha[:1]), sha.String()), []byte("damaged"), 0o600))
		check(t, un.ledger.Arrived(t.Context(), sha))
	}
	un.reopen()
	if h, err = un.desk.Act(t.Context(), officer, ref.Act); err != nil || h.Act != nil {
		t.Fatalf("the act is open: %v, %v", h.Act, err)
	}
	carry(au, un, true)
	for _, n := range []comity.ActName{first.Act, ref.Act} {
		if h, err = un.desk.Act(t.Context(), officer, n); err != nil || h.Act == nil {
			t.Errorf("%s is not open: %q, %v", n, h.Why, err)
		}
	}
}

// lossy commits and says that nobody knows, and cannot be read then.
type lossy struct {
	desk.Store
	lost bool
	deaf int // how often it cannot be read
}

var errDeaf = errors.New("the database does not answer")

func (s *lossy) Update(ctx context.Context, o comity.Origin, fn func(journal.Tx) error) error {
	err := s.Store.Update(ctx, o, fn)
	if err == nil && s.lost {
		s.lost = false
		return journal.ErrAmbiguous
	}
	return err
}

func (s *lossy) Position(ctx context.Context) (int64, map[comity.Origin]int64, error) {
	if s.deaf > 0 {
		s.deaf--
		return 0, nil, errDeaf
	}
	return s.Store.Position(ctx)
}

// A commit whose answer was lost, and that could not be looked up at once, is
// in the ledger when its writer learns that it took place.
func TestLostCommitSettled(t *testing.T) {
	un := newHouse(t, "un.example")
	store := &lossy{Store: un.store}
	l, err := desk.OpenLedger(t.Context(), "un.example", store, un.blobs, seal.Keyring{un.key}, desk.LedgerOptions{})
	check(t, err)
	store.lost, store.deaf = true, 1
	o := comity.Origin("other.example/journal")
	if err := write(t.Context(), l.Journals(), o, []byte("an entry")); !errors.Is(err, journal.ErrAmbiguous) {
		t.Fatalf("got %v, want ErrAmbiguous", err)
	}
	// As a journal looks for what became of it.
	looked := errors.New("looked")
	if err := l.Journals().Update(t.Context(), o, func(journal.Tx) error { return looked }); !errors.Is(err, looked) {
		t.Fatal(err)
	}
	if got := l.Size("other.example"); got != 1 {
		t.Errorf("the ledger has %d entries of it, want 1", got)
	}
}

// What a sealed act says can be forgotten: what it did stays, its words are
// nowhere in the database.
func TestForget(t *testing.T) {
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	meet(un, au)
	ref := secret(au, un)
	carry(au, un, true)
	in := func() bool {
		t.Helper()
		_, err := un.desk.Situations(t.Context(), officer) // a list has its title, too
		check(t, err)
		all, err := un.store.Dump(t.Context())
		check(t, err)
		return bytes.Contains(all, []byte("A secret"))
	}
	if !in() {
		t.Fatal("it is not there before")
	}
	for _, want := range []bool{true, false} {
		if removed, err := un.ledger.Forget(t.Context(), ref.Act); err != nil || removed != want {
			t.Errorf("forgotten: %v, %v; want %v", removed, err, want)
		}
	}
	for _, when := range []string{"at once", "after a restart"} {
		h, err := un.desk.Act(t.Context(), officer, ref.Act)
		check(t, err)
		v, err := un.desk.Situation(t.Context(), officer, ref.Act)
		check(t, err)
		if h.Act == nil || !h.Act.ContentErased || h.Act.Title != "" || h.Opened != nil || v.Title != "" || in() {
			t.Errorf("%s: %+v, the file is called %q", when, h.Act, v.Title)
		}
		un.reopen()
	}
}

// Whoever has read an act finds it in every list at once, even if another
// process wrote it, or this one whose transaction just ends: what a list was a
// moment ago is not shown then.
func TestListsHaveWhatWasRead(t *testing.T) {
	a := newHouse(t, "un.example")
	meet(a, newHouse(t, "au.example"))
	b := a.twin()
	b.peers = a.peers
	file := a.issue(situation("The situation in Alba"))
	asks := func() int {
		all, err := a.desk.Asks(t.Context(), officer, desk.AskFilter{})
		check(t, err)
		return len(all)
	}
	for i := range 3 {
		if n := asks(); n != i {
			t.Fatalf("%d asks, want %d", n, i)
		}
		ask := b.issue(request(file, "Send observers", "au.example"))
		_, err := a.desk.Act(t.Context(), officer, ask.Act)
		check(t, err)
		if n := asks(); n != i+1 {
			t.Errorf("an ask was read by its name, and %d of %d are listed", n, i+1)
		}
	}
	// The same when the file was read.
	next := b.issue(situation("The situation in Bora"))
	_, err := a.desk.Situation(t.Context(), officer, next.Act)
	check(t, err)
	all, err := a.desk.Situations(t.Context(), officer)
	check(t, err)
	if len(all) != 2 {
		t.Errorf("%d files are listed, want 2", len(all))
	}
}

// A list is made anew when an act was opened that had arrived before.
func TestListsHaveWhatWasOpened(t *testing.T) {
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	meet(un, au)
	ref := secret(au, un)
	carry(au, un, false)
	files := func() int {
		all, err := un.desk.Situations(t.Context(), officer)
		check(t, err)
		return len(all)
	}
	if n := files(); n != 0 {
		t.Fatalf("%d files, want none", n)
	}
	carry(au, un, true)
	h, err := un.desk.Act(t.Context(), officer, ref.Act)
	check(t, err)
	if n := files(); h.Act == nil || n != 1 {
		t.Errorf("the act was opened (%t), and %d files are listed, want 1", h.Act != nil, n)
	}
}

// Whoever writes another's commitment into its own journal, and then erases
// that act "of its own", has nothing removed at who can open the box and sees
// whose it is: neither if it copied the commitment, nor if it wrote another size
// or HMAC beside the hash, nor of the box with the effects. Who cannot removes it,
// and fetches it again when it looks.
func TestCopiedCommitmentErased(t *testing.T) {
	for name, claim := range map[string]func(*act.Sealed){
		"copied":        func(*act.Sealed) {},
		"another HMAC":  func(s *act.Sealed) { s.Content.HMAC[0] ^= 1 },
		"another size":  func(s *act.Sealed) { s.Content.Size++ },
		"the effects":   func(s *act.Sealed) { s.Content, s.Effects = s.Effects, s.Content },
		"both, another": func(s *act.Sealed) { s.Content, s.Effects = s.Effects, s.Content; s.Content.HMAC[0] ^= 1 },
	} {
		t.Run(name, func(t *testing.T) { claimedAndErased(t, claim) })
	}
}

func claimedAndErased(t *testing.T, claim func(*act.Sealed)) {
	un, au, eu, aa := newHouse(t, "un.example"), newHouse(t, "au.example"), newHouse(t, "eu.example"), newHouse(t, "aa.example")
	meet(un, au, eu, aa)
	ref := secret(au, un)
	for _, h := range []*house{un, eu} {
		carry(au, h, true)
	}
	real, err := au.desk.Act(t.Context(), officer, ref.Act)
	check(t, err)
	claims := *real.Sealed
	claim(&claims)
	box := claims.Content.SHA256
	forged, err := act.EncodeSealed(aa.domain, comity.TimeOf(start), comity.Exercise, claims)
	check(t, err)
	claimed := comity.ActName{Domain: aa.domain}
	doc := situation("A report is erased")
	doc.Kind, doc.Body = "erasure.v1", fmt.Appendf(nil, `{"reason":"It is mine.","acts":[%q]}`, claimed)
	b, err := act.Encode(doc)
	check(t, err)
	decoded, err := act.Decode(b)
	check(t, err)
	parsed, err := act.ParseDocument(b)
	check(t, err)
	check(t, parsed.Set("effects", decoded.Effects))
	erasure, err := act.EncodeEntry(parsed.Bytes(), aa.domain, comity.TimeOf(start))
	check(t, err)
	for _, h := range []*house{un, au, eu} {
		check(t, write(t.Context(), h.ledger.Journals(), aa.domain.Origin(), forged))
		check(t, write(t.Context(), h.ledger.Journals(), aa.domain.Origin(), erasure))
		check(t, h.desk.Erase(t.Context(), false))
		if e, ok, err := h.desk.Erased(t.Context(), claimed); err != nil || !ok || e.Purged.IsZero() {
			t.Fatalf("%s has not carried out the erasure that it should see through: %+v, %v", h.domain, e, err)
		}
	}
	for _, h := range []*house{un, au} {
		if _, err := h.blobs.Get(t.Context(), box); err != nil {
			t.Errorf("%s, which can open the box, has removed it: %v", h.domain, err)
		}
		h.reopen()
		check(t, h.desk.Erase(t.Context(), true)) // as at every start
		got, err := h.desk.Act(t.Context(), officer, ref.Act)
		check(t, err)
		if got.Act == nil || got.Act.Title != "A secret" || got.Act.ContentErased || !got.Fact.Erased.IsZero() {
			t.Errorf("%s reads of the act that was not erased: %+v", h.domain, got)
		}
	}
	missed, err := eu.ledger.CheckBoxes(t.Context(), au.domain.Origin(), ref.Act.Index+1)
	check(t, err)
	if keep, err := eu.ledger.Keeps(t.Context(), box); missed != 1 || err != nil || !keep {
		t.Errorf("eu.example, which cannot open the box: %d boxes are missed, and it would be kept: %v, %v", missed, keep, err)
	}
}
