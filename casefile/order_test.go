package casefile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
)

// order is the acts of a file as they were folded, in short names.
func order(t *testing.T, b *casefile.Book, file string) string {
	t.Helper()
	s, ok := b.State(parseName(t, file))
	if !ok {
		return "no file"
	}
	var out []string
	for _, f := range s.Acts {
		out = append(out, strings.Replace(f.Act.String(), ".example", "", 1))
	}
	return strings.Join(out, " ")
}

func TestFoldOrder(t *testing.T) {
	for _, c := range []struct{ what, acts, want string }{
		{"by depth, then domain, then position; never by date", `
			un/0 2003-04-09 : open
			un/1 2003-04-08 in un/0 : say
			au/0 2003-04-07 in un/0 : say
			au/1 2003-04-01 in un/0 : say
			las/0 2003-04-02 in un/0 re cites:au/1 : say
			eu/0 2003-04-01 in un/0 re cites:las/0 : say`,
			"un/0 au/0 un/1 au/1 las/0 eu/0"},
		{"acts of other files do not count", `
			un/0 2003-04-01 : open
			au/0 2003-04-01 : open
			au/1 2003-04-01 in au/0 : say
			au/2 2003-04-01 in au/0 re cites:au/1 : say
			au/3 2003-04-01 in un/0 re cites:au/2 : say
			un/1 2003-04-01 in un/0 : say`,
			"un/0 au/3 un/1"},
		{"references by a wrong hash do not count", `
			un/0 2003-04-01 : open
			un/1 2003-04-01 in un/0 : say
			un/2 2003-04-01 in un/0 : say
			au/0 2003-04-01 in un/0 re cites!un/2 : say`,
			"un/0 au/0 un/1 un/2"},
		// The rest needs hostile journals. In tests a leaf hash is that of the
		// name, so that anything can refer to anything.
		{"a journal that refers to its own later act", `
			un/0 2003-04-01 : open
			au/0 2003-04-01 in un/0 re cites:au/2 : say
			au/1 2003-04-01 in un/0 re cites:au/1 : say
			au/2 2003-04-01 in un/0 : say`,
			"un/0 au/0 au/1 au/2"},
		{"two journals that wrote acts around each other", `
			un/0 2003-04-01 : open
			un/1 2003-04-01 in un/0 re cites:au/1 : say
			un/2 2003-04-01 in un/0 : say
			au/0 2003-04-01 in un/0 re cites:un/2 : say
			au/1 2003-04-01 in un/0 : say
			eu/0 2003-04-01 in un/0 : say
			las/0 2003-04-01 in un/0 re cites:un/2 : say`,
			"un/0 au/0 eu/0 au/1 un/1 un/2 las/0"},
		{"a situation that its own journal opens later", `
			un/0 2003-04-01 in un/1 : say
			un/1 2003-04-01 : open`,
			"no file"},
	} {
		items := shorts(t, c.acts)
		for i := range 200 {
			b := casefile.NewBook()
			b.Add(permutation(items, i)...)
			if got := order(t, b, "un/0"); got != c.want {
				t.Errorf("%s: got %s, want %s", c.what, got, c.want)
				break
			}
		}
	}
}

// permutation number i of the items, of many.
func permutation(items []casefile.Item, i int) []casefile.Item {
	out := slices.Clone(items)
	for k := len(out) - 1; k > 0; k-- {
		j := i % (k + 1)
		i = i/(k+1)*7 + j // any, but always the same
		out[j], out[k] = out[k], out[j]
	}
	return out
}

func TestPending(t *testing.T) {
	items := shorts(t, `
		un/0 2003-04-01 : open
		un/1 2003-04-01 in un/0 : say
		au/0 2003-04-01 in un/0 re cites:un/1 : say
		au/1 2003-04-01 in un/0 re cites:au/0 : say
		las/0 2003-04-01 in un/0 re cites!au/1 : say`)
	b := casefile.NewBook()
	b.Add(items[3], items[4], items[2], items[0])
	for _, c := range []struct{ act, trouble string }{
		{"un/0", ""},
		{"un/1", ""}, // not here at all
		{"au/0", "waits for un.example/1, which has not arrived"},
		{"au/1", "waits for au.example/0, which waits for another"},
		{"las/0", "refers to au.example/1 by a hash it does not have"},
	} {
		if got := b.Trouble(parseName(t, c.act)); got != c.trouble {
			t.Errorf("%s: %q, want %q", c.act, got, c.trouble)
		}
	}
	if _, ok := b.ScopeOf(parseName(t, "au/0")); ok || b.Pending() != 2 || b.Len() != 4 {
		t.Errorf("%d of %d acts wait, want 2 of 4", b.Pending(), b.Len())
	}
	b.Add(items[1])
	if got, want := order(t, b, "un/0"), "un/0 las/0 un/1 au/0 au/1"; got != want || b.Pending() != 0 {
		t.Errorf("when it came: %s, %d wait; want %s", got, b.Pending(), want)
	}
}

func TestAddAgain(t *testing.T) {
	b := book(t, theFile)
	want := b.Digest()
	other := short(t, "un/1 2003-04-02 in un/0 : say")
	other.Leaf = comity.Hash{1}
	b.Add(other)
	if got := b.Digest(); got != want {
		t.Errorf("another act of the same name changed the book: %v, want %v", got, want)
	}
	if it, ok := b.Get(other.Name); !ok || it.Leaf == other.Leaf {
		t.Errorf("%v is held as %v", other.Name, it.Leaf)
	}
}

