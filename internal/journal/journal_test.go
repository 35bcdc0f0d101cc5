package journal_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
)

func TestAppend(t *testing.T) {
	s := journaltest.NewStore()
	j := open(t, s)
	if h := j.Head(); h.Size != 0 || len(h.Note) != 0 {
		t.Errorf("something was signed before entry 0: %+v", h)
	}
	if _, err := journal.Checkpoint(s, origin)(t.Context()); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("checkpoint before entry 0: %v", err)
	}
	for i := range int64(600) {
		a, err := j.Append(t.Context(), func(index int64) ([]byte, error) { return fmt.Appendf(nil, "entry %d", index), nil })
		if err != nil || a.Index != i || a.Head.Size != i+1 {
			t.Fatalf("append %d: index %d, size %d, %v", i, a.Index, a.Head.Size, err)
		}
		if want := tlog.RecordHash(fmt.Appendf(nil, "entry %d", i)); a.Leaf != want {
			t.Fatalf("append %d: leaf %s, want %s", i, a.Leaf, want)
		}
		if err := a.Head.Check(verifiers(t)); err != nil {
			t.Fatal(err)
		}
	}
	entries := all(t, s)
	for i, e := range entries {
		if want := fmt.Sprintf("entry %d", i); string(e) != want {
			t.Fatalf("entry %d is %q, want %q", i, e, want)
		}
	}
	cp, err := journal.Checkpoint(s, origin)(t.Context())
	if err != nil || !bytes.Equal(cp, j.Head().Note) {
		t.Errorf("stored checkpoint %q, %v; want %q", cp, err, j.Head().Note)
	}
}

func TestOpenAgain(t *testing.T) {
	s := journaltest.NewStore()
	j := open(t, s)
	fill(t, j, 300)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Append(t.Context(), text("late")); !errors.Is(err, journal.ErrClosed) || !errors.Is(err, journal.ErrNotRecorded) {
		t.Errorf("append after Close: %v", err)
	}
	j = open(t, s)
	if a, err := j.Append(t.Context(), text("next")); err != nil || a.Index != 300 {
		t.Errorf("append after opening again: %d, %v; want 300", a.Index, err)
	}
	all(t, s)
}

func TestOpenRefuses(t *testing.T) {
	s := journaltest.NewStore()
	fill(t, open(t, s), 300)
	skey2, vkey2, err := note.GenerateKey(rand.Reader, string(origin))
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := note.NewVerifier(vkey2)
	if err != nil {
		t.Fatal(err)
	}
	other, err := note.NewSigner(skey2)
	if err != nil {
		t.Fatal(err)
	}
	damaged := journaltest.NewStore()
	fill(t, open(t, damaged), 300)
	damaged.Corrupt(origin, func(_ func(int64) []byte, tile func(int, int64) []byte) { tile(0, 1)[40] ^= 1 })
	for _, c := range []struct {
		name string
		c    journal.Config
		want string
	}{
		{"nothing given", journal.Config{}, "are required"},
		{"key of another", journal.Config{Store: s, Origin: "au.example/journal", Signer: signer(t)}, `the key belongs to "ecowas.example/journal"`},
		{"head by an unknown key", journal.Config{Store: s, Origin: origin, Signer: other, Verifiers: note.VerifierList(stranger)}, "checkpoint of ecowas.example/journal"},
		{"damaged tile", journal.Config{Store: damaged, Origin: origin, Signer: signer(t)}, "the database is damaged"},
	} {
		j, err := journal.Open(t.Context(), c.c)
		if err == nil {
			j.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want ...%s...", c.name, err, c.want)
		}
	}
}

// Many callers at once share transactions, and each gets its own place.
func TestGroupCommit(t *testing.T) {
	const callers, each = 256, 4
	s := journaltest.NewStore()
	j := open(t, s)
	appended := make([][each]journal.Appended, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				a, err := j.Append(t.Context(), text("%d/%d", c, i))
				if err != nil {
					t.Errorf("%d/%d: %v", c, i, err)
				}
				appended[c][i] = a
			}
		})
	}
	wg.Wait()
	entries := all(t, s)
	for c := range callers {
		for i, a := range appended[c] {
			mustHold(t, entries, a, fmt.Sprintf("%d/%d", c, i))
			if i > 0 && a.Index <= appended[c][i-1].Index {
				t.Errorf("caller %d: entry %d stands before the one appended before it", c, i)
			}
		}
	}
	if n := s.Commits(); n > callers*each/4 {
		t.Errorf("%d entries took %d transactions: they were not grouped", callers*each, n)
	}
}

