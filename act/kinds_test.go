package act

import (
	"strings"
	"testing"
	"unicode"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Every kind's example is a valid document: it encodes, decodes, and has the
// effects that its kind computes.
func TestExamples(t *testing.T) {
	for _, s := range Kinds() {
		t.Run(string(s.Kind), func(t *testing.T) {
			doc, err := Encode(s.Example())
			if err != nil {
				t.Fatal(err)
			}
			a, err := Decode(doc)
			if err != nil {
				t.Fatalf("%v\n%s", err, doc)
			}
			if a.Kind != s.Kind || a.Contradiction != "" {
				t.Fatalf("decoded as %q, contradiction %q", a.Kind, a.Contradiction)
			}
			if len(a.Effects) == 0 {
				t.Error("an act without any effect would stand nowhere")
			}
			if a.Status == comity.Actual {
				t.Error("an example must not pass for an actual act")
			}
		})
	}
}

// The kinds that DESIGN names, those that wait for a second person, and the
// words by which officers know them.
func TestKinds(t *testing.T) {
	consequential := map[Kind]bool{"decision.v1": true, "mandate.v1": true, "authorization-request.v1": true, "deployment.v1": true,
		"correction.v1": true, "withdrawal.v1": true, "key.v1": true, "erasure.v1": true, "membership.v1": true}
	if got, want := len(Kinds()), 33; got != want {
		t.Errorf("%d kinds, want %d", got, want)
	}
	titles := map[string]Kind{}
	for _, s := range Kinds() {
		if s.Consequential != consequential[s.Kind] {
			t.Errorf("%s: consequential is %v", s.Kind, s.Consequential)
		}
		if other, ok := titles[s.Title]; ok || s.Title == "" || !unicode.IsUpper(rune(s.Title[0])) {
			t.Errorf("%s: title %q, also of %q", s.Kind, s.Title, other)
		}
		titles[s.Title] = s.Kind
		if !strings.HasSuffix(s.About, ".") || strings.Contains(s.About, "\n") || strings.Count(s.About, ". ") > 1 {
			t.Errorf("%s: about is not a plain sentence: %q", s.Kind, s.About)
		}
	}
}

// variant returns a change of the example's body and references.
func variant(body any, refs []Re) func(*Act) {
	return func(a *Act) {
		a.Re = refs
		a.Body = nil
		if body != nil {
			a.Body = mustJSON(body)
		}
	}
}

func TestKindsRefuse(t *testing.T) {
	noFile := func(a *Act) { a.Situation = comity.ActName{} }
	fileFor := func(a *Act) { a.Situation = name("un.example/3") }
	amber := func(a *Act) { a.TLP = comity.Amber }
	unasked := func(a *Act) {
		a.Ask = nil
		for i := range a.To {
			a.To[i].For = ForInformation
		}
	}
	minus := int64(-1)
	un6 := name("un.example/6")
	course := Course{What: "x", Cost: "x", LeadTime: "x", Risk: "x", Who: []string{"x"}}
	for _, c := range []struct {
		kind   Kind
		name   string
		change func(*Act)
		want   string
	}{
		{"situation.v1", "inside a file", fileFor, "names none"},
		{"warning.v1", "no scale", body(Warning{}), "urgency"},
		{"warning.v1", "a role that is none", body(Warning{"Expected", "Severe", "Likely", nil, Roles{[]effect.Concern{{Party: "un.example", Role: "owns"}}}}), "role"},
		{"options.v1", "one course", body(Options{Courses: []Course{course}, DoNothing: course}), "two to four"},
		{"options.v1", "five courses", body(Options{Courses: []Course{course, course, course, course, course}, DoNothing: course}), "two to four"},
		{"options.v1", "no lead time", body(Options{Courses: []Course{course, {What: "x", Cost: "x", Risk: "x", Who: []string{"x"}}}, DoNothing: course}), "course 2: lead_time"},
		{"options.v1", "nobody could act", body(Options{Courses: []Course{course, {What: "x", Cost: "x", LeadTime: "x", Risk: "x"}}, DoNothing: course}), "who could act"},
		{"options.v1", "nothing about doing nothing", body(Options{Courses: []Course{course, course}}), "do_nothing"},
		{"report.v1", "to no council", func(a *Act) { a.To = nil }, "Art. 54"},
		{"report.v1", "contemplated elsewhere", body(Report{Contemplated: true}), "Art. 54"},
		{"report.v1", "a period backwards", body(Report{From: goldenRecorded, To: must(comity.ParseTime("2003-01-01"))}), "ends before"},
		{"report.v1", "fewer than none", body(Report{Killed: &minus}), "killed is -1"},
		{"outcome.v1", "of nothing", variant(Outcome{Result: "open"}, nil), "the warning"},
		{"outcome.v1", "no result", body(Outcome{}), "result"},
		{"outcome.v1", "in no file", noFile, "situation: missing"},
		{"seizure.v1", "by nothing", variant(Seizure{}, nil), "by which the organ is seized"},
		{"seizure.v1", "of nobody", func(a *Act) { a.By.Organ, a.Body = "", nil }, "organ is missing"},
		{"referral.v1", "to nobody", func(a *Act) { a.To, a.Ask = nil, nil }, "before whom"},
		{"referral.v1", "on no basis", body(Referral{}), "basis"},
		{"handover.v1", "of nothing", body(Handover{To: "un.example"}), "what is handed over"},
		{"handover.v1", "of everything", body(Handover{To: "un.example", Lead: true, Name: "X"}), "two acts"},
		{"handover.v1", "to nobody", body(Handover{Lead: true}), "to: party"},
		{"handover.v1", "of what it does not cite", variant(Handover{To: "un.example", Operation: un6}, nil), `in "re" too`},
		{"relation.v1", "to itself", variant(Relation{How: "same"}, re("cites", "ecowas.example/7")), "itself"},
		{"relation.v1", "some other way", body(Relation{How: "like"}), "how"},
		{"closure.v1", "of no file", noFile, "situation: missing"},
		{"acknowledgement.v1", "for ever", body(Acknowledgement{}), "until"},
		{"acknowledgement.v1", "of nothing", func(a *Act) { a.Re = nil }, "the act that asks"},
		{"answer.v1", "to nothing", func(a *Act) { a.Re = nil }, "exactly one"},
		{"answer.v1", "will consider, some day", body(Answer{How: effect.Consider}), "until when"},
		{"answer.v1", "heard of nobody", body(Answer{How: effect.Noted, Heard: effect.Telephone}), "from whom"},
		{"reply.v1", "to nothing", func(a *Act) { a.Re = nil }, "the act replied to"},
		{"request.v1", "of nobody", unasked, "ask: missing"},
		{"request.v1", "none of it", body(Request{Items: []effect.Item{{What: "vehicles"}}}), "0 of"},
		{"request.v1", "a date for nothing", body(Request{By: goldenRecorded}), "name them in items"},
		{"offer.v1", "of nobody's", body(Offer{}), "party is missing"},
		{"offer.v1", "towards what it does not cite", variant(Offer{Party: "un.example", Need: un6}, nil), `in "re" too`},
		{"commitment.v1", "of nobody's", body(CommittedMeans{}), "party is missing"},
		{"deployment.v1", "of nobody's", body(Deployment{}), "party is missing"},
		{"deployment.v1", "under what it does not cite", variant(Deployment{Party: "un.example", Mandate: un6}, nil), `in "re" too`},
		{"deployment.v1", "goes and stays", variant(Deployment{Returns: un6, Items: []effect.Item{{What: "x", N: 1}}}, re("cites", "un.example/6")), "deployed anew"},
		{"capability.v1", "of nothing", body(Capability{Party: "un.example"}), "items"},
		{"capability.v1", "none of it", body(Capability{Party: "un.example", Items: []effect.Item{{What: "x"}}}), "0 of"},
		{"meeting.v1", "at no time", body(Meeting{}), "at is missing"},
		{"meeting.v1", "of nobody", func(a *Act) { a.By.Organ, a.Body = "", mustJSON(Meeting{At: goldenRecorded}) }, "organ is missing"},
		{"meeting.v1", "a record of nothing", variant(Meeting{Record: true}, nil), "who is inscribed"},
		{"meeting.v1", "a record of no meeting", variant(Meeting{Record: true, Spoke: []Speaker{{Party: "XAA"}}}, nil), "the meeting recorded"},
		{"meeting.v1", "a speaker of nobody", body(Meeting{At: goldenRecorded, Spoke: []Speaker{{Name: "A. Person"}}}), "A. Person"},
		{"statement.v1", "at no meeting", variant(Statement{Speaker: &Speaker{Party: "XAA"}}, nil), "the meeting at which"},
		{"authorization-request.v1", "of nobody", unasked, "ask: missing"},
		{"authorization-request.v1", "of no organ", func(a *Act) { a.To[0].Organ = "" }, "name the organ"},
		{"authorization-request.v1", "on no basis", body(AuthorizationRequest{}), "basis"},
		{"authorization-request.v1", "backwards", body(AuthorizationRequest{Basis: "x", From: goldenRecorded, To: must(comity.ParseTime("2003-01-01"))}), "ends before"},
		{"decision.v1", "no outcome", body(Decision{}), "outcome"},
		{"decision.v1", "of nobody", func(a *Act) { a.By.Organ, a.Body = "", mustJSON(Decision{Outcome: effect.Adopted}) }, "organ is missing"},
		{"decision.v1", "not put, and a vote", body(Decision{Outcome: effect.NotPut, Vote: &effect.Vote{}}), "which of the two"},
		{"decision.v1", "more names than votes", body(Decision{Outcome: effect.Adopted, Vote: &effect.Vote{For: 1}, Against: []comity.Party{"XAA"}}), "against names 1"},
		{"decision.v1", "names without a vote", body(Decision{Outcome: effect.Adopted, Against: []comity.Party{"XAA"}}), "against names 1"},
		{"decision.v1", "twice in the vote", body(Decision{Outcome: effect.Adopted, Vote: &effect.Vote{For: 1, Abstain: 1}, InFavour: []comity.Party{"XAA"}, Abstained: []comity.Party{"XAA"}}), "twice in the vote"},
		{"decision.v1", "a mandate that was not adopted", body(Decision{Outcome: effect.NotAdopted, Mandate: &effect.Mandate{Holder: []comity.Party{"XAA"}}}), "only what was adopted"},
		{"decision.v1", "renews what it does not cite", variant(Decision{Outcome: effect.Adopted, Mandate: &effect.Mandate{Holder: []comity.Party{"XAA"}, Renews: un6}}, nil), `in "re" too`},
		{"mandate.v1", "of nobody", body(Mandate{}), "who may act"},
		{"mandate.v1", "ends what it does not cite", variant(Mandate{Ends: un6}, nil), `in "re" too`},
		{"adherence.v1", "to nothing", body(Adherence{Party: "XAA", Step: "accession"}), "instrument"},
		{"adherence.v1", "some step", body(Adherence{Instrument: "x", Party: "XAA", Step: "likes"}), "step"},
		{"designation.v1", "for nothing", body(Designation{Office: "x"}), "topic"},
		{"designation.v1", "in a file", fileFor, "own house"},
		{"membership.v1", "some step", body(Membership{Party: "XAA", Step: "expel"}), "step"},
		{"membership.v1", "of nobody", body(Membership{Step: "admit"}), "party"},
		{"membership.v1", "in a file", fileFor, "own house"},
		{"key.v1", "no key", body(effect.Key{}), "no key"},
		{"key.v1", "no vkey", body(effect.Key{Log: "AAAA"}), "no verification key"},
		{"key.v1", "no recipient", body(effect.Key{Recipient: "AAAA"}), "age1"},
		{"key.v1", "not for everybody", amber, "CLEAR"},
		{"key.v1", "in a file", fileFor, "own house"},
		{"evidence.v1", "not for everybody", amber, "CLEAR"},
		{"evidence.v1", "no proof", body(Evidence{Against: "oas.example"}), "proof"},
		{"evidence.v1", "against nobody", body(Evidence{Proof: comity.LeafHash(nil)}), "domain"},
		{"withdrawal.v1", "of nothing", func(a *Act) { a.Re = nil }, "what it withdraws"},
		{"withdrawal.v1", "for no reason", body(Withdrawal{}), "reason"},
		{"erasure.v1", "of nothing", body(Erasure{Reason: "x", Acts: []comity.ActName{}}), "what is erased"},
		{"erasure.v1", "for no reason", body(Erasure{Acts: []comity.ActName{{Domain: "un.example", Index: 1}}}), "reason"},
		{"erasure.v1", "twice", body(Erasure{Reason: "x", Acts: []comity.ActName{{Domain: "un.example", Index: 1}, {Domain: "un.example", Index: 1}}}), "twice"},
		{"erasure.v1", "that few may read", func(a *Act) { a.TLP = comity.Amber }, "mark an erasure CLEAR"},
		{"erased.v1", "of nothing", func(a *Act) { a.Re = nil }, "refers to the erasure"},
		{"correction.v1", "of nothing", func(a *Act) { a.Re = nil }, "put right"},
		{"correction.v1", "of two", func(a *Act) { a.Re = re("corrects", "un.example/4", "un.example/5") }, "put right"},
		{"correction.v1", "of no kind", body(Correction{}), "which kind"},
		{"correction.v1", "of a withdrawal", body(Correction{Kind: "withdrawal.v1"}), "issue another act"},
		{"correction.v1", "of an unknown kind", body(Correction{Kind: "rumour.v1"}), "does not know"},
		{"correction.v1", "wrong again", body(Correction{Kind: "request.v1", Body: mustJSON(Request{Items: []effect.Item{{What: "x"}}})}), "0 of"},
		{"correction.v1", "by a body of another kind's rules", body(Correction{Kind: "warning.v1"}), "the corrected warning"},
	} {
		t.Run(string(c.kind)+" "+c.name, func(t *testing.T) {
			s, ok := Lookup(c.kind)
			if !ok {
				t.Fatal("no such kind")
			}
			a := s.Example()
			c.change(a)
			doc, err := Encode(a)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Decode(doc)
			wantError(t, err, c.want)
		})
	}
}

// A correction of a kind from a later version keeps the effects written in
// it, like an act of that kind would.
func TestCorrectionOfUnknownKind(t *testing.T) {
	s, _ := Lookup("correction.v1")
	a := s.Example()
	a.Body = mustJSON(Correction{Kind: "rumour.v1"})
	a.Effects = effect.List{effect.Correct{Act: name("ecowas.example/12")}, effect.Say{}}
	got, err := Decode(must(Encode(a)))
	if err != nil {
		t.Fatal(err)
	}
	if got.Contradiction != "" || !got.Effects.Equal(a.Effects) {
		t.Errorf("contradiction %q, effects %v; want those written, %v", got.Contradiction, got.Effects, a.Effects)
	}
}

// A corrected act has the effects it would have had in the first place.
func TestCorrectionHasTheEffectsOfItsKind(t *testing.T) {
	for _, s := range Kinds() {
		switch s.Kind {
		case "correction.v1", "withdrawal.v1", "erasure.v1", "key.v1", "evidence.v1", "situation.v1":
			continue
		}
		t.Run(string(s.Kind), func(t *testing.T) {
			a := s.Example()
			right, err := Decode(must(Encode(a)))
			if err != nil {
				t.Fatal(err)
			}
			a.Body = mustJSON(Correction{Kind: a.Kind, Body: a.Body})
			a.Kind = "correction.v1"
			a.Re = append(a.Re, re("corrects", "ecowas.example/99")...)
			got, err := Decode(must(Encode(a)))
			if err != nil {
				t.Fatal(err)
			}
			var rest effect.List
			corrects := 0
			for _, e := range got.Effects {
				if c, ok := e.(effect.Correct); ok && c.Act == name("ecowas.example/99") {
					corrects++
					continue
				}
				rest = append(rest, e)
			}
			if corrects != 1 || !rest.Equal(right.Effects) {
				t.Errorf("effects %v, corrects %d; want %v beside one correct", rest, corrects, right.Effects)
			}
		})
	}
}