// The digest is of what was said and what became of it, not of the words in
// which the software explains that.
func TestDigest(t *testing.T) {
	one, two := book(t, theFile), book(t, theFile)
	refused := short(t, "eu/0 2003-04-20 in un/0 : close")
	contradicts := short(t, "eu/1 2003-04-20 in un/0 : say")
	one.Add(refused)
	two.Add(refused)
	for i, b := range []*casefile.Book{one, two} {
		it := contradicts
		a := *it.Act
		a.Contradiction = fmt.Sprint("explanation ", i)
		it.Act = &a
		b.Add(it)
	}
	file := parseName(t, "un/0")
	if one.Digest() != two.Digest() || one.SituationDigest(file) != two.SituationDigest(file) {
		t.Error("the digest depends on the words of an explanation")
	}
	clean := book(t, theFile)
	clean.Add(refused, contradicts)
	if clean.Digest().SHA256 == one.Digest().SHA256 {
		t.Error("the digest does not tell an act with a problem from one without")
	}
	s, _ := one.State(file)
	if f, _ := s.Fact(contradicts.Name); f.Problem != "explanation 0" {
		t.Error("digesting took the explanation from the state")
	}
	if d := one.Digest(); d.Acts != 12 || d.EffectSet != 1 {
		t.Errorf("digest %+v; want 12 acts, effect set 1", d)
	}
}

func TestHouse(t *testing.T) {
	b := book(t, `
		au/0 2003-04-01 : key log=vkey
		au/1 2003-04-02 : admit party=CIV ; suspend party=LBR
		un/0 2003-04-03 : open
		un/1 2003-04-03 for CIV : admit party=eu
		au/2 2003-04-04 in un/0 : designate topic=terrorism office=Secretariat`)
	au := b.House("au.example")
	if len(au.Keys) != 1 || len(au.Members) != 2 || au.Members[1].Is != "suspended" || au.Members[1].By != "au.example" || len(au.Designated) != 0 {
		t.Errorf("house of au.example: %+v", au)
	}
	if un := b.House("un.example"); len(un.Members) != 1 || un.Members[0].By != "CIV" {
		t.Errorf("house of un.example: %+v; want a member admitted in the name of CIV", un)
	}
	if none := b.House("las.example"); none == nil || len(none.Acts) != 0 {
		t.Errorf("house of las.example: %+v, want an empty one", none)
	}
	if files := b.Situations(); len(files) != 1 || files[0] != parseName(t, "un/0") {
		t.Errorf("situations %v, want un/0", files)
	}
	if _, ok := b.State(comity.ActName{Domain: "au.example", Index: -1}); ok {
		t.Error("a house passes for a situation")
	}
}

// What a view holds does not change when acts arrive later.
func TestViewIsACopy(t *testing.T) {
	b := book(t, theFile)
	file, now := parseName(t, "un/0"), parseTime(t, "2003-04-20")
	v, _ := b.View(file, now, casefile.Heads{})
	var las *casefile.AddresseeView
	for i := range v.Asks[0].Addressees {
		if x := &v.Asks[0].Addressees[i]; x.Org == "las.example" {
			las = x
		}
	}
	b.Add(shorts(t, "las/0 2003-04-20 in un/0 re cites:un/5 : answer ask=un/1 how=act confirms=un/5")...)
	b.Digest()
	if !las.Answer.Confirmed.IsZero() || las.Standing != casefile.Reported {
		t.Errorf("a view made before says %+v", las.Answer)
	}
}

func TestStandings(t *testing.T) {
	open := map[casefile.Standing]bool{}
	for _, s := range casefile.Standings() {
		open[s] = s.Open()
		if s.Late() && !s.Open() {
			t.Errorf("%s is late and not open", s)
		}
	}
	for s, want := range map[casefile.Standing]bool{casefile.Sent: true, casefile.Overdue: true, casefile.Reported: true,
		casefile.Answered: false, casefile.Acted: false, casefile.Consented: false, casefile.Withdrawn: false} {
		if open[s] != want {
			t.Errorf("%s: open is %v, want %v", s, open[s], want)
		}
	}
}

// A file longer than what is remembered of it, folded after each act, some of
// which come early, late and very late.
func TestLongFile(t *testing.T) {
	items := arrivals(3000, 1)
	var order []casefile.Item
	held := map[int][]casefile.Item{} // by when they come
	for i, it := range items {
		switch {
		case i%97 == 5:
			held[i+700] = append(held[i+700], it)
		case i%13 == 5:
			held[i+20] = append(held[i+20], it)
		default:
			order = append(order, it)
		}
		order = append(order, held[i]...)
		delete(held, i)
	}
	for _, rest := range held {
		order = append(order, rest...)
	}
	grown, fresh := casefile.NewBook(), casefile.NewBook()
	for _, it := range order {
		grown.Add(it)
		if s, ok := grown.ScopeOf(it.Name); ok {
			grown.State(s)
		}
	}
	fresh.Add(items...)
	if g, f := grown.Digest(), fresh.Digest(); g != f || g.Acts != len(items) {
		t.Errorf("grown %+v, from scratch %+v", g, f)
	}
}
