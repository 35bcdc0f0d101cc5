package node_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/person"
)

const named = "Witness Kwame Unforgettable"

// releaser returns a token of a second person, who releases.
func (h *house) releaser() string {
	h.t.Helper()
	_, err := h.People.AddPerson(h.t.Context(), "r.eleaser", "Rita Eleaser", "Director", person.Releasing)
	check(h.t, err)
	token, err := h.People.IssueToken(h.t.Context(), "r.eleaser", person.Releasing, time.Hour)
	check(h.t, err)
	return token
}

func erasureOf(names ...comity.ActName) *act.Act {
	a := situation("A report is erased")
	a.Kind = "erasure.v1"
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = fmt.Sprintf("%q", n)
	}
	a.Body = fmt.Appendf(nil, `{"reason":"It named a person at risk.","acts":[%s]}`, strings.Join(list, ","))
	return a
}

// erase issues an erasure and has it released by another.
func (h *house) erase(releaser string, names ...comity.ActName) comity.ActName {
	h.t.Helper()
	doc, err := act.Encode(erasureOf(names...))
	check(h.t, err)
	code, b := h.do("POST", "/api/v1/acts", h.token, doc)
	if code != http.StatusAccepted {
		h.t.Fatalf("an erasure was answered with %d\n%s", code, b)
	}
	var drafts api.Drafts
	if !h.get("/api/v1/drafts", &drafts) || len(drafts.Drafts) != 1 {
		h.t.Fatalf("drafts: %+v", drafts)
	}
	if code, b = h.do("POST", fmt.Sprintf("/api/v1/drafts/%d/release", drafts.Drafts[0].ID), releaser, nil); code != http.StatusCreated {
		h.t.Fatalf("the release was answered with %d\n%s", code, b)
	}
	var issued api.Issued
	check(h.t, json.Unmarshal(b, &issued))
	return issued.Act
}

// holds reports in which files of a folder a text stands.
func holds(t *testing.T, dir, text string) (in []string) {
	t.Helper()
	check(t, filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		if bytes.Contains(b, []byte(text)) {
			in = append(in, p)
		}
		return err
	}))
	return in
}

// TestErasure: the content of a sealed act goes everywhere: at home, at its
// addressee, at who only keeps it for others, and at who joins later. What it
// did stays.
func TestErasure(t *testing.T) {
	t.Parallel()
	un, au, eu := newHouse(t, "un.example"), newHouse(t, "au.example"), newHouse(t, "eu.example")
	all := []*house{un, au, eu}
	for _, a := range all {
		for _, b := range all {
			if a != b {
				a.follow(b)
			}
		}
	}
	file := un.issue(situation("The situation in Alba"))
	secret := noteIn(file, named)
	secret.Kind, secret.TLP, secret.To = "report.v1", comity.Amber, []act.To{{Org: "au.example", For: act.ForInformation}}
	secret.Text = named + " saw it."
	name := un.issue(secret)
	content := au.reads(name).Sealed.Content.SHA256
	blob := "/journal/blob/" + content.String()
	for _, h := range all {
		until(t, string(h.domain)+" to keep the sealed content", func() bool { code, _ := h.do("GET", blob, "", nil); return code == http.StatusOK })
	}
	un.stored(name.Index+1, au, eu)
	old := filepath.Join(t.TempDir(), "old.backup")
	_, err := node.WriteBackup(t.Context(), au.dir, old, "test")
	check(t, err)

	// What cannot be erased.
	for want, names := range map[string][]comity.ActName{
		"what was public cannot be erased": {file},
		"is not ours":                      {{Domain: "au.example", Index: 0}},
		"there is no act":                  {{Domain: "un.example", Index: 99}},
	} {
		doc, err := act.Encode(erasureOf(names...))
		check(t, err)
		if code, b := un.do("POST", "/api/v1/acts", un.token, doc); code != http.StatusUnprocessableEntity && code != http.StatusBadRequest || !strings.Contains(string(b), want) {
			t.Errorf("erasure of %v: %d %s", names, code, b)
		}
	}

	erasure := un.erase(un.releaser(), name)
	for _, h := range all {
		until(t, string(h.domain)+" to have erased it", func() bool { code, _ := h.do("GET", blob, "", nil); return code == http.StatusGone })
		if _, b := h.do("GET", blob, "", nil); !strings.Contains(string(b), erasure.String()) {
			t.Errorf("%s says of the blob: %s", h.domain, b)
		}
	}
	// Everybody confirms, once.
	for _, h := range []*house{au, eu} {
		until(t, string(h.domain)+" to confirm", func() bool { return confirmations(t, un, h.domain, erasure) == 1 })
		// What is confirmed is true of the files' bytes, also of the free ones.
		if in := holds(t, h.dir, named); len(in) > 0 {
			t.Errorf("%s has confirmed, and the text stands in %v", h.domain, in)
		}
	}
	// What it did stays; what it says does not.
	for _, h := range []*house{un, au} {
		var a api.Act
		if !h.get("/api/v1/acts/"+name.String(), &a) || !a.Erased || bytes.Contains(a.Document, []byte(named)) || a.ErasedBy != erasure {
			t.Errorf("%s: the erased act reads %+v", h.domain, a)
		}
		var s api.Situation
		if !h.get("/api/v1/situations/"+file.String(), &s) || len(s.Timeline) != 2 || s.Timeline[1].ErasedBy != erasure {
			t.Errorf("%s: the file's acts are %+v", h.domain, s.Timeline)
		}
		if page := h.page("/acts/" + name.String()); !strings.Contains(page, erasure.String()) || strings.Contains(page, named) {
			t.Errorf("%s: the act's page does not say that it was erased", h.domain)
		}
	}
	if page := eu.page("/acts/" + name.String()); !strings.Contains(page, erasure.String()) {
		t.Error("who cannot read the act is not told that it was erased")
	}
	if a, b, c := digest(t, un.Node), digest(t, au.Node), digest(t, eu.Node); a != b || b != c {
		until(t, "digests to agree", func() bool {
			return digest(t, un.Node) == digest(t, au.Node) && digest(t, au.Node) == digest(t, eu.Node)
		})
	}

	// A newcomer gets the whole history, without.
	las := newHouse(t, "las.example")
	las.follow(un, au, eu)
	for _, h := range all {
		h.follow(las)
	}
	until(t, "the newcomer to have everything", func() bool { return digest(t, las.Node) == digest(t, un.Node) })
	until(t, "the newcomer to know of the erasure", func() bool { code, _ := las.do("GET", blob, "", nil); return code == http.StatusGone })

	// Fsck passes; nothing of it stands in any file.
	for _, h := range all {
		check(t, h.close())
		n, err := node.Open(t.Context(), node.Config{Dir: h.dir, Visit: true})
		check(t, err)
		check(t, n.Fsck(t.Context(), func(comity.Origin, int64, error) {}))
		dump, err := n.Dump(t.Context())
		check(t, err)
		check(t, n.Close())
		if bytes.Contains(dump, []byte(named)) {
			t.Errorf("%s: the text stands in the database", h.domain)
		}
		if in := holds(t, h.dir, named); len(in) > 0 {
			t.Errorf("%s: the text stands in %v", h.domain, in)
		}
	}

	// An old backup brings it back, and it goes again.
	back := filepath.Join(t.TempDir(), "back")
	check(t, os.CopyFS(filepath.Join(back, "keys"), os.DirFS(filepath.Join(au.dir, "keys"))))
	for _, key := range must(filepath.Glob(filepath.Join(back, "keys", "*"))) {
		check(t, os.Chmod(key, 0o600))
	}
	_, err = node.Restore(t.Context(), back, old, "", "")
	check(t, err)
	if len(holds(t, back, named)) == 0 {
		t.Fatal("the old backup does not hold the text: this tests nothing")
	}
	un.start()
	eu.start()
	au.dir = back
	au.start()
	until(t, "the restored node to erase it again", func() bool { code, _ := au.do("GET", blob, "", nil); return code == http.StatusGone })
	if got := confirmations(t, un, "au.example", erasure); got != 1 {
		t.Errorf("au.example confirmed %d times", got)
	}
}

