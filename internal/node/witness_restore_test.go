package node_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/keys"
)

// A witness that was restored cosigns no other past of a journal than the one that
// it cosigned after the backup: nothing before it has heard from others what that
// was, and what they know is here.
func TestRestoredWitness(t *testing.T) {
	t.Parallel()
	un, au, oas := newHouse(t, "un.example"), newHouse(t, "au.example"), newHouse(t, "oas.example")
	un.follow(au, oas)
	au.follow(un, oas)
	oas.follow(un, au)
	oas.issue(situation("The situation in Alba"))
	oas.stored(2, un, au)
	rotated := au.rotate(keys.Witness) // the one in use is not the first
	un.reads(rotated)
	oas.reads(rotated)
	_, signed := oas.do("GET", "/journal/checkpoint", "", nil)
	text, _, _ := strings.Cut(string(signed), "\n\n")
	two, err := torchwood.ParseCheckpoint(text + "\n")
	check(t, err)
	backup := filepath.Join(t.TempDir(), "backup")
	if _, err := node.WriteBackup(t.Context(), au.dir, backup, "test"); err != nil {
		t.Fatal(err)
	}
	oas.issue(situation("The situation in Belan"))
	oas.stored(3, un, au)

	// oas.example's key in other hands: another entry behind the first two.
	leaf := tlog.RecordHash([]byte("another entry"))
	other, err := note.Sign(&note.Note{Text: torchwood.Checkpoint{Origin: "oas.example/journal",
		Tree: tlog.Tree{N: 3, Hash: tlog.NodeHash(two.Hash, leaf)}}.String()}, oas.Folder.Keys.Log)
	check(t, err)
	request := fmt.Appendf(nil, "old 2\n%s\n\n%s", leaf, other)
	answers := func(want int) {
		t.Helper()
		if code, answer := au.do("POST", "/journal/witness/add-checkpoint", "", request); code != want {
			t.Fatalf("the witness answers %d %s, want %d", code, answer, want)
		}
	}

	check(t, au.close())
	check(t, un.close())
	check(t, oas.close())
	dir := filepath.Join(t.TempDir(), "new")
	check(t, os.CopyFS(filepath.Join(dir, "keys"), os.DirFS(filepath.Join(au.dir, "keys"))))
	for _, key := range must(filepath.Glob(filepath.Join(dir, "keys", "*"))) {
		check(t, os.Chmod(key, 0o600))
	}
	if _, err := node.Restore(t.Context(), dir, backup, "", ""); err != nil {
		t.Fatal(err)
	}
	au.dir = dir
	au.start()
	answers(http.StatusServiceUnavailable) // nobody says anything

	// un.example says how far it has seen it, which is further than what is here.
	un.start()
	until(t, "au.example to ask", func() bool {
		return strings.Contains(au.WitnessHeld("oas.example"), "2 entries of it are kept here, and 3 were signed")
	})
	answers(http.StatusServiceUnavailable)

	oas.start()
	until(t, "the mark to go", func() bool {
		_, err := os.Stat(filepath.Join(dir, "restored-witness"))
		return os.IsNotExist(err)
	})
	answers(http.StatusConflict) // it remembers the third entry again
	oas.issue(situation("The situation in Cadra"))
	oas.stored(4, un, au)
}

// Another key has cosigned nothing.
func TestRestoredWitnessOfAnotherKey(t *testing.T) {
	t.Parallel()
	un := newHouse(t, "un.example")
	check(t, un.close())
	mark := filepath.Join(un.dir, "restored-witness")
	check(t, os.WriteFile(mark, []byte("The witness un.example/witness+00000000+xyz was restored from a backup.\n"), 0o600))
	un.start()
	until(t, "the mark to go", func() bool {
		_, err := os.Stat(mark)
		return os.IsNotExist(err)
	})
}