func TestDraftErrors(t *testing.T) {
	s := journaltest.NewStore()
	j := open(t, s)
	refused := errors.New("refused")
	results := j.AppendAll(t.Context(),
		text("zero"),
		func(int64) ([]byte, error) { return nil, refused },
		text("one"),
		func(int64) ([]byte, error) { return make([]byte, journal.MaxEntry+1), nil },
		func(int64) ([]byte, error) { return bytes.Repeat([]byte("x"), journal.MaxEntry), nil },
		func(int64) ([]byte, error) { return nil, nil },
	)
	entries := all(t, s)
	mustHold(t, entries, results[0].Appended, "zero")
	if !errors.Is(results[1].Err, refused) {
		t.Errorf("the draft's error became %v", results[1].Err)
	}
	mustHold(t, entries, results[2].Appended, "one")
	var large *journal.EntryTooLargeError
	if !errors.As(results[3].Err, &large) || large.Size != journal.MaxEntry+1 {
		t.Errorf("too large an entry: %v", results[3].Err)
	}
	mustHold(t, entries, results[4].Appended, strings.Repeat("x", journal.MaxEntry))
	mustHold(t, entries, results[5].Appended, "")
	if len(entries) != 4 {
		t.Errorf("%d entries, want 4", len(entries))
	}

	commits := s.Commits()
	if _, err := j.Append(t.Context(), func(int64) ([]byte, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Errorf("a refused draft alone: %v", err)
	}
	if s.Commits() != commits {
		t.Error("a transaction was committed for nothing")
	}
	if results := j.AppendAll(t.Context()); len(results) != 0 {
		t.Errorf("nothing appended: %v", results)
	}
}

func TestBatchLimits(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*journal.Config)
		commits int
	}{
		{"count", func(c *journal.Config) { c.MaxBatch = 10 }, 10},
		{"bytes", func(c *journal.Config) { c.MaxBatchBytes = 1000 }, 20}, // 5 entries of 200 bytes
		{"none", func(c *journal.Config) {}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := journaltest.NewStore()
			j := open(t, s, c.change)
			drafts := make([]journal.Draft, 100)
			for i := range drafts {
				drafts[i] = text("%0200d", i)
			}
			results := j.AppendAll(t.Context(), drafts...)
			entries := all(t, s)
			for i, r := range results {
				if r.Err != nil || r.Index != int64(i) {
					t.Fatalf("entry %d: at %d, %v", i, r.Index, r.Err)
				}
				mustHold(t, entries, r.Appended, fmt.Sprintf("%0200d", i))
			}
			if s.Commits() != c.commits {
				t.Errorf("%d transactions, want %d", s.Commits(), c.commits)
			}
		})
	}
}

func TestProject(t *testing.T) {
	s := journaltest.NewStore()
	var seen []string
	refuse := false
	j := open(t, s, func(c *journal.Config) {
		c.Project = func(tx journal.Tx, first int64, entries [][]byte) error {
			for i, e := range entries {
				seen = append(seen, fmt.Sprintf("%d %s", first+int64(i), e))
			}
			if refuse {
				return errors.New("cannot project")
			}
			return nil
		}
	})
	for i, r := range j.AppendAll(t.Context(), text("a"), text("b")) {
		if r.Err != nil {
			t.Fatalf("%d: %v", i, r.Err)
		}
	}
	refuse = true
	if _, err := j.Append(t.Context(), text("c")); !errors.Is(err, journal.ErrNotRecorded) {
		t.Errorf("recorded though the projection failed: %v", err)
	}
	refuse = false
	if _, err := j.Append(t.Context(), text("d")); err != nil {
		t.Error(err)
	}
	if got, want := fmt.Sprint(seen), "[0 a 1 b 2 c 2 d]"; got != want {
		t.Errorf("projected %s, want %s", got, want)
	}
	if got, want := fmt.Sprintf("%s", all(t, s)), "[a b d]"; got != want {
		t.Errorf("recorded %s, want %s", got, want)
	}
}

// An entry that is still queued when its caller gives up is not recorded.
func TestAppendGivenUp(t *testing.T) {
	s := journaltest.NewStore()
	j := open(t, s)
	begun, goOn := make(chan struct{}), make(chan struct{})
	first := make(chan error)
	go func() {
		_, err := j.Append(t.Context(), func(int64) ([]byte, error) {
			close(begun)
			<-goOn
			return []byte("first"), nil
		})
		first <- err
	}()
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	results := j.AppendAll(ctx, text("given up"), text("given up"))
	for _, r := range results {
		if !errors.Is(r.Err, context.Canceled) || !errors.Is(r.Err, journal.ErrNotRecorded) {
			t.Errorf("given up: %v", r.Err)
		}
	}
	close(goOn)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if got := all(t, s); len(got) != 1 || contains(got, "given up") {
		t.Errorf("recorded: %q", got)
	}
}

func TestCloseRecordsWhatIsQueued(t *testing.T) {
	s := journaltest.NewStore()
	j := open(t, s, func(c *journal.Config) { c.MaxBatch = 1 })
	begun, goOn := make(chan struct{}), make(chan struct{})
	done := make(chan []journal.Result)
	go func() {
		done <- j.AppendAll(t.Context(), func(int64) ([]byte, error) {
			close(begun)
			<-goOn
			return []byte("first"), nil
		}, text("second"), text("third"))
	}()
	<-begun
	closed := make(chan struct{})
	go func() {
		j.Close()
		close(closed)
	}()
	close(goOn)
	for i, r := range <-done {
		if r.Err != nil {
			t.Errorf("entry %d: %v", i, r.Err)
		}
	}
	<-closed
	if got, want := fmt.Sprintf("%s", all(t, s)), "[first second third]"; got != want {
		t.Errorf("recorded %s, want %s", got, want)
	}
	j.Close() // again
}

