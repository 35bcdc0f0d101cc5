package node_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/node"
)

// copyOf returns a copy of the folder of a house that is stopped.
func copyOf(t *testing.T, h *house) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	check(t, os.CopyFS(dir, os.DirFS(h.dir)))
	return dir
}

// putBack puts a copy of the whole folder back.
func (h *house) putBack(from string) {
	h.t.Helper()
	check(h.t, os.RemoveAll(h.dir))
	check(h.t, os.CopyFS(h.dir, os.DirFS(from)))
	// Keys must not be readable by others, which a copy forgets.
	check(h.t, filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	}))
}

func sealedNote(file comity.ActName, title string, to ...comity.Party) *act.Act {
	a := noteIn(file, title)
	a.TLP = comity.Amber
	for _, o := range to {
		a.To = append(a.To, act.To{Org: o, For: act.ForInformation})
	}
	return a
}

// sameDigest waits until the houses show the same file.
func sameDigest(t *testing.T, houses ...*house) {
	t.Helper()
	until(t, "the same digest everywhere", func() bool {
		var first api.Digest
		for i, h := range houses {
			var d api.Digest
			if !h.get("/api/v1/digest", &d) {
				return false
			}
			if i == 0 {
				first = d
			} else if d != first {
				return false
			}
		}
		return true
	})
}

// refused tries to record an act, and returns why it is not.
func (h *house) refused(a *act.Act) string {
	h.t.Helper()
	doc, err := act.Encode(a)
	check(h.t, err)
	code, b := h.do("POST", "/api/v1/acts", h.token, doc)
	if code != http.StatusServiceUnavailable || !strings.Contains(string(b), "othing was recorded") {
		h.t.Fatalf("%s: answered %d\n%s", h.domain, code, b)
	}
	return string(b)
}

// Yesterday's copy of the whole folder is put back. What was said since comes
// back from the mirrors, sealed acts and their contents included, and the
// journal goes on behind it.
func TestRestoredOldCopy(t *testing.T) {
	t.Parallel()
	un, au, eu := newHouse(t, "un.example"), newHouse(t, "au.example"), newHouse(t, "eu.example")
	all := []*house{un, au, eu}
	for _, h := range all {
		for _, o := range all {
			if h != o {
				h.follow(o)
			}
		}
	}
	file := un.issue(situation("The situation in Alba"))
	for i := range 5 {
		un.issue(noteIn(file, fmt.Sprintf("Before the copy %d", i)))
	}
	un.issue(sealedNote(file, "Sealed before the copy", "au.example"))
	un.stored(8, au, eu)
	check(t, un.close())
	old := copyOf(t, un)
	un.start()
	var notes []*act.Act
	for i := range 300 { // over the edge of a bundle
		notes = append(notes, noteIn(file, fmt.Sprintf("After the copy %d", i)))
	}
	un.record(notes...)
	sealed := un.issue(sealedNote(file, "Sealed after the copy", "au.example"))
	own := un.issue(sealedNote(file, "Sealed to nobody else"))
	size := own.Index + 1
	un.stored(size, au, eu)
	check(t, un.close())

	un.putBack(old)
	un.start()
	next := un.issue(noteIn(file, "After the copy was put back"))
	if next.Index != size {
		t.Errorf("it went on at %d, want %d", next.Index, size)
	}
	for name, title := range map[comity.ActName]string{sealed: "Sealed after the copy", own: "Sealed to nobody else"} {
		if got := un.reads(name); !bytes.Contains(got.Document, []byte(title)) {
			t.Errorf("%s: %s", name, got.Document)
		}
	}
	un.stored(size+1, au, eu)
	sameDigest(t, all...)
	for _, h := range all {
		check(t, h.Fsck(t.Context(), func(o comity.Origin, size int64, err error) {
			if err != nil {
				t.Errorf("%s: %s at %d: %v", h.domain, o, size, err)
			}
		}))
	}
	for _, h := range []*house{au, eu} {
		if p, _ := h.peer("un.example"); p.Followed.Frozen {
			t.Errorf("%s has frozen the journal", h.domain)
		}
	}

	// A machine is lost with its database: the keys in a new folder, and the
	// addresses of peers, are enough.
	check(t, un.close())
	for _, f := range []string{"comity.db", "comity.db-wal", "comity.db-shm", "checkpoint"} {
		if err := os.Remove(filepath.Join(un.dir, f)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	check(t, os.RemoveAll(filepath.Join(un.dir, "blobs")))
	v, err := node.Open(t.Context(), node.Config{Dir: un.dir, Visit: true})
	check(t, err)
	for _, o := range []*house{au, eu} {
		p, err := node.Ask(t.Context(), o.url(""))
		check(t, err)
		check(t, v.Pin(t.Context(), p))
	}
	check(t, v.Close())
	un.start()
	un.officer()
	if last := un.issue(noteIn(file, "From a new machine")); last.Index != size+1 {
		t.Errorf("the new machine went on at %d, want %d", last.Index, size+1)
	}
	if got := un.reads(own); !bytes.Contains(got.Document, []byte("Sealed to nobody else")) {
		t.Errorf("on the new machine: %s", got.Document)
	}
	sameDigest(t, all...)
}

// One mirror lies about the head and gives back rubbish; the other is used.
func TestRestoredBesideBadMirror(t *testing.T) {
	t.Parallel()
	un, bad, good := newHouse(t, "un.example"), newHouse(t, "bad.example"), newHouse(t, "good.example")
	target, err := url.Parse(bad.url(""))
	check(t, err)
	front := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			if !strings.Contains(r.Request.URL.Path, "/tile/entries/") || r.StatusCode != http.StatusOK {
				return nil
			}
			b, err := io.ReadAll(r.Body)
			b[len(b)-1] ^= 1
			r.Body = io.NopCloser(bytes.NewReader(b))
			return err
		},
	})
	t.Cleanup(front.Close)
	p, err := node.Ask(t.Context(), bad.url(""))
	check(t, err)
	un.follow(good)
	good.follow(un)
	bad.follow(un)
	check(t, un.Pin(t.Context(), p))

	file := un.issue(situation("The situation in Alba"))
	un.stored(2, bad, good)
	check(t, un.close())
	old := copyOf(t, un)
	un.start()
	for i := range 5 {
		un.issue(noteIn(file, fmt.Sprintf("After the copy %d", i)))
	}
	un.stored(7, bad, good)
	check(t, un.close())
	un.putBack(old)
	v, err := node.Open(t.Context(), node.Config{Dir: un.dir, Visit: true})
	check(t, err)
	check(t, v.Remove(t.Context(), "bad.example"))
	p.URL = front.URL
	check(t, v.Pin(t.Context(), p))
	check(t, v.Close())
	// While only the liar is there nothing is signed, and it is said why.
	check(t, good.close())
	un.start()
	if why := un.refused(noteIn(file, "In place of it")); !strings.Contains(why, "good.example") {
		t.Errorf("refused because %s", why)
	}
	good.start()
	until(t, "the journal to be whole", func() bool { return un.metric("comity_recording") == "1" })
	next := un.issue(noteIn(file, "Afterwards"))
	if next.Index != 7 {
		t.Errorf("it went on at %d", next.Index)
	}
	good.reads(next)
}

