package effect

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/keys"
	"github.com/comity/comity/keys/keystest"
)

func at(s string) comity.Time {
	t, err := comity.ParseTime(s)
	if err != nil {
		panic(err)
	}
	return t
}

func named5(d comity.Domain) comity.ActName { return comity.ActName{Domain: d, Index: 5} }

// full returns every effect with every member set.
func full() []Effect {
	un, t := named5("un.example"), at("2003-04-11T08:00:00Z")
	to := Addressee{Org: "un.example", Organ: "Security Council", FocalPoint: "mediation"}
	items := []Item{{What: "observers", N: 12}}
	return []Effect{
		Open{}, Concern{"au.example", Leads}, Seize{"Security Council", un}, Refer{to},
		HandOver{To: "un.example", Operation: un}, Dormant{}, Close{}, Relate{un, "part-of"},
		Ask{[]Addressee{to, {Org: "CIV"}}, Duty, "S/RES/1373 (2001) para. 6", t, Consent},
		TakeUp{un, t},
		Answer{Ask: un, How: Support, Until: t, Supports: un, From: "LURD", Heard: Letter, Confirms: un},
		Say{}, Reply{un}, Correct{un}, Withdraw{un}, Erase{un},
		Decide{"Security Council", Adopted, "vote", &Vote{13, 0, 2, 1}},
		Mandate{[]comity.Party{"ecowas.example", "FRA"}, "UNMIL", t, at("2004-04-11"), un, un, true},
		Need{items, t}, Pledge{"eu.example", un, items}, Commit{"eu.example", un, items, t},
		Deploy{"eu.example", "ECOMIL", un, un, un, items}, Return{un}, Convene{"Security Council", t, true},
		Inscribe{un, "GRC"}, Speak{un, "GRC"}, Adhere{"terrorist-financing-1999", "CIV", "accession", t},
		Designate{"counter-terrorism", "Legal Affairs"}, Admit{"CIV"}, Suspend{"CIV"}, Remove{"CIV"},
		Key{"l", "w", "m", "r", "age1", "lp", "wp", "mp", ""}, Score{un, "averted"}, Evidence{"oas.example", comity.LeafHash(nil)},
	}
}

func TestEveryEffectHasOneRule(t *testing.T) {
	rules := map[string]int{}
	for _, r := range Rules() {
		rules[r.Do]++
		if r.Why == "" {
			t.Errorf("the rule of %s does not say why", r.Do)
		}
	}
	var all []string
	for _, e := range All() {
		all = append(all, e.Do())
		if n := rules[e.Do()]; n != 1 {
			t.Errorf("%s has %d rules", e.Do(), n)
		}
		if got := RuleFor(e).Do; got != e.Do() {
			t.Errorf("RuleFor(%s) is that of %q", e.Do(), got)
		}
	}
	if len(rules) != len(all) {
		t.Errorf("%d rules for %d effects", len(rules), len(all))
	}
	var samples []string
	for _, e := range full() {
		samples = append(samples, e.Do())
	}
	if d := cmp.Diff(all, samples); d != "" {
		t.Errorf("effects without a sample (-all +samples):\n%s", d)
	}
}

// Samples must set every member, or a member without a JSON form would pass.
func TestRoundTrip(t *testing.T) {
	for _, e := range full() {
		v := reflect.ValueOf(e)
		for i := range v.NumField() {
			// Lead and Operation, Confirms and Contests exclude each other, and a
			// Statement all that stands beside it.
			if name := v.Type().Field(i).Name; v.Field(i).IsZero() && name != "Lead" && name != "Contests" && name != "Statement" {
				t.Errorf("%s: the sample does not set %s", e.Do(), name)
			}
		}
		roundTrip(t, List{e})
	}
	roundTrip(t, List{HandOver{To: "un.example", Lead: true}, Say{}, Inscribe{Party: "GRC"}, Speak{Party: "GRC"},
		Answer{Ask: named5("un.example"), How: Noted, Contests: named5("au.example")}})
	roundTrip(t, List{Key{Statement: keystest.New("un.example").Rotated(keys.Log, "yearly")}})
	roundTrip(t, List{})
}

