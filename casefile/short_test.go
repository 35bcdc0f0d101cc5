package casefile_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// The short form of an act in tests is one line:
//
//	un/4 2003-04-12T10:00 in ecowas/0 re answers:ecowas/2 : answer ask=ecowas/2 how=act ; concern party=un role=acts
//
// A bare word like un, standing for a domain, is un.example. After the name
// and the time it was recorded come, in any order: "in" the situation, "re"
// with references (how:act, how!act by a wrong hash) separated by commas, "by"
// an organ, "for" a party without a journal, "status", "title". After the
// colon come effects separated by " ; ": a name and its members. In members,
// lists are separated by commas, an addressee is org:organ, means are what:n,
// and _ is a space.
func short(t testing.TB, line string) casefile.Item {
	t.Helper()
	head, tail, _ := strings.Cut(line, " : ")
	words := strings.Fields(strings.TrimSuffix(head, " :"))
	if len(words) < 2 {
		t.Fatalf("act %q: want a name and a time", line)
	}
	name := parseName(t, words[0])
	a := &act.Act{Kind: "odd.v1", Domain: name.Domain, Recorded: parseTime(t, words[1]), Date: parseTime(t, words[1]),
		Status: comity.Exercise, TLP: comity.Clear, Title: name.String()}
	for i := 2; i < len(words); i += 2 {
		if i+1 == len(words) {
			t.Fatalf("act %q: %q has no value", line, words[i])
		}
		v := words[i+1]
		switch words[i] {
		case "in":
			a.Situation = parseName(t, v)
		case "by":
			a.By.Organ = spaces(v)
		case "for":
			a.OnBehalfOf = party(v)
		case "status":
			a.Status = comity.Status(v)
		case "title":
			a.Title = spaces(v)
		case "dated":
			a.Date = parseTime(t, v)
		case "asks":
			a.Ask = &act.Ask{What: spaces(v)}
		case "re":
			for _, r := range strings.Split(v, ",") {
				a.Re = append(a.Re, parseRe(t, r))
			}
		default:
			t.Fatalf("act %q: what is %q?", line, words[i])
		}
	}
	var list []map[string]any
	for _, e := range strings.Split(tail, " ; ") {
		if words := strings.Fields(e); len(words) > 0 {
			list = append(list, parseEffect(t, words))
		}
	}
	doc, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) > 0 {
		if err := json.Unmarshal(doc, &a.Effects); err != nil {
			t.Fatalf("act %q: %v\n%s", line, err, doc)
		}
	}
	return casefile.Item{Name: name, Leaf: leaf(name), Act: a}
}

// leaf is the leaf hash of an act in tests.
func leaf(n comity.ActName) comity.Hash { return comity.LeafHash([]byte(n.String())) }

func shorts(t testing.TB, lines string) []casefile.Item {
	t.Helper()
	var out []casefile.Item
	for l := range strings.Lines(lines) {
		if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
			out = append(out, short(t, l))
		}
	}
	return out
}

// book of acts in short form.
func book(t testing.TB, lines string) *casefile.Book {
	t.Helper()
	b := casefile.NewBook()
	b.Add(shorts(t, lines)...)
	return b
}

func spaces(s string) string { return strings.ReplaceAll(s, "_", " ") }

// party is the domain of a bare lower-case word, and itself otherwise.
func party(s string) comity.Party {
	if s == strings.ToLower(s) {
		return comity.Party(s + ".example")
	}
	return comity.Party(s)
}

func parseName(t testing.TB, s string) comity.ActName {
	t.Helper()
	n, err := comity.ParseActName(strings.Replace(s, "/", ".example/", 1))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func parseTime(t testing.TB, s string) comity.Time {
	t.Helper()
	if len(s) == len("2003-04-12T10:00") {
		s += ":00Z"
	}
	at, err := comity.ParseTime(s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func parseRe(t testing.TB, s string) act.Re {
	how, name, ok := strings.Cut(s, ":")
	if ok {
		n := parseName(t, name)
		return act.Re{How: how, Ref: comity.Ref{Act: n, Leaf: leaf(n)}}
	}
	how, name, _ = strings.Cut(s, "!")
	return act.Re{How: how, Ref: comity.Ref{Act: parseName(t, name), Leaf: comity.LeafHash([]byte("another text"))}}
}

func parseEffect(t testing.TB, words []string) map[string]any {
	e := map[string]any{"do": words[0]}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		addressee := func(s string) map[string]any {
			org, organ, _ := strings.Cut(s, ":")
			return map[string]any{"org": party(org), "organ": spaces(organ)}
		}
		switch {
		case k == "of":
			var l []any
			for _, x := range strings.Split(v, ",") {
				l = append(l, addressee(x))
			}
			e[k] = l
		case k == "to" && words[0] == "refer":
			e[k] = addressee(v)
		case k == "items":
			var l []effect.Item
			for _, x := range strings.Split(v, ",") {
				var it effect.Item
				what, n, _ := strings.Cut(x, ":")
				if _, err := fmt.Sscan(n, &it.N); err != nil {
					t.Fatalf("means %q: %v", x, err)
				}
				it.What = what
				l = append(l, it)
			}
			e[k] = l
		case k == "holder":
			var l []any
			for _, x := range strings.Split(v, ",") {
				l = append(l, party(x))
			}
			e[k] = l
		case k == "party" || k == "from" && words[0] == "answer" || k == "to" && words[0] == "hand-over":
			e[k] = party(v)
		case k == "against":
			e[k] = v + ".example"
		case k == "proof":
			e[k] = comity.LeafHash([]byte(v))
		case k == "date" || k == "due" || k == "until" || k == "at" || k == "from" || k == "by" && words[0] != "seize" || k == "to" && words[0] == "mandate":
			e[k] = parseTime(t, v)
		case v == "true":
			e[k] = true
		case strings.Contains(v, "/") && k != "source":
			e[k] = parseName(t, v)
		default:
			e[k] = spaces(v)
		}
	}
	return e
}
