package node_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/sync/errgroup"

	"github.com/comity/comity/act"
)

// The journal, checked with verifiers that nobody here wrote.

// long is a house whose journal has a full bundle and a partial one.
func long(t *testing.T) (*house, int64) {
	t.Helper()
	un := newHouse(t, "un.example")
	file := un.issue(situation("The situation in Alba"))
	who := officer
	var g errgroup.Group
	g.SetLimit(32)
	const notes = 300
	for i := range notes {
		g.Go(func() error {
			doc, err := act.Encode(noteIn(file, fmt.Sprintf("Note %d", i)))
			if err != nil {
				return err
			}
			_, err = un.Desk.Issue(t.Context(), who, doc)
			return err
		})
	}
	check(t, g.Wait())
	return un, 2 + notes
}

// readLog reads and verifies every entry of a served log with torchwood's
// client, under a checkpoint that satisfies the policy.
func readLog(t testing.TB, base string, policy torchwood.Policy) [][]byte {
	t.Helper()
	f, err := torchwood.NewTileFetcher(base, torchwood.WithHTTPClient(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}))
	check(t, err)
	client, err := torchwood.NewClient(f)
	check(t, err)
	signed, err := f.ReadEndpoint(t.Context(), "checkpoint")
	check(t, err)
	cp, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		t.Fatalf("%scheckpoint: %v\n%s", base, err, signed)
	}
	var out [][]byte
	for i, e := range client.AllEntries(t.Context(), cp.Tree, 0) {
		if i != int64(len(out)) {
			t.Fatalf("entry %d after %d", i, len(out))
		}
		out = append(out, e)
	}
	check(t, client.Err())
	if int64(len(out)) != cp.N {
		t.Fatalf("%s has %d entries under a checkpoint of %d", base, len(out), cp.N)
	}
	return out
}

func TestTorchwoodReadsTheJournal(t *testing.T) {
	t.Parallel()
	un, size := long(t)
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy("un.example/journal"), torchwood.SingleVerifierPolicy(logVerifier(t, un)))
	entries := readLog(t, un.url("/journal/"), policy)
	if int64(len(entries)) != size {
		t.Errorf("%d entries, want %d", len(entries), size)
	}
	for i, e := range entries {
		if _, err := act.DecodeEntry("un.example", e); err != nil {
			t.Errorf("entry %d: %v", i, err)
		}
	}
}

// tesseraFsck is Tessera's checker of a served log. It ends with success also
// if the log is bad; only this line tells.
const (
	tesseraFsck = "github.com/transparency-dev/tessera/cmd/fsck@v1.0.4"
	tesseraSays = "Successfully fsck'd"
)

func TestTesseraFsck(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds a program of others")
	}
	fsck := installTessera(t)
	un, _ := long(t)
	key := filepath.Join(t.TempDir(), "key.txt")
	check(t, os.WriteFile(key, []byte(un.Self.LogKey+"\n"), 0o600))

	out := runTessera(t, fsck, un.url("/journal/"), key)
	if !strings.Contains(out, tesseraSays) {
		t.Errorf("Tessera's fsck of the journal:\n%s", out)
	}

	// One byte of one bundle is another.
	damaged := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		un.Handler().ServeHTTP(rec, r)
		b := rec.Body.Bytes()
		if r.URL.Path == "/journal/tile/entries/000" {
			b = bytes.Replace(b, []byte("Note 7"), []byte("Note 8"), 1)
		}
		w.WriteHeader(rec.Code)
		w.Write(b)
	}))
	t.Cleanup(damaged.Close)
	resp, err := http.Get(damaged.URL + "/journal/tile/entries/000")
	check(t, err)
	b, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	check(t, err)
	if _, whole := un.do("GET", "/journal/tile/entries/000", "", nil); bytes.Equal(b, whole) {
		t.Fatal("the bundle was not damaged")
	}
	if out := runTessera(t, fsck, damaged.URL+"/journal/", key); strings.Contains(out, tesseraSays) {
		t.Errorf("Tessera's fsck of a damaged journal:\n%s", out)
	}
}

// installTessera builds the checker in a folder of its own, so that it does
// not become a dependency of this module.
func installTessera(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "go", "install", tesseraFsck)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := c.CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("go install %s: %v\n%s", tesseraFsck, err, out)
		}
		t.Skipf("left out: Tessera's fsck could not be built: %v: %s", err, out)
	}
	return filepath.Join(dir, "fsck")
}

// runTessera returns what the checker printed, at the latest after a while: on
// a bad bundle it may hang.
func runTessera(t *testing.T, fsck, url, key string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, _ := exec.CommandContext(ctx, fsck, "--storage_url="+url, "--public_key="+key, "--origin=un.example/journal", "--ui=false", "--N=8").CombinedOutput()
	return string(out)
}
