package journal_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
)

const origin comity.Origin = "ecowas.example/journal"

// A key made for these tests.
const (
	skey = "PRIVATE+KEY+ecowas.example/journal+4810e6f4+Ac1N1XNwKfpGFedPzYXYzOOgCGH+tnQ37XXb9/hvPaL2"
	vkey = "ecowas.example/journal+4810e6f4+ASI0tkQkSZTI8dVQWiAjd3SXNHaAfFHLbdQh63B/rGo1"
)

func signer(t testing.TB) note.Signer {
	t.Helper()
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func verifiers(t testing.TB) note.Verifiers {
	t.Helper()
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return note.VerifierList(v)
}

// open opens a journal over s; change may alter its configuration.
func open(t testing.TB, s journal.Store, change ...func(*journal.Config)) *journal.Journal {
	t.Helper()
	c := journal.Config{Store: s, Origin: origin, Signer: signer(t), Verifiers: verifiers(t)}
	for _, f := range change {
		f(&c)
	}
	j, err := journal.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// text is a draft of a fixed entry.
func text(format string, args ...any) journal.Draft {
	return func(int64) ([]byte, error) { return fmt.Appendf(nil, format, args...), nil }
}

// fill appends n entries at once.
func fill(t testing.TB, j *journal.Journal, n int) {
	t.Helper()
	drafts := make([]journal.Draft, n)
	for i := range drafts {
		drafts[i] = func(index int64) ([]byte, error) { return fmt.Appendf(nil, "entry %d", index), nil }
	}
	for i, r := range j.AppendAll(context.Background(), drafts...) {
		if r.Err != nil {
			t.Fatalf("entry %d: %v", i, r.Err)
		}
	}
}

// all returns the log's entries, after checking everything about the log.
func all(t testing.TB, s journal.Store) [][]byte {
	t.Helper()
	if err := journal.Verify(t.Context(), s, origin, verifiers(t)); err != nil {
		t.Fatal(err)
	}
	h, err := s.Head(t.Context(), origin)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := s.Entries(t.Context(), origin, 0, h.Size)
	if err != nil {
		t.Fatal(err)
	}
	if root := journaltest.Root(entries); h.Size > 0 && root != h.Root {
		t.Fatalf("root %s over entries with root %s", h.Root, root)
	}
	return entries
}

// mustHold fails unless a recorded entry stands where Append said.
func mustHold(t testing.TB, entries [][]byte, a journal.Appended, want string) {
	t.Helper()
	if a.Index >= int64(len(entries)) || a.Index >= a.Head.Size {
		t.Errorf("recorded at %d, under a head of size %d, but there are %d entries", a.Index, a.Head.Size, len(entries))
	} else if got := string(entries[a.Index]); got != want {
		t.Errorf("entry %d is %q, want %q", a.Index, got, want)
	} else if root := journaltest.Root(entries[:a.Head.Size]); root != a.Head.Root {
		t.Errorf("the head at size %d has root %s, want %s", a.Head.Size, a.Head.Root, root)
	}
}

func contains(entries [][]byte, want string) bool {
	for _, e := range entries {
		if bytes.Equal(e, []byte(want)) {
			return true
		}
	}
	return false
}
