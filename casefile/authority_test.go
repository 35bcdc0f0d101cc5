package casefile_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// A file of un.example that au.example leads.
const theFile = `
	un/0 2003-04-01 : open
	un/1 2003-04-02 in un/0 : ask of=au,las,CARICOM basis=wish
	un/2 2003-04-03 in un/0 : convene organ=Council at=2003-04-10
	un/3 2003-04-04 in un/0 : need items=infantry:500
	un/4 2003-04-05 in un/0 : mandate holder=au name=AUMIL to=2003-12-31
	un/5 2003-04-06 in un/0 : answer ask=un/1 how=act from=las heard=telephone
	un/6 2003-04-06 in un/0 : hand-over to=au lead=true
	au/0 2003-04-07 in un/0 re cites:un/6 : concern party=au role=leads
	au/1 2003-04-08 in un/0 re answers:un/3 : commit party=au need=un/3 items=infantry:500
	au/2 2003-04-09 in un/0 re follows:au/1 : deploy party=au commitment=au/1 items=infantry:500
`

// For each effect: who may, and who may not. "eu" is a party to the file that
// nobody asked and that holds nothing; "for las" speaks for an organization
// that keeps a journal of its own, which nobody may.
var authorities = []struct {
	effect  string
	may     string
	mayNot  []string
	because string
}{
	{"open", "eu", nil, ""},
	{"concern party=eu role=acts", "eu", []string{"au", "un"}, "nobody is drawn into a role by another"},
	{"concern party=eu role=leads", "", []string{"eu", "un"}, ""},
	{"concern party=au role=leads", "au", []string{"eu"}, ""},
	{"seize organ=Council by=un/2", "un", nil, ""},
	{"refer to=un:Security_Council", "eu", nil, ""},
	{"hand-over to=eu lead=true", "au", []string{"un", "eu"}, "nobody hands over what they do not hold"},
	{"hand-over to=eu operation=au/2", "au", []string{"un", "eu"}, "records no operation of"},
	{"hand-over to=eu operation=un/4", "un", []string{"au", "eu"}, "records no operation of"},
	{"hand-over to=eu operation=un/1", "", []string{"un", "au", "eu"}, "records no operation of"},
	{"dormant", "au", []string{"un", "eu"}, "only who leads"},
	{"close", "au", []string{"un", "eu"}, "only who leads"},
	{"relate to=un/9 how=related", "eu", nil, ""},
	{"ask of=au basis=wish", "eu", nil, ""},
	{"take-up ask=un/1 until=2003-05-01", "au", []string{"un", "eu"}, "did not ask"},
	{"take-up ask=un/2 until=2003-05-01", "", []string{"un", "au", "eu"}, "asks nothing"},
	{"answer ask=un/1 how=act", "au", []string{"un", "eu"}, "did not ask"},
	{"answer ask=un/1 how=act from=CARICOM heard=letter", "un", []string{"au", "eu"}, "only who asked or who was asked"},
	{"answer ask=un/1 how=act from=eu heard=letter", "", []string{"un", "au", "eu"}, ""},
	{"answer ask=un/1 how=act confirms=un/5", "las", []string{"au"}, "for las.example to confirm"},
	{"answer ask=un/1 how=act contests=un/5", "las", []string{"au"}, "for las.example to confirm"},
	{"answer ask=un/1 how=act contests=un/3", "", []string{"las", "au"}, "reports no answer"},
	{"answer ask=un/1 how=act from=las heard=letter confirms=un/5", "", []string{"un"}, "for las.example to confirm"},
	{"say", "eu", nil, ""},
	{"reply to=un/1", "eu", nil, ""},
	{"correct act=un/1", "un", []string{"au", "eu"}, "only the issuer"},
	{"withdraw act=un/1", "un", []string{"au", "eu"}, "only the issuer"},
	{"withdraw act=un/99", "", []string{"un"}, "is no act of this file"},
	{"erase act=un/1", "un", []string{"au", "eu"}, "only the issuer"},
	{"decide organ=Council outcome=adopted", "un", nil, ""},
	{"mandate holder=eu name=EUFOR", "eu", nil, ""},
	{"mandate holder=au renews=un/4 to=2004-06-30", "un", []string{"au", "eu"}, "only who gave a mandate"},
	{"mandate ends=un/4", "un", []string{"au", "eu"}, "only who gave a mandate"},
	{"need items=trucks:5", "eu", nil, ""},
	{"pledge party=eu items=trucks:5", "eu", []string{"un", "au"}, "nobody pledges another's means"},
	{"commit party=eu need=un/3 items=infantry:5", "eu", []string{"un", "au"}, "nobody commits another's means"},
	{"deploy party=eu items=infantry:5", "eu", []string{"un", "au"}, "nobody deploys another's means"},
	{"return deployment=au/2", "au", []string{"un", "eu"}, "who deployed"},
	{"convene organ=Council at=2003-05-01", "eu", nil, ""},
	{"inscribe meeting=un/2 party=eu", "un", []string{"au", "eu"}, "the convener's"},
	{"speak meeting=un/2 party=eu", "un", []string{"au", "eu"}, "the convener's"},
	{"adhere instrument=CTBT party=CIV step=ratification date=2003-04-01", "eu", nil, ""},
	{"designate topic=terrorism office=Secretariat", "eu", nil, ""},
	{"admit party=CIV", "eu", nil, ""},
	{"suspend party=CIV", "eu", nil, ""},
	{"remove party=CIV", "eu", nil, ""},
	{"key log=vkey", "eu", nil, ""},
	{"score warning=un/1 result=averted", "eu", nil, ""},
	{"evidence against=las proof=x", "eu", nil, ""},
}

