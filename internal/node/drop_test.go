package node_test

import (
	"errors"
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
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

// stolen is a copy of a house's folder in other hands, that answers where the
// house was last. The house must not run.
func (h *house) stolen() *house {
	t := h.t
	t.Helper()
	o := &house{t: t, domain: h.domain, dir: t.TempDir(), addr: h.addr, token: h.token, client: &http.Client{Transport: &http.Transport{}}}
	check(t, filepath.WalkDir(h.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(h.dir, path)
		if err != nil || e.IsDir() {
			return errors.Join(err, os.MkdirAll(filepath.Join(o.dir, rel), 0o700))
		}
		b, err := os.ReadFile(path)
		return errors.Join(err, os.WriteFile(filepath.Join(o.dir, rel), b, 0o600))
	}))
	return o
}

// drop gives up, with the node stopped, what its copy of a journal has and the
// journal has not; it starts again after that.
func (h *house) drop(d comity.Domain, reason string) (p monitor.Parting, said comity.ActName) {
	t := h.t
	t.Helper()
	check(t, h.close())
	n, err := node.Open(t.Context(), node.Config{Dir: h.dir, Version: "test"})
	check(t, err)
	p, err = n.Part(t.Context(), d)
	check(t, err)
	before, err := n.Desk.GiveUp(t.Context(), p, reason) // as if it was stopped after that
	check(t, err)
	said, err = n.Drop(t.Context(), p, "o.perator", reason)
	check(t, errors.Join(err, n.Close()))
	if said != before {
		t.Errorf("it was published twice: %s and %s", before, said)
	}
	h.start()
	return p, said
}

// A thief had a copy of the folder, and a peer stored what the thief recorded
// before the organization said so. The peer gives that up, says so, keeps it,
// and goes on with the honest journal: as if it had never seen the other.
func TestDropThief(t *testing.T) {
	t.Parallel()
	for name, db := range map[string]func(*testing.T) string{"sqlite": func(*testing.T) string { return "" }, "postgres": func(t *testing.T) string { return storetest.Postgres(t) }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testDropThief(t, db(t))
		})
	}
}

