package web

import (
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/keys"
)

// hostile is what another organization may write into its acts.
const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>{{.Self}}`

// story is an exercise and a piece of the record, with every standing that an
// ask can have, as un.example reads them on 7 May 2003.
type story struct {
	*fakeDesk
	file, warning, request, referral, sealed, foreign, withdrawn, hostile, arabic comity.ActName
	liberia, letter                                                               comity.ActName
}

func newStory(t testing.TB) *story {
	f := newFake(t, "2003-05-07T09:00:00Z")
	s := &story{fakeDesk: f}
	f.heard["osce.example"] = at("2003-04-19T08:00:00Z")
	s.exercise(f)
	s.replay(f)
	s.foes(f)
	doubt := func(from, to int64, reason string) []keys.Doubt {
		return []keys.Doubt{{Revocation: keys.Revocation{Role: keys.Log, Since: at("2003-04-12T00:00:00Z"), From: from, To: to}, Number: 1, Date: at("2003-05-06T10:00:00Z"), Reason: reason}}
	}
	f.doubts = keys.Doubts{"au.example": doubt(0, 3, "the disk of the old machine was stolen"), "osce.example": doubt(1, 2, hostile), "un.example": doubt(3, 4, "a copy of the folder was lost")}
	return s
}

func (s *story) exercise(f *fakeDesk) {
	s.file = f.add("ecowas.example", "2003-04-10T08:00:00Z", act.Act{Kind: "situation.v1", By: act.By{Organ: "Early Warning Directorate"},
		Lang: "en", Threat: "conflict", States: []string{"XAA", "XAB"}, Title: "The situation along the Sava river in Alba"})
	s.warning = f.add("ecowas.example", "2003-04-11T08:00:00Z", act.Act{Kind: "warning.v1", Situation: s.file, By: act.By{Organ: "Early Warning Directorate", Office: "Watch officer"},
		To:   []act.To{to("un.example", "Security Council", act.ForAnswer), {Org: "au.example", Organ: "Commission", FocalPoint: "early warning", For: act.ForAnswer}, to("eu.example", "", act.ForInformation)},
		Lang: "en", Title: "Armed groups gather near the river crossings",
		Text: "Three independent reports since Monday. The crossings fall within ten days if nothing is done.\n\nTwo markets have closed; 1,400 people have moved to the southern bank.",
		Ask:  wish("Say whether observers can be sent, and by when.", "2003-04-14"),
		Body: jsonOf(act.Warning{Urgency: "Expected", Severity: "Severe", Certainty: "Likely", Evidence: []string{"three field reports", "closure of two markets"}})})
	f.add("un.example", "2003-04-11T09:10:00Z", act.Act{Kind: "acknowledgement.v1", Situation: s.file, By: act.By{Organ: "Security Council", Office: "Duty officer"},
		To: []act.To{to("ecowas.example", "", act.ForInformation)}, Re: []act.Re{re(s.warning, "answers")}, Lang: "en", Title: "The duty officer has it",
		Body: jsonOf(act.Acknowledgement{Until: at("2003-04-11T21:00:00Z")})})
	f.add("au.example", "2003-04-13T15:00:00Z", act.Act{Kind: "answer.v1", Situation: s.file, By: act.By{Organ: "Commission"},
		To: []act.To{to("ecowas.example", "", act.ForInformation)}, Re: []act.Re{re(s.warning, "answers")}, Lang: "en", Title: "A mediator leaves on 16 April",
		Body: jsonOf(act.Answer{How: effect.WillAct, What: "A mediator to both banks", Who: "Peace and Security Department", Until: at("2003-04-16")})})
	need := f.add("ecowas.example", "2003-04-14T10:00:00Z", act.Act{Kind: "request.v1", Situation: s.file, By: act.By{Organ: "Executive Secretariat"},
		To: []act.To{to("au.example", "", act.ForAnswer), to("eu.example", "", act.ForAnswer)}, Re: []act.Re{re(s.warning, "follows")}, Lang: "en",
		Title: "Observers and vehicles for the three crossings", Ask: wish("Say what you can provide by 25 April.", "2003-04-25"),
		Body: jsonOf(act.Request{Items: []effect.Item{{What: "observers", N: 24}, {What: "vehicles", N: 6}}, By: at("2003-05-01")})})
	commitment := f.add("au.example", "2003-04-16T10:00:00Z", act.Act{Kind: "commitment.v1", Situation: s.file, By: act.By{Organ: "Commission"},
		To: []act.To{to("ecowas.example", "", act.ForInformation)}, Re: []act.Re{re(need, "cites"), re(s.warning, "follows")}, Lang: "en", Title: "Twelve observers by 28 April",
		Body: jsonOf(act.CommittedMeans{Party: "au.example", Need: need, Items: []effect.Item{{What: "observers", N: 12}}, By: at("2003-04-28")})})
	f.add("au.example", "2003-04-27T06:00:00Z", act.Act{Kind: "deployment.v1", Situation: s.file, By: act.By{Organ: "Commission"},
		Re: []act.Re{re(commitment, "cites"), re(need, "cites"), re(s.warning, "follows")}, Lang: "en", Title: "Twelve observers at the crossings",
		Body: jsonOf(act.Deployment{Party: "au.example", Name: "SAVAMIS", Commitment: commitment, Need: need, Items: []effect.Item{{What: "observers", N: 12}},
			Roles: act.Roles{Roles: []effect.Concern{{Party: "au.example", Role: effect.Leads}}}})})
	f.add("ecowas.example", "2003-04-16T12:00:00Z", act.Act{Kind: "commitment.v1", Situation: s.file, Re: []act.Re{re(need, "cites")}, Lang: "en", Title: "Six vehicles by 1 May",
		Body: jsonOf(act.CommittedMeans{Party: "ecowas.example", Need: need, Items: []effect.Item{{What: "vehicles", N: 6}}, By: at("2003-05-01")})})
	s.request = f.add("un.example", "2003-04-15T16:00:00Z", act.Act{Kind: "request.v1", Situation: s.file, By: act.By{Organ: "Security Council", Office: "Secretariat"},
		To: []act.To{to("ecowas.example", "Executive Secretariat", act.ForAnswer), {Org: "osce.example", FocalPoint: "border monitoring", For: act.ForAnswer}, to("las.example", "", act.ForAnswer), to("CARICOM", "", act.ForAnswer), to("oas.example", "", act.ForAnswer)},
		Re: []act.Re{re(s.warning, "follows")}, Lang: "en", Title: "Keep the Council informed of efforts at the crossings",
		Ask: &act.Ask{What: "Report what is done and contemplated.", Basis: effect.Duty, Source: "Charter, Art. 54", Due: at("2003-04-20T23:59:59Z")}})
	f.add("las.example", "2003-04-18T07:00:00Z", act.Act{Kind: "answer.v1", Situation: s.file, By: act.By{Office: "Focal point"}, To: []act.To{to("un.example", "", act.ForInformation)},
		Re: []act.Re{re(s.request, "answers")}, Lang: "en", Title: "We shall write by 20 May", Body: jsonOf(act.Answer{How: effect.Consider, Until: at("2003-05-20")})})
	f.add("un.example", "2003-04-22T11:00:00Z", act.Act{Kind: "answer.v1", Situation: s.file, By: act.By{Organ: "Secretariat"}, To: []act.To{to("oas.example", "", act.ForInformation)},
		Re: []act.Re{re(s.request, "answers")}, Lang: "en", Title: "Answer of the OAS by telephone", Body: jsonOf(act.Answer{How: effect.Noted, From: "oas.example", Heard: effect.Telephone})})
	s.referral = f.add("ecowas.example", "2003-05-05T12:00:00Z", act.Act{Kind: "referral.v1", Situation: s.file, By: act.By{Organ: "Mediation and Security Council"},
		To:   []act.To{to("un.example", "Security Council", act.ForAnswer), to("au.example", "", act.ForInformation)},
		Lang: "en", Title: "The situation in Alba is brought before the Council", Ask: wish("Put the situation on the agenda.", "2003-05-12"),
		Body: jsonOf(act.Referral{Basis: "Art. 52(3)", Efforts: []string{"mediator in both towns since 16 April"}})})
	decision := f.add("un.example", "2003-05-06T20:00:00Z", act.Act{Kind: "decision.v1", Situation: s.file, By: act.By{Organ: "Security Council"},
		To: []act.To{to("ecowas.example", "", act.ForInformation)}, Re: []act.Re{re(s.warning, "follows")}, Lang: "en", Title: "An observer mission for ninety days",
		Docs: []act.Doc{{Symbol: "S/RES/9001 (2003)", Meeting: "S/PV.9002"}},
		Body: jsonOf(act.Decision{Organ: "Security Council", Outcome: effect.Adopted, Mode: "vote", Vote: &effect.Vote{For: 13, Abstain: 2},
			Mandate: &effect.Mandate{Holder: []comity.Party{"au.example"}, Name: "SAVAMIS", To: at("2003-08-04")}})})
	s.withdrawn = f.add("eu.example", "2003-05-01T10:00:00Z", act.Act{Kind: "note.v1", Situation: s.file, Lang: "en", Title: "The ferry runs again since Monday",
		Body: jsonOf(act.Roles{Roles: []effect.Concern{{Party: "eu.example", Role: effect.Supports}}})})
	f.add("eu.example", "2003-05-02T10:00:00Z", act.Act{Kind: "withdrawal.v1", Situation: s.file, Re: []act.Re{re(s.withdrawn, "withdraws")}, Lang: "en", Title: "The note on the ferry was mistaken",
		Body: jsonOf(act.Withdrawal{Reason: "it was another river"})})
	f.add("eu.example", "2003-05-03T10:00:00Z", act.Act{Kind: "note.v1", Situation: s.file, Lang: "en", Title: "Support to the observers",
		Body: jsonOf(act.Roles{Roles: []effect.Concern{{Party: "eu.example", Role: effect.Supports}, {Party: "las.example", Role: effect.Acts}}})})
	_ = decision
	s.sealed = f.add("oas.example", "2003-05-04T10:00:00Z", act.Act{Kind: "report.v1", Situation: s.file, TLP: comity.Amber, By: act.By{Organ: "Permanent Council"},
		To: []act.To{to("un.example", "", act.ForInformation)}, Lang: "es", Title: "Informe confidencial sobre los cruces", Text: "El paso norte está cerrado."})
	s.foreign = f.addSealed("eu.example", "2003-05-04T11:00:00Z")
	s.arabic = f.add("las.example", "2003-05-05T09:00:00Z", act.Act{Kind: "report.v1", Situation: s.file, By: act.By{Organ: "الأمانة العامة"}, To: []act.To{to("un.example", "", act.ForInformation)},
		Lang: "ar", Title: "تقرير عن الحالة على ضفتي النهر", Text: "عُقد اجتماعان في المدينتين يومي 2 و3 أيار/مايو."})
	f.drafts = append(f.drafts, waitingDraft(f, s))
}

func (s *story) replay(f *fakeDesk) {
	add := func(d comity.Domain, when string, a act.Act) comity.ActName {
		a.Status, a.Lang = comity.Replay, "en"
		return f.add(d, when, a)
	}
	s.liberia = add("un.example", "2003-03-01T00:00:00Z", act.Act{Kind: "situation.v1", By: act.By{Organ: "Security Council"}, States: []string{"LBR"}, Title: "The situation in Liberia"})
	s.letter = add("un.example", "2003-04-01T00:00:00Z", act.Act{Kind: "request.v1", Situation: s.liberia, By: act.By{Organ: "Secretary-General"}, To: []act.To{to("un.example", "Security Council", act.ForAnswer)},
		Docs: []act.Doc{{Symbol: "S/2003/678", Confidence: "verified (date; symbol known)"}}, Title: "Letter asks for a multinational force under Chapter VII led by a Member State.", Ask: wish("a multinational force under Chapter VII led by a Member State", "")})
	add("un.example", "2003-05-01T00:00:00Z", act.Act{Kind: "decision.v1", Situation: s.liberia, By: act.By{Organ: "Security Council"}, To: []act.To{to("ecowas.example", "", act.ForInformation)},
		Re:   []act.Re{{Ref: comity.Ref{Act: s.letter}, How: "answers", LinkedBy: "editors", Basis: "The letter asks for a multinational force; the resolution authorizes one."}},
		Docs: []act.Doc{{Symbol: "S/RES/1497 (2003)", Meeting: "S/PV.4803", Basis: "anchor or count between anchors in the meeting list"}}, Title: "Authorizes a multinational force with all necessary measures and declares readiness for a UN force by 1 October.",
		Body: jsonOf(act.Decision{Organ: "Security Council", Outcome: effect.Adopted, Mode: "vote", Vote: &effect.Vote{For: 12, Abstain: 3}, Mandate: &effect.Mandate{Holder: []comity.Party{"ecowas.example"}, Name: "Multinational force", Force: true}})})
}

// foes are acts of an organization that means harm.
func (s *story) foes(f *fakeDesk) {
	file := f.add("osce.example", "2003-05-06T08:00:00Z", act.Act{Kind: "situation.v1", By: act.By{Organ: hostile, Office: hostile, Officer: hostile}, Lang: "en", Title: hostile})
	s.hostile = f.add("osce.example", "2003-05-06T09:00:00Z", act.Act{Kind: "warning.v1", Situation: file, By: act.By{Organ: hostile, Office: hostile, Officer: hostile}, Marking: hostile,
		To:   []act.To{{Org: "un.example", Organ: hostile, FocalPoint: hostile, For: act.ForAnswer}, {Org: "eu.example", Organ: hostile, For: act.ForInformation}},
		Docs: []act.Doc{{Symbol: hostile, Meeting: hostile, Basis: hostile, Confidence: hostile}}, Title: hostile, Text: hostile,
		Ask:    &act.Ask{What: hostile, Basis: effect.Duty, Source: hostile, Due: at("2003-05-06T12:00:00Z")},
		Attach: []act.Attachment{{Name: `<img src=x onerror=alert(2)>.pdf`, Type: "application/pdf", SHA256: comity.LeafHash([]byte("x")), Size: 12}},
		Body:   jsonOf(map[string]any{"urgency": "Expected", "severity": "Severe", "certainty": "Likely", "evidence": []string{hostile, "javascript:alert(3)"}, "x" + hostile: hostile})})
	f.add("osce.example", "2003-05-06T10:00:00Z", act.Act{Kind: "note.v1", Situation: file, Title: hostile,
		Re: []act.Re{{Ref: comity.Ref{Act: s.hostile}, How: "follows", LinkedBy: "editors", Basis: hostile}}})
}

// waitingDraft is a decision that waits for a second person.
func waitingDraft(f *fakeDesk, s *story) desk.Draft {
	a := act.Act{Kind: "decision.v1", Date: at("2003-05-07T08:00:00Z"), Status: comity.Exercise, TLP: comity.Clear, Situation: s.file, By: act.By{Organ: "Security Council"},
		To: []act.To{to("ecowas.example", "", act.ForInformation)}, Lang: "en", Title: "The Council remains seized of the matter",
		Body: jsonOf(act.Decision{Organ: "Security Council", Outcome: effect.Adopted, Mode: "consensus"})}
	doc, err := act.Encode(&a)
	if err != nil {
		f.t.Fatal(err)
	}
	return desk.Draft{ID: 7, Document: doc, Title: a.Title, Kind: a.Kind, By: "b.mensah", At: at("2003-05-07T08:05:00Z")}
}