func TestKeyStatementStandsAlone(t *testing.T) {
	signed := keystest.New("un.example").Rotated(keys.Log, "yearly")
	for what, k := range map[string]Key{
		"beside a key": {Statement: signed, Log: "l"},
		"cut short":    {Statement: signed[:200]},
		"not one":      {Statement: "comity/keys/v1\n"},
	} {
		if err := (List{k}).Check(); err == nil || !strings.Contains(err.Error(), "statement") {
			t.Errorf("a statement %s: %v", what, err)
		}
	}
}

func roundTrip(t *testing.T, l List) {
	t.Helper()
	if err := l.Check(); err != nil {
		t.Errorf("%v: %v", l, err)
	}
	text, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	var got List
	if err := json.Unmarshal(text, &got); err != nil {
		t.Errorf("%v\n%s", err, text)
		return
	}
	if d := cmp.Diff(l, got); d != "" {
		t.Errorf("read back (-was +is):\n%s\n%s", d, text)
	}
	if !got.Equal(l) {
		t.Errorf("%v and %v are not equal", l, got)
	}
}

func TestEqual(t *testing.T) {
	a, b := List{Say{}, Close{}}, List{Close{}, Say{}}
	if a.Equal(b) || a.Equal(a[:1]) || !a.Equal(slices.Clone(a)) || !List(nil).Equal(List{}) {
		t.Error("lists are equal if they say the same in the same order")
	}
}

