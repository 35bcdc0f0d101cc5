package node_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/node"
)

var update = flag.Bool("update", false, "write down what the newest recorded backup reads as")

// released is what a recorded backup reads as, for ever.
type released struct {
	Digest   casefile.Digest         `json:"digest"`
	Journals map[comity.Origin]int64 `json:"journals"`
	Readable int                     `json:"readable"` // acts that the organization can read
}

// TestReleased: whatever a released version wrote is read by this one as it
// was. Each testdata/released/VERSION.backup was made of eu.example in that
// version's demo, played to the end:
//
//	comity demo --dir T --until 2004-12-31
//	comity backup --dir T/eu.example --to VERSION.backup --recipient RECIPIENT
//
// A release adds one, with -update; one that is there is never changed. If the
// effect set changes, old digests are not compared, as between nodes.
func TestReleased(t *testing.T) {
	f, err := os.Open("testdata/released/identity.txt")
	check(t, err)
	defer f.Close()
	ids, err := age.ParseIdentities(f)
	check(t, err)
	files, err := filepath.Glob("testdata/released/*.backup")
	check(t, err)
	if len(files) == 0 {
		t.Fatal("no version was recorded")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "eu.example")
			_, err := node.Restore(t.Context(), dir, file, "", "", ids...)
			check(t, err)
			got := reading(t, dir)
			golden := strings.TrimSuffix(file, ".backup") + ".json"
			doc, err := os.ReadFile(golden)
			if os.IsNotExist(err) && *update {
				doc, err = json.MarshalIndent(got, "", "\t")
				check(t, err)
				check(t, os.WriteFile(golden, append(doc, '\n'), 0o644))
				return
			}
			check(t, err)
			var want released
			check(t, json.Unmarshal(doc, &want))
			// Kinds that came since are not in it.
			if got.Digest.EffectSet == want.Digest.EffectSet && got.Digest.SHA256 != want.Digest.SHA256 {
				t.Errorf("the digest is %+v, want %+v", got.Digest, want.Digest)
			}
			if got.Readable != want.Readable {
				t.Errorf("%d acts can be read, want %d", got.Readable, want.Readable)
			}
			for o, n := range want.Journals {
				if got.Journals[o] != n {
					t.Errorf("%s has %d entries, want %d", o, got.Journals[o], n)
				}
			}
		})
	}
}

// reading reads everything in a folder, from each journal's first entry.
func reading(t *testing.T, dir string) released {
	t.Helper()
	n, err := node.Open(t.Context(), node.Config{Dir: dir, Visit: true})
	check(t, err)
	defer n.Close()
	r := released{Digest: digest(t, n), Journals: map[comity.Origin]int64{}}
	check(t, n.Fsck(t.Context(), func(o comity.Origin, size int64, err error) { r.Journals[o] = size }))
	for o, size := range r.Journals {
		d, err := o.Domain()
		check(t, err)
		for i := range size {
			h, err := n.Desk.Act(t.Context(), officer, comity.ActName{Domain: d, Index: i})
			if err != nil {
				t.Fatalf("%s/%d: %v", d, i, err)
			}
			if h.Act != nil {
				r.Readable++
			}
		}
	}
	return r
}
