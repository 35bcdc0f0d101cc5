package node_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
)

// An old copy of the folder is put back. The witness remembers more than it
// holds, so that nothing is signed: two acts of one name would be a fork.
func TestRestoredOldCopySignsNothing(t *testing.T) {
	un, witness := newHouse(t, "un.example"), newHouse(t, "ecowas.example")
	un.follow(witness)
	witness.follow(un)
	database := filepath.Join(un.dir, "comity.db")

	note := func(title string) []byte {
		doc, err := act.Encode(&act.Act{Kind: "situation.v1", Date: comity.TimeOf(un.Desk.Now().Time), Status: comity.Exercise, TLP: comity.Clear, Title: title})
		check(t, err)
		return doc
	}
	check(t, un.close()) // which leaves all in one file
	old, err := os.ReadFile(database)
	check(t, err)

	un.start()
	if code, b := un.do("POST", "/api/v1/acts", un.token, note("After the copy")); code != http.StatusCreated {
		t.Fatalf("%d\n%s", code, b)
	}
	until(t, "the witness to have seen the act", func() bool {
		p, ok := un.peer("ecowas.example")
		return ok && p.Witness != nil && p.Witness.Size >= 2 // the key act, and this one
	})
	check(t, un.close())
	check(t, os.WriteFile(database, old, 0o600))
	for _, f := range []string{database + "-wal", database + "-shm"} {
		if err := os.Remove(f); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}

	un.start()
	code, b := un.do("POST", "/api/v1/acts", un.token, note("In place of it"))
	if code != http.StatusServiceUnavailable || !strings.Contains(string(b), "restored from an old copy") {
		t.Errorf("answered %d\n%s", code, b)
	}
	if got := un.page("/board"); strings.Contains(got, "In place of it") {
		t.Error("it was recorded all the same")
	}
}