// Effects are closed: a reader never applies half of one.
func TestUnmarshalRefuses(t *testing.T) {
	long := strings.Repeat("x", MaxCode+1)
	many := func(n int, s string) string { return strings.Join(slices.Repeat([]string{s}, n), ",") }
	for _, c := range []struct{ name, text, want string }{
		{"no list", `{}`, "effects"},
		{"no object", `["say"]`, "effect 1"},
		{"no name", `[{}]`, `"do"`},
		{"name that is no string", `[{"do":1}]`, `"do"`},
		{"null", `null`, "write []"},
		{"a null effect", `[null]`, `"do"`},
		{"a null member", `[{"do":"seize","organ":"x","by":null}]`, "null"},
		{"a null within one", `[{"do":"refer","to":{"org":"CIV","organ":null}}]`, "null"},
		{"unknown effect", `[{"do":"annul"}]`, `"annul" is not in effect set version`},
		{"case of an effect", `[{"do":"Say"}]`, "not in effect set"},
		{"case of the name", `[{"Do":"say"}]`, `"do"`},
		{"unknown member", `[{"do":"say","loud":true}]`, "loud"},
		{"case of a member", `[{"do":"admit","Party":"CIV"}]`, "Party"},
		{"member twice", `[{"do":"admit","party":"CIV","party":"LBR"}]`, "duplicate"},
		{"name twice", `[{"do":"say","do":"close"}]`, "duplicate"},
		{"effect twice", `[{"do":"say"},{"do":"say"}]`, "say stands twice"},
		{"two asks", `[{"do":"ask","of":[{"org":"CIV"}],"basis":"wish"},{"do":"ask","of":[{"org":"LBR"}],"basis":"wish"}]`, "ask stands twice"},
		{"number as a string", `[{"do":"need","items":[{"what":"x","n":"1"}]}]`, "need"},
		{"fraction", `[{"do":"need","items":[{"what":"x","n":1.5}]}]`, "need"},
		{"too many", "[" + many(MaxPerAct+1, `{"do":"say"}`) + "]", "at most"},
		{"no means", `[{"do":"need","items":[]}]`, "names no means"},
		{"none of it", `[{"do":"need","items":[{"what":"x","n":0}]}]`, "0 of"},
		{"too much of it", `[{"do":"need","items":[{"what":"x","n":1000000001}]}]`, "want 1 to"},
		{"more than a number holds", `[{"do":"need","items":[{"what":"x","n":9223372036854775808}]}]`, "need"},
		{"too many sorts", `[{"do":"need","items":[` + many(MaxItems+1, `{"what":"x","n":1}`) + `]}]`, "at most"},
		{"role", `[{"do":"concern","party":"CIV","role":"owns"}]`, "role"},
		{"party", `[{"do":"admit","party":"civ"}]`, "party"},
		{"organ with text", `[{"do":"seize","organ":"` + long + `","by":"un.example/5"}]`, "no text"},
		{"organ with a line break", `[{"do":"seize","organ":"a\nb","by":"un.example/5"}]`, "control"},
		{"addressee with text", `[{"do":"refer","to":{"org":"un.example","organ":"` + long + `"}}]`, "organ"},
		{"focal point with text", `[{"do":"refer","to":{"org":"un.example","focal_point":"` + long + `"}}]`, "focal point"},
		{"seized by nothing", `[{"do":"seize","organ":"x","by":""}]`, "names no act"},
		{"hands over nothing", `[{"do":"hand-over","to":"un.example"}]`, "either"},
		{"hands over both", `[{"do":"hand-over","to":"un.example","lead":true,"operation":"un.example/5"}]`, "either"},
		{"relation", `[{"do":"relate","to":"un.example/5","how":"like"}]`, "how"},
		{"asks nobody", `[{"do":"ask","of":[],"basis":"wish"}]`, "asks nobody"},
		{"asks twice", `[{"do":"ask","of":[{"org":"CIV"},{"org":"CIV"}],"basis":"wish"}]`, "twice"},
		{"asks too many", `[{"do":"ask","of":[` + many(MaxAddressees+1, `{"org":"CIV"}`) + `],"basis":"wish"}]`, "at most"},
		{"basis", `[{"do":"ask","of":[{"org":"CIV"}],"basis":"accepted"}]`, "basis"},
		{"duty without a source", `[{"do":"ask","of":[{"org":"CIV"}],"basis":"duty"}]`, "source"},
		{"source with text", `[{"do":"ask","of":[{"org":"CIV"}],"basis":"duty","source":"` + long + `"}]`, "source"},
		{"consent without a date", `[{"do":"ask","of":[{"org":"CIV"}],"basis":"wish","source":"x","silence":"consent"}]`, "silence"},
		{"meaning of silence", `[{"do":"ask","of":[{"org":"CIV"}],"basis":"wish","silence":"refusal"}]`, "silence"},
		{"taken up for ever", `[{"do":"take-up","ask":"un.example/5","until":""}]`, "until"},
		{"answer", `[{"do":"answer","ask":"un.example/5","how":"perhaps"}]`, "how"},
		{"considers for ever", `[{"do":"answer","ask":"un.example/5","how":"consider"}]`, "until when"},
		{"heard of nobody", `[{"do":"answer","ask":"un.example/5","how":"noted","heard":"mail"}]`, "from whom"},
		{"heard of a channel", `[{"do":"answer","ask":"un.example/5","how":"noted","heard":"rumour","from":"CIV"}]`, "heard"},
		{"confirms and contests", `[{"do":"answer","ask":"un.example/5","how":"noted","confirms":"un.example/6","contests":"un.example/6"}]`, "at once"},
		{"outcome", `[{"do":"decide","organ":"x","outcome":"passed"}]`, "outcome"},
		{"vote", `[{"do":"decide","organ":"x","outcome":"adopted","vote":{"for":-1,"against":0,"abstain":0}}]`, "vote count"},
		{"mode with text", `[{"do":"decide","organ":"x","outcome":"adopted","mode":"` + long + `"}]`, "mode"},
		{"mandate of nobody", `[{"do":"mandate","holder":[]}]`, "who may act"},
		{"mandate backwards", `[{"do":"mandate","holder":["CIV"],"from":"2004-01-01","to":"2003-01-01"}]`, "before it begins"},
		{"mandate of too many", `[{"do":"mandate","holder":[` + many(MaxHolders+1, `"CIV"`) + `]}]`, "at most"},
		{"operation with text", `[{"do":"deploy","party":"CIV","name":"` + long + `"}]`, "name"},
		{"meets at no time", `[{"do":"convene","organ":"x","at":""}]`, "when"},
		{"adheres somehow", `[{"do":"adhere","instrument":"x","party":"CIV","step":"likes","date":""}]`, "step"},
		{"designates nothing", `[{"do":"designate","topic":"","office":"x"}]`, "topic"},
		{"no key", `[{"do":"key"}]`, "no key"},
		{"endless key", `[{"do":"key","log":"` + strings.Repeat("x", MaxKey+1) + `"}]`, "log"},
		{"result", `[{"do":"score","warning":"un.example/5","result":"good"}]`, "result"},
		{"evidence of nothing", `[{"do":"evidence","against":"oas.example","proof":""}]`, "proof"},
		{"evidence against nobody", `[{"do":"evidence","against":"OAS","proof":"` + strings.Repeat("ab", 32) + `"}]`, "domain"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l List
			err := l.UnmarshalJSON([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v; want one with %q", err, c.want)
			}
			if l != nil {
				t.Errorf("and the effects %v", l)
			}
		})
	}
}