// confirmations counts the acts of a journal that confirm an erasure.
func confirmations(t *testing.T, at *house, by comity.Domain, erasure comity.ActName) (n int) {
	t.Helper()
	var page api.Acts
	if !at.get("/api/v1/acts?limit=500", &page) {
		t.Fatal("no list of acts")
	}
	for _, a := range page.Acts {
		if a.Name.Domain == by && bytes.Contains(a.Document, []byte(`"erased.v1"`)) && bytes.Contains(a.Document, []byte(erasure.String())) {
			n++
		}
	}
	return n
}

// Fsck finds a sealed content that is damaged, and the node gets it back.
func TestFsckBoxes(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	au.follow(un)
	secret := noteIn(un.issue(situation("The situation in Alba")), named)
	secret.TLP, secret.To = comity.Amber, []act.To{{Org: "au.example", For: act.ForInformation}}
	name := un.issue(secret)
	content := au.reads(name).Sealed.Content.SHA256.String()
	un.stored(name.Index+1, au)
	for _, h := range []*house{un, au} {
		check(t, h.close())
		check(t, os.WriteFile(filepath.Join(h.dir, "blobs", content[:2], content), []byte("damaged"), 0o600))
		fsck := func() (bad string) {
			n, err := node.Open(t.Context(), node.Config{Dir: h.dir, Visit: true})
			check(t, err)
			defer n.Close()
			_ = n.Fsck(t.Context(), func(o comity.Origin, _ int64, err error) {
				if err != nil {
					bad += fmt.Sprintf("%s: %v\n", o, err)
				}
			})
			return bad
		}
		if bad := fsck(); !strings.HasPrefix(bad, "un.example/journal: 1 sealed contents were damaged or missing") {
			t.Errorf("%s: fsck says %q", h.domain, bad)
		}
		h.start()
		until(t, string(h.domain)+" to have the content again", func() bool {
			code, b := h.do("GET", "/journal/blob/"+content, "", nil)
			return code == http.StatusOK && len(b) > 100
		})
		if bad := fsck(); bad != "" {
			t.Errorf("%s: fsck says %q afterwards", h.domain, bad)
		}
	}
}