func TestWait(t *testing.T) {
	s := journaltest.NewStore()
	j := open(t, s)
	got := make(chan journal.Head)
	go func() {
		h, err := j.Wait(t.Context(), 2)
		if err != nil {
			t.Error(err)
		}
		got <- h
	}()
	fill(t, j, 1)
	fill(t, j, 1)
	select {
	case h := <-got:
		t.Errorf("Wait for more than 2 returned %d", h.Size)
	default:
	}
	fill(t, j, 3)
	if h := <-got; h.Size < 3 {
		t.Errorf("Wait for more than 2 returned %d", h.Size)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Wait(ctx, 100); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait with an ended context: %v", err)
	}
	j.Close()
	if _, err := j.Wait(t.Context(), 100); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Wait on a closed journal: %v", err)
	}
}

// A database restored from an old copy would make the journal contradict
// itself: nothing is signed.
func TestHeadBehind(t *testing.T) {
	s := journaltest.NewStore()
	j := open(t, s)
	fill(t, j, 300)
	seen := j.Head()
	s.Rewind(origin, 290)
	_, err := j.Append(t.Context(), text("again"))
	var behind *journal.BehindError
	if !errors.As(err, &behind) || behind.Stored.Size != 290 || behind.Seen.Size != 300 || !errors.Is(err, journal.ErrNotRecorded) {
		t.Fatalf("append to an old copy: %v", err)
	}
	if !strings.Contains(err.Error(), "until the missing entries are back") {
		t.Errorf("the error does not say what to do: %v", err)
	}
	if h := j.Head(); h.Size != seen.Size || h.Root != seen.Root {
		t.Errorf("the head went back to %d", h.Size)
	}
	if h, err := s.Head(t.Context(), origin); err != nil || h.Size != 290 {
		t.Errorf("something was written: %d, %v", h.Size, err)
	}

	// Another past of the same length, or longer, is no better.
	for _, n := range []int{0, 20} {
		if err := s.Update(t.Context(), origin, func(tx journal.Tx) error {
			h, err := tx.Head()
			if err != nil {
				return err
			}
			entries := [][]byte{}
			for i := h.Size; i < 300+int64(n); i++ {
				entries = append(entries, fmt.Appendf(nil, "other %d", i))
			}
			size, root, err := journal.Extend(tx, entries)
			if err != nil {
				return err
			}
			return tx.PutHead(journal.Head{Origin: origin, Size: size, Root: root})
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Append(t.Context(), text("again")); !errors.As(err, &behind) {
			t.Errorf("append to another past with %d more: %v", n, err)
		}
	}
}

// Several processes may write one journal, on one database.
func TestTwoProcesses(t *testing.T) {
	s := journaltest.NewStore()
	a, b := open(t, s), open(t, s)
	for i := range 40 {
		fill(t, a, i)
		fill(t, b, 7)
	}
	if a.Head().Size >= b.Head().Size {
		t.Errorf("heads %d and %d", a.Head().Size, b.Head().Size)
	}
	all(t, s)
}

func TestSaw(t *testing.T) {
	s := journaltest.NewStore()
	j := open(t, s)
	fill(t, j, 20)
	tree := func(size int64) journal.Head {
		return journal.Head{Origin: origin, Size: size, Root: journaltest.Root(all(t, s)[:size])}
	}
	for _, size := range []int64{0, 1, 19, 20} {
		if err := j.Saw(t.Context(), tree(size)); err != nil {
			t.Errorf("saw its own tree of size %d: %v", size, err)
		}
	}
	fill(t, j, 1)

	// The world has seen more than the database holds.
	more := journaltest.NewStore()
	jj := open(t, more)
	fill(t, jj, 25)
	ahead := jj.Head()
	var behind *journal.BehindError
	if err := j.Saw(t.Context(), ahead); !errors.As(err, &behind) || behind.Seen.Size != 25 {
		t.Fatalf("saw a larger tree: %v", err)
	}
	if _, err := j.Append(t.Context(), text("again")); !errors.As(err, &behind) {
		t.Errorf("append behind what the world has seen: %v", err)
	}
	// The newest copy comes back: go on.
	fill(t, open(t, s), 4)
	if a, err := j.Append(t.Context(), text("next")); err != nil || a.Index != 25 {
		t.Errorf("append with the newest copy back: %d, %v", a.Index, err)
	}

	// The world has seen something else: never again.
	if err := j.Saw(t.Context(), journal.Head{Origin: origin, Size: 5, Root: tlog.Hash{1}}); !errors.As(err, &behind) {
		t.Fatalf("saw another tree: %v", err)
	}
	if _, err := j.Append(t.Context(), text("again")); !errors.As(err, &behind) {
		t.Errorf("append beside what the world has seen: %v", err)
	}
}