// The name of an effect may stand anywhere among its members.
func TestUnmarshalNameAnywhere(t *testing.T) {
	want := List{HandOver{To: "un.example", Lead: true}}
	for _, text := range []string{
		`[{"do":"hand-over","to":"un.example","lead":true}]`,
		` [ { "do" : "hand-over" , "to" : "un.example" , "lead" : true } ] `,
		`[{"to":"un.example","do":"hand-over","lead":true}]`,
		"[{\"to\":\"un.example\"\n,\n\"lead\":true\n,\n\"do\"\n:\n\"hand-over\"\n}]",
		`[{"\u0064o":"hand-\u006fver","to":"un.example","lead":true}]`,
	} {
		var l List
		if err := l.UnmarshalJSON([]byte(text)); err != nil || !l.Equal(want) {
			t.Errorf("%s is read as %v, %v; want %v", text, l, err, want)
		}
	}
	var l List
	if err := l.UnmarshalJSON([]byte(`[{ "do":"say" }]`)); err != nil || !l.Equal(List{Say{}}) {
		t.Errorf("read as %v, %v", l, err)
	}
}

// The zero value of an effect that needs a member is refused, not applied.
func TestCheckOfZeroValues(t *testing.T) {
	fine := []string{"open", "dormant", "close", "say"}
	for _, e := range All() {
		if err := (List{e}).Check(); (err == nil) != slices.Contains(fine, e.Do()) {
			t.Errorf("an empty %s: %v", e.Do(), err)
		}
	}
}

func Example() {
	var l List
	err := json.Unmarshal([]byte(`[{"do":"ask","of":[{"org":"un.example","organ":"Security Council"}],"basis":"wish"}]`), &l)
	fmt.Println(err, len(l), l[0].Do(), l[0].(Ask).Of[0].Organ)

	err = json.Unmarshal([]byte(`[{"do":"ask","of":[{"org":"un.example"}],"basis":"duty"}]`), &l)
	fmt.Println(err)

	err = json.Unmarshal([]byte(`[{"do":"annul","act":"un.example/5"}]`), &l)
	fmt.Println(err)
	// Output:
	// <nil> 1 ask Security Council
	// effect 1: ask: a duty names its source, for example S/RES/1373 (2001) para. 6
	// effect 1: "annul" is not in effect set version 1
}