// facts is all of the state but what became of acts.
func facts(t *testing.T, b *casefile.Book) string {
	t.Helper()
	s, ok := b.State(comity.ActName{Domain: "un.example"})
	if !ok {
		t.Fatal("no file")
	}
	c := *s
	c.Acts = nil
	doc, err := json.Marshal(&c)
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// An effect without authority changes nothing but the list of what was
// refused; one with authority is refused to nobody. All rules.
func TestAuthority(t *testing.T) {
	before := facts(t, book(t, theFile))
	covered := map[string]bool{}
	claim := func(t *testing.T, who, do string) (after string, f casefile.ActFact) {
		t.Helper()
		who, onBehalf, _ := strings.Cut(who, " ")
		name := who + "/50"
		b := book(t, theFile)
		it := short(t, name+" 2003-04-20 "+onBehalf+" in un/0 re cites:au/2,cites:un/5 : say")
		if e := short(t, name+" 2003-04-20 : "+do).Act.Effects; e[0].Do() == "open" {
			it.Act.Situation, it.Act.Effects = parseName(t, "un/0"), effect.List{effect.Say{}} // opens a file of its own
		} else {
			it.Act.Effects = e
		}
		b.Add(it)
		s, _ := b.State(comity.ActName{Domain: "un.example"})
		f, ok := s.Fact(it.Name)
		if !ok {
			t.Fatalf("%s is not in the file: %s", it.Name, b.Trouble(it.Name))
		}
		return facts(t, b), f
	}
	for _, c := range authorities {
		do, _, _ := strings.Cut(c.effect, " ")
		covered[do] = true
		if c.may != "" {
			if _, f := claim(t, c.may, c.effect); f.Problem != "" || len(f.Refused) > 0 {
				t.Errorf("%s by %s: %s %v, want nothing refused", c.effect, c.may, f.Problem, f.Refused)
			}
		}
		for _, who := range append(c.mayNot, "eu for las") {
			if do == "open" {
				continue
			}
			after, f := claim(t, who, c.effect)
			if len(f.Refused) != 1 || f.Refused[0].Do != do || f.Refused[0].Why == "" {
				t.Errorf("%s by %s: refused %v, want it refused", c.effect, who, f.Refused)
				continue
			}
			if who != "eu for las" && !strings.Contains(f.Refused[0].Why, c.because) {
				t.Errorf("%s by %s: refused because %q, want …%s…", c.effect, who, f.Refused[0].Why, c.because)
			}
			if after != before {
				t.Errorf("%s by %s was refused and changed the file\ngot  %s\nwant %s", c.effect, who, after, before)
			}
		}
	}
	for _, r := range effect.Rules() {
		if !covered[r.Do] {
			t.Errorf("no case for the effect %q", r.Do)
		}
	}
}

// What stands beside an effect without authority takes place all the same.
func TestRefusedAlone(t *testing.T) {
	b := book(t, theFile+`
		eu/0 2003-04-20 in un/0 re cites:au/2,follows:un/1 : close ; pledge party=au items=infantry:5 ; commit party=eu items=infantry:7`)
	s, _ := b.State(comity.ActName{Domain: "un.example"})
	f, _ := s.Fact(comity.ActName{Domain: "eu.example"})
	if len(f.Refused) != 2 || len(s.Commitments) != 2 || s.Commitments[1].E.Items[0].N != 7 || len(s.Pledges)+len(s.Phases) != 0 {
		t.Errorf("refused %v, commitments %v, pledges %v, phases %v", f.Refused, s.Commitments, s.Pledges, s.Phases)
	}
	if d := s.Asks[0].Acted; len(d) != 1 || d[0].Do != "commit" || d[0].By != "eu.example" {
		t.Errorf("done about the ask: %v; want the commitment of eu.example", d)
	}
}

// An act that has a problem has no effect at all, and says why.
func TestProblems(t *testing.T) {
	before := facts(t, book(t, theFile))
	for _, c := range []struct{ line, why string }{
		{"un/50 2003-04-20 in un/0 re cites!un/1 : withdraw act=un/1", "by a hash it does not have"},
		{"un/50 2003-04-20 in un/0 re cites:un/50 : withdraw act=un/1", "does not come before it"},
		{"un/50 2003-04-20 in un/0 re cites:un/51 : withdraw act=un/1", "does not come before it"},
		{"un/50 2003-04-20 in un/51 : withdraw act=un/1", "does not come before it"},
		{"un/50 2003-04-20 in un/1 : withdraw act=un/1", "which opened none"},
		{"un/50 2003-04-20 in un/0 status actual : withdraw act=un/1", "they are kept apart"},
	} {
		b := book(t, theFile)
		it := short(t, c.line)
		b.Add(it)
		if why := b.Trouble(it.Name); !strings.Contains(why, c.why) {
			t.Errorf("%s: trouble %q, want …%s…", c.line, why, c.why)
		}
		if after := facts(t, b); after != before {
			t.Errorf("%s changed the file\ngot  %s\nwant %s", c.line, after, before)
		}
	}
	b := book(t, theFile)
	it := short(t, "un/50 2003-04-20 in un/0 : withdraw act=un/1")
	it.Act.Contradiction = "the effects are not those of its content"
	b.Add(it)
	if why := b.Trouble(it.Name); why != it.Act.Contradiction || facts(t, b) != before {
		t.Errorf("an act that contradicts itself: trouble %q", why)
	}
}
