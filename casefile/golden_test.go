package casefile_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
)

var update = flag.Bool("update", false, "write the views that the golden files expect")

// TestGolden reads testdata/*.txtar in order: sections named "acts" add acts
// in short form, sections named "view SITUATION TIME" are what the view says
// then. The name of a view section goes on with what is known of journals:
//
//	self=ecowas      the reader's own domain
//	heard=un:TIME    a journal was read up to then, instead of up to now
//	none=las         the domain keeps no journal
//	got=un           its mirror cosignature covers all acts
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("golden files: %v, %v", files, err)
	}
	seen := map[casefile.Standing]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			b := casefile.NewBook()
			for i := range ar.Files {
				f := &ar.Files[i]
				words := strings.Fields(f.Name)
				switch words[0] {
				case "acts":
					b.Add(shorts(t, string(f.Data))...)
				case "view":
					got := viewText(t, b, words[1:], seen)
					if *update {
						f.Data = []byte(got)
					} else if got != string(f.Data) {
						t.Errorf("%s: got\n%s\nwant\n%s", f.Name, got, f.Data)
					}
				default:
					t.Fatalf("section %q: want acts or view", f.Name)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	for _, s := range casefile.Standings() {
		if !seen[s] {
			t.Errorf("no golden file has an ask that stands as %q", s)
		}
	}
}

var domains = []comity.Domain{"un.example", "oas.example", "las.example", "osce.example", "au.example", "eu.example", "ecowas.example"}

func viewText(t *testing.T, b *casefile.Book, words []string, seen map[casefile.Standing]bool) string {
	t.Helper()
	if len(words) < 2 {
		t.Fatalf("view %q: want a situation and a time", words)
	}
	now := parseTime(t, words[1])
	heads := casefile.Heads{Self: "ecowas.example", Heard: map[comity.Domain]comity.Time{}}
	for _, d := range domains {
		heads.Heard[d] = now
	}
	got := map[comity.Domain]bool{}
	for _, w := range words[2:] {
		k, v, _ := strings.Cut(w, "=")
		d, at, _ := strings.Cut(v, ":")
		domain := comity.Domain(d + ".example")
		switch k {
		case "self":
			heads.Self = domain
		case "none":
			delete(heads.Heard, domain)
		case "heard":
			heads.Heard[domain] = parseTime(t, at)
		case "got":
			got[domain] = true
		}
	}
	heads.Stored = func(d comity.Domain, _ comity.ActName) (time.Time, bool) {
		return time.Date(2003, 4, 10, 8, 1, 0, 0, time.UTC), got[d]
	}
	v, ok := b.View(parseName(t, words[0]), now, heads)
	if !ok {
		return "no such file\n"
	}
	for _, a := range v.Asks {
		for _, x := range a.Addressees {
			seen[x.Standing] = true
		}
	}
	return strings.ReplaceAll(render(v), ".example", "")
}

// render writes what a page would show, one line for each fact.
func render(v casefile.View) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	when := func(what string, at comity.Time) string {
		if at.IsZero() {
			return ""
		}
		return what + strings.TrimSuffix(strings.TrimSuffix(at.String(), ":00Z"), "T00:00")
	}
	ref := func(what string, n comity.ActName) string {
		if n.IsZero() {
			return ""
		}
		return what + n.String()
	}
	flags := ""
	for _, f := range []struct {
		on   bool
		word string
	}{{v.Dormant, " dormant"}, {v.Closed, " closed"}} {
		if f.on {
			flags += f.word
		}
	}
	line("%q opened by %s%s", v.Title, v.Opener, flags)
	if v.Lead != "" || v.Offered != "" {
		line("lead %s, offered to %q", v.Lead, v.Offered)
	}
	for _, e := range v.Efforts {
		line("effort %s %s%s", e.Party, e.Role, when(" since ", e.Since))
	}
	for _, z := range v.Seized {
		line("seized %s %s by %s", z.Org, z.Organ, z.By)
	}
	for _, r := range v.Referrals {
		line("referred to %s %s by %s", r.To.Org, r.To.Organ, r.By)
	}
	for _, a := range v.Asks {
		line("ask %s by %s, %s%s", a.Ask, a.By, a.Basis, when(", due ", a.Due))
		for _, x := range a.Addressees {
			text := fmt.Sprintf("  %s", x.Org)
			if x.Organ != "" {
				text += "/" + x.Organ
			}
			text += fmt.Sprintf(": %s%s, %d days", x.Standing, when(" since ", x.Since), x.Days)
			if x.Accepted {
				text += when(", accepted ", x.Due)
			}
			if x.Answer != nil {
				text += fmt.Sprintf(", answer %s %s", x.Answer.Act, x.Answer.E.How)
			}
			for _, d := range x.Acted {
				text += fmt.Sprintf(", %s %s", d.Do, d.Act)
			}
			line("%s", text)
		}
	}
	for _, n := range v.Needs {
		line("need %s by %s%s", n.Need, n.By, when(", due ", n.Due))
		for _, l := range n.Lines {
			line("  %s: needed %d, pledged %d, committed %d, deployed %d, missing %d", l.What, l.Needed, l.Pledged, l.Committed, l.Deployed, l.Missing)
		}
	}
	for _, c := range v.Commitments {
		late := ""
		if c.Late {
			late = ", late"
		}
		line("commitment %s of %s%s%s%s%s", c.Act, c.Party, ref(" to ", c.Need), when(", by ", c.By), ref(", kept by ", c.Kept), late)
	}
	for _, o := range v.Operations {
		text := fmt.Sprintf("operation %s %s of %s%s%s%s", o.Act, o.Name, o.Party, when(" since ", o.Since), when(", ended ", o.Ended), ref(" by ", o.EndedBy))
		if o.HandedTo != "" {
			text += ", handed to " + string(o.HandedTo)
		}
		line("%s", text)
	}
	for _, m := range v.Mandates {
		text := fmt.Sprintf("mandate %s %s%s%s, %d days", m.Act, m.Name, when(" from ", m.From), when(" to ", m.To), m.Days)
		for _, r := range m.RenewedBy {
			text += ref(", renewed by ", r)
		}
		text += ref(", ended by ", m.EndedBy)
		if m.Expired {
			text += ", expired"
		}
		line("%s", text)
	}
	for _, r := range v.Relations {
		line("relation %s %s, as %s sees it", r.E.How, r.E.To, r.By)
	}
	for _, s := range v.Scores {
		line("score %s %s by %s", s.E.Warning, s.E.Result, s.By)
	}
	for _, l := range v.Timeline {
		f := l.Fact
		text := ref(", withdrawn by ", f.Withdrawn) + ref(", corrected by ", f.Corrected) + ref(", erased by ", f.Erased)
		if f.Problem != "" {
			text += ", without effect: it " + f.Problem
		}
		for _, r := range f.Refused {
			text += ", refused " + r.Do + ": " + r.Why
		}
		if text != "" {
			line("act %s%s", f.Act, text)
		}
	}
	return b.String()
}