func testDropThief(t *testing.T, db string) {
	un, au := newHouse(t, "un.example"), newHouseOn(t, "au.example", db, "")
	au.follow(un)
	un.follow(au)
	second := un.releaser()
	file := un.issue(situation("The situation in Alba"))
	secret := noteIn(file, "Sealed to au.example")
	secret.TLP, secret.To = comity.Amber, []act.To{{Org: "au.example", For: act.ForInformation}}
	last := un.issue(secret)
	au.reads(last)
	// From here on it asks nobody whether its journal is what others have seen.
	check(t, un.Remove(t.Context(), "au.example"))
	check(t, un.close())
	thief := un.stolen()
	pinned := un.addr
	since := comity.TimeOf(time.Now())
	un.addr = "127.0.0.1:0"
	un.start()
	ours := un.issue(noteIn(file, "Ours"))
	check(t, un.close())

	thief.start()
	thief.follow(au)
	opened := thief.issue(situation("A situation that a thief opened"))
	thief.issue(noteIn(file, "Not ours"))
	theirs := thief.erase(second, last) // the organization's own words
	au.reads(theirs)
	until(t, "au.example to erase them", func() bool { return au.reads(last).Erased })
	thief.stored(theirs.Index+1, au)
	if opened != ours {
		t.Fatalf("the thief recorded %s, the organization %s", opened, ours)
	}
	answer := noteIn(file, "About what the thief said")
	answer.Re = []act.Re{{Ref: comity.Ref{Act: theirs}, How: "cites"}}
	about := au.issue(answer)
	in := au.issue(noteIn(opened, "In the thief's file"))
	check(t, thief.close())

	un.addr = pinned
	un.start()
	until(t, "the contradiction to be seen", func() bool { p, _ := au.peer("un.example"); return p.Followed.Frozen })
	check(t, au.close())
	part := func() (monitor.Parting, error) {
		n, err := node.Open(t.Context(), node.Config{Dir: au.dir, Version: "test"})
		check(t, err)
		p, err := n.Part(t.Context(), "un.example")
		check(t, n.Close())
		return p, err
	}
	if _, err := part(); !errors.Is(err, monitor.ErrVouched) {
		t.Errorf("before the key is revoked: %v, want that the organization answers for both", err)
	}
	au.start()
	revoked := un.revoke(since, ours.Index+1, ours.Index+1, "a copy of the folder was taken")

	p, said := au.drop("un.example", "read out by M. Haddad on the telephone")
	if p.Size != last.Index+1 || p.Copy.Size <= theirs.Index {
		t.Errorf("they part after %d entries of %d, want %d of more than %d", p.Size, p.Copy.Size, last.Index+1, theirs.Index)
	}
	au.reads(revoked)
	if a := au.reads(ours); !strings.Contains(string(a.Document), `"Ours"`) {
		t.Errorf("%s at au.example: %s", ours, a.Document)
	}
	note := au.reads(said)
	for _, want := range []string{"read out by M. Haddad", fmt.Sprintf(`un.example/journal\n%d\n`, p.Copy.Size)} {
		if !strings.Contains(string(note.Document), want) {
			t.Errorf("our act about it does not say %q: %s", want, note.Document)
		}
	}
	until(t, "what the thief had erased to be here again", func() bool {
		a := au.reads(last)
		return !a.Erased && strings.Contains(string(a.Document), "Sealed to au.example")
	})
	// Its witness and mirror go on, too, and both nodes fold the same.
	un.follow(au)
	un.stored(revoked.Index+1, au)
	until(t, "the nodes to agree", func() bool { return digest(t, un.Node) == digest(t, au.Node) })
	if a := au.reads(in); a.Why == "" {
		t.Errorf("an act in the thief's file still stands in one: %+v", a)
	}
	if a := au.reads(about); a.Why == "" {
		t.Errorf("an act that cites the thief's by its hash has no problem: %+v", a)
	}
	// Nothing is lost: the entries are kept, and the peer's page says so.
	kept, err := au.Dropped(t.Context(), "un.example")
	check(t, err)
	if len(kept) != 1 || int64(len(kept[0].Entries)) != p.Copy.Size-p.Size || !strings.Contains(string(kept[0].Entries[1]), "Not ours") || kept[0].Act != said || kept[0].By != "o.perator" {
		t.Errorf("kept: %+v", kept)
	}
	page := au.page("/peers/un.example")
	for _, want := range []string{"Entries given up here", "read out by M. Haddad", said.String()} {
		if !strings.Contains(page, want) {
			t.Errorf("the peer's page does not say %q", want)
		}
	}
	// Who reads by position gets all that is left.
	var acts api.Acts
	read := map[comity.ActName]bool{}
	for after := int64(0); ; after = acts.Next {
		if !au.get(fmt.Sprintf("/api/v1/acts?limit=2&after=%d", after), &acts) || len(acts.Acts) == 0 {
			break
		}
		for _, a := range acts.Acts {
			read[a.Name] = true
		}
	}
	for _, n := range []comity.ActName{ours, revoked, said, about, in} {
		if !read[n] {
			t.Errorf("%s is not among the acts by position", n)
		}
	}
	check(t, au.Fsck(t.Context(), func(o comity.Origin, _ int64, err error) {
		if err != nil {
			t.Errorf("%s: %v", o, err)
		}
	}))
	check(t, au.close())
	if _, err := part(); !errors.Is(err, monitor.ErrTogether) && !errors.Is(err, monitor.ErrVouched) {
		t.Errorf("once more: %v", err)
	}
	au.start()
}

// A revocation is no way to take back what was said: entries that a quorum of
// witnesses had cosigned before the key came into other hands are not given up.
func TestDropWitnessed(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	au.follow(un)
	file := un.issue(situation("The situation in Alba"))
	au.reads(file)
	check(t, un.close())
	second := un.stolen()
	second.start() // it is the organization itself
	second.follow(au)
	said := second.issue(noteIn(file, "Said and regretted"))
	au.reads(said)
	second.stored(said.Index+1, au)
	until(t, "au.example to keep the cosignature", func() bool {
		kept, err := au.Cosigned(t.Context(), "un.example")
		check(t, err)
		return kept > said.Index
	})
	check(t, second.close())
	since := comity.TimeOf(time.Now().Add(time.Second))
	until(t, "the time of the theft", func() bool { return time.Now().After(since.Time) })
	un.start()
	un.issue(noteIn(file, "Another past"))
	un.revoke(since, said.Index, said.Index+2, "the disk was stolen")
	check(t, au.close())
	n, err := node.Open(t.Context(), node.Config{Dir: au.dir, Version: "test"})
	check(t, err)
	_, err = n.Part(t.Context(), "un.example")
	check(t, n.Close())
	if !errors.Is(err, node.ErrWitnessed) {
		t.Errorf("what was witnessed before the theft: %v, want that it is not given up", err)
	}
	au.start()
}