// All witnesses are down: nothing is signed, every page and /healthz say so,
// reading goes on. The operator can go on without them, on the record.
func TestWithoutQuorum(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	au.follow(un)
	file := un.issue(situation("The situation in Alba"))
	un.stored(2, au)
	check(t, au.close())
	check(t, un.close())
	un.start()
	why := un.refused(noteIn(file, "Refused"))
	for _, want := range []string{"0 of 1 witnesses have answered", "au.example: No connection could be made", "--without-quorum"} {
		if !strings.Contains(why, want) {
			t.Errorf("%q is not in\n%s", want, why)
		}
	}
	un.reads(file)
	if got := un.page("/healthz"); !strings.Contains(got, "nothing is recorded") || !strings.Contains(got, "au.example") {
		t.Errorf("/healthz: %s", got)
	}
	if code, got := un.do("GET", "/readyz", "", nil); code != http.StatusServiceUnavailable || !strings.Contains(string(got), "au.example") {
		t.Errorf("/readyz: %d %s", code, got)
	}
	if v := un.metric("comity_recording"); v != "0" {
		t.Errorf("comity_recording = %q", v)
	}
	check(t, un.close())

	un.without = "the cable to Addis is cut"
	un.start()
	next := un.issue(noteIn(file, "On the record"))
	said := un.reads(comity.ActName{Domain: "un.example", Index: 2})
	if next.Index != 3 || !bytes.Contains(said.Document, []byte("the cable to Addis is cut")) || !bytes.Contains(said.Document, []byte("o.perator")) {
		t.Errorf("%s after\n%s", next, said.Document)
	}
	if code, got := un.do("GET", "/readyz", "", nil); code != http.StatusOK || string(got) != "ok\n" {
		t.Errorf("/readyz: %d %s", code, got)
	}
	if got := un.page("/healthz"); got != "ok\n" {
		t.Errorf("/healthz: %s", got)
	}
	check(t, un.close())
	// Where a quorum answers there is nothing to say.
	au.start()
	un.start()
	if n := un.issue(noteIn(file, "With a quorum")); n.Index != 4 {
		t.Errorf("issued at %d", n.Index)
	}
}

// The database is lost and the folder is not: it knows that there was more,
// though no peer was ever pinned, and founds no second journal.
func TestDatabaseLost(t *testing.T) {
	t.Parallel()
	un := newHouse(t, "un.example")
	un.issue(situation("The situation in Alba"))
	check(t, un.close())
	check(t, os.Remove(filepath.Join(un.dir, "comity.db")))
	n, err := node.Open(t.Context(), node.Config{Dir: un.dir})
	if err == nil {
		n.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "entries 0 to 1 could not be had") {
		t.Fatalf("opened: %v", err)
	}
}
