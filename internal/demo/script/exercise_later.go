package script

import (
	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// laterDays is the exercise from 11 to 25 April: what stepping through the
// days shows.
func laterDays() []scene {
	return []scene{
		{at: "11 07:00", node: ECOWAS, key: "x:report-1", doc: act.Act{Kind: "report.v1", By: act.By{Organ: "Executive Secretariat"},
			To: to("un/Security Council", "au"), Title: "First report on the Strait",
			Text: "The ferries run every second day. No shots were fired. A mission of observers is being prepared by the African Union."},
			body: says(act.Report{Art54: true, From: april("07 00:00"), To: april("11 06:00")})},
		{at: "11 16:00", node: EU, key: "x:contingency", doc: act.Act{Kind: "report.v1", By: act.By{Organ: "Council"}, To: to("un/Security Council"),
			Title: "Two patrol boats will sail on 12 April"}, re: re("follows", "x:eu-commits"),
			body: says(act.Report{Art54: true, Contemplated: true})},

		{at: "12 08:00", node: EU, key: "x:eu-deploys", doc: act.Act{Kind: "deployment.v1", By: act.By{Organ: "Council"}, To: to("au", "un"),
			Title: "Two patrol boats and four interpreters are in the Strait"}, re: []Link{{Key: "x:eu-commits", How: "follows"}, {Key: "x:needs", How: "cites"}},
			body: func(name naming) any {
				return act.Deployment{Party: EU.Party(), Name: "HALBOAT", Commitment: name("x:eu-commits"), Need: name("x:needs"),
					Items: []effect.Item{{What: "patrol-boats", N: 2}, {What: "interpreters", N: 4}}, Roles: role(EU, effect.Supports)}
			}},
		{at: "12 10:00", node: ECOWAS, key: "x:lead-offered", doc: act.Act{Kind: "handover.v1", By: act.By{Organ: "Executive Secretariat"}, To: to("au", "un"),
			Title: "ECOWAS hands the lead to the African Union"}, re: re("follows", "x:lead"),
			body: says(act.Handover{To: AU.Party(), Lead: true, Functions: []string{"collection of reports", "list of contact points"}})},
		{at: "12 14:00", node: AU, key: "x:lead-taken", doc: act.Act{Kind: "report.v1", By: act.By{Organ: "Commission"}, To: to("un", "oas", "las", "osce", "eu", "ecowas"),
			Title: "The African Union takes the lead"}, re: re("follows", "x:lead-offered"), body: says(act.Report{Roles: role(AU, effect.Leads)})},
		{at: "12 15:00", node: ECOWAS, key: "x:ecowas-supports", doc: act.Act{Kind: "report.v1", By: act.By{Organ: "Executive Secretariat"}, To: to("au"),
			Title: "ECOWAS goes on in support"}, re: re("follows", "x:lead-taken"), body: says(act.Report{Roles: role(ECOWAS, effect.Supports)})},
		{at: "12 17:00", node: AU, key: "x:referral", doc: act.Act{Kind: "referral.v1", By: act.By{Organ: "Commission"}, To: to("un/Security Council:answer"),
			Title: "The situation in the Halcyon Strait is brought before the Council", Ask: wish("Put the situation on the agenda.", "16 18:00")},
			body: says(act.Referral{Basis: "Art. 52(3)", Efforts: []string{"duty officer on the line between the coast guards since 9 April", "meeting with both ferry companies on 11 April"}})},

		{at: "13 09:00", node: AU, key: "x:authorization", doc: act.Act{Kind: "authorization-request.v1", By: act.By{Organ: "Commission"},
			To: to("un/Security Council:answer", "ecowas", "eu"), Title: "Authority is asked for an observer mission in the Strait",
			Ask: wish("Authorize an observer mission for six months.", "18 08:00")}, re: re("follows", "x:referral"),
			body: says(act.AuthorizationRequest{Basis: "Art. 53(1)", Measures: []string{"observers at the ferry ports", "observers on the ferries"},
				Holder: []comity.Party{AU.Party()}, From: april("18 00:00"), To: comity.Time{Time: april("18 23:59").AddDate(0, 6, 0)}})},

		{at: "14 09:00", node: OAS, key: "x:port-closed", file: Port, doc: act.Act{Kind: "closure.v1", By: act.By{Organ: "General Secretariat"}, To: to("un", "las"),
			Title: "The interference has stopped; the file is closed", Text: "A faulty beacon was found and switched off on 13 April."}, body: says(act.Closure{})},
		{at: "14 10:00", node: UN, key: "x:meeting", doc: act.Act{Kind: "meeting.v1", By: act.By{Organ: "Security Council", Office: "Secretariat"}, To: to("au", "ecowas"),
			Title: "The Council meets on the Halcyon Strait on 16 April"}, re: re("answers", "x:referral"),
			body: says(act.Meeting{Organ: "Security Council", At: april("16 14:00"), Place: "New York", Agenda: "The situation in the Halcyon Strait (exercise)",
				Inscribed: []act.Speaker{{Party: AU.Party(), Rule: "rule 39", Title: "Commissioner"}, {Party: "XAA", Rule: "rule 37", Title: "Permanent Representative"},
					{Party: "XBB", Rule: "rule 37", Title: "Permanent Representative"}}})},
		{at: "14 11:00", node: UN, key: "x:seized", doc: act.Act{Kind: "seizure.v1", By: act.By{Organ: "Security Council", Office: "Secretariat"},
			Title: "The Council is seized of the situation"}, re: re("cites", "x:meeting"),
			body: says(act.Seizure{Organ: "Security Council", Item: "The situation in the Halcyon Strait (exercise)"})},

		{at: "15 09:00", node: OAS, key: "x:hospital-late", doc: act.Act{Kind: "note.v1", By: act.By{Organ: "Secretaría General"}, Lang: "es", To: to("au", "un"),
			Title: "El hospital de campaña no saldrá antes de mayo", Text: "El buque que debía llevarlo está en reparación."}, re: re("follows", "x:oas-commits")},
		{at: "15 12:00", node: UN, key: "x:programme", doc: act.Act{Kind: "note.v1", By: act.By{Organ: "Security Council", Office: "Secretariat"}, Lang: "fr", To: to("au"),
			Title: "Le projet de décision sera mis aux voix le 16 avril"}, re: re("follows", "x:meeting")},

		{at: "16 14:20", node: UN, key: "x:asteria-speaks", doc: act.Act{Kind: "statement.v1", OnBehalfOf: "XAA", By: act.By{Office: "Représentant permanent"}, Lang: "fr",
			Title: "L’Astérie recevra des observateurs à Port Linden"}, re: re("follows", "x:meeting")},
		{at: "16 14:40", node: UN, key: "x:boreania-speaks", doc: act.Act{Kind: "statement.v1", OnBehalfOf: "XBB", By: act.By{Office: "Permanent Representative"},
			Title: "Boreania will receive observers at Sorrel Bay"}, re: re("follows", "x:meeting")},
		{at: "16 15:00", node: UN, key: "x:speakers", doc: act.Act{Kind: "meeting.v1", By: act.By{Organ: "Security Council", Office: "Secretariat"},
			Title: "Who spoke at the meeting"}, re: re("follows", "x:meeting"),
			body: says(act.Meeting{Record: true, Spoke: []act.Speaker{{Party: AU.Party(), Rule: "rule 39"}, {Party: "XAA", Rule: "rule 37"}, {Party: "XBB", Rule: "rule 37"}}})},
		{at: "16 15:20", node: UN, key: "x:draft-fails", doc: act.Act{Kind: "decision.v1", By: act.By{Organ: "Security Council", Office: "Secretariat"}, To: to("au", "ecowas"),
			Title: "A draft without an end date is not adopted", Text: "Eight votes; nine are needed."}, re: re("follows", "x:meeting"),
			body: says(act.Decision{Organ: "Security Council", Outcome: effect.NotAdopted, Mode: "vote", Vote: &effect.Vote{For: 8, Abstain: 7}})},
		{at: "16 15:30", node: UN, key: "x:decision", doc: act.Act{Kind: "decision.v1", By: act.By{Organ: "Security Council", Office: "Secretariat"}, To: to("au", "ecowas", "eu"),
			Title: "An observer mission in the Halcyon Strait is authorized for six months"}, re: []Link{{Key: "x:authorization", How: "answers"}, {Key: "x:meeting", How: "follows"}},
			body: says(act.Decision{Organ: "Security Council", Outcome: effect.Adopted, Mode: "vote", Vote: &effect.Vote{For: 13, Abstain: 1, Absent: 1},
				Mandate: &effect.Mandate{Holder: []comity.Party{AU.Party()}, Name: "HALOM", From: april("18 00:00"), To: comity.Time{Time: april("18 23:59").AddDate(0, 6, 0)}}})},

		{at: "17 09:00", node: ECOWAS, key: "x:ecowas-commits", doc: act.Act{Kind: "commitment.v1", By: act.By{Organ: "Executive Secretariat"}, To: to("au", "un"),
			Title: "Twenty-four observers by 19 April"}, re: []Link{{Key: "x:needs", How: "follows"}, {Key: "x:ecowas-pledges", How: "follows"}},
			body: func(name naming) any {
				return act.CommittedMeans{Party: ECOWAS.Party(), Need: name("x:needs"), Items: []effect.Item{{What: "observers", N: 24}}, By: april("19 18:00")}
			}},
		{at: "18 06:00", node: AU, key: "x:halom", doc: act.Act{Kind: "deployment.v1", By: act.By{Organ: "Commission"}, To: to("un/Security Council", "ecowas", "eu"),
			Title: "HALOM begins with twenty observers"}, re: []Link{{Key: "x:decision", How: "follows"}, {Key: "x:needs", How: "cites"}},
			body: func(name naming) any {
				return act.Deployment{Party: AU.Party(), Name: "HALOM", Mandate: name("x:decision"), Need: name("x:needs"), Items: []effect.Item{{What: "observers", N: 20}}}
			}},
		{at: "18 12:00", node: ECOWAS, key: "x:ecowas-deploys", doc: act.Act{Kind: "deployment.v1", By: act.By{Organ: "Executive Secretariat"}, To: to("au", "un"),
			Title: "Twenty-four observers have joined HALOM"}, re: []Link{{Key: "x:ecowas-commits", How: "follows"}, {Key: "x:decision", How: "cites"}},
			body: func(name naming) any {
				return act.Deployment{Party: ECOWAS.Party(), Name: "HALOM", Commitment: name("x:ecowas-commits"), Mandate: name("x:decision"), Items: []effect.Item{{What: "observers", N: 24}}}
			}},

		{at: "19 10:00", node: EU, key: "x:buoys", doc: act.Act{Kind: "warning.v1", TLP: comity.Amber, By: act.By{Organ: "Council", Office: "Situation Centre"},
			To: to("au:answer", "un"), Title: "Mooring lines of two ferries were cut at Sorrel Bay",
			Ask: wish("Say whether observers can be posted at the berths at night.", "20 18:00")},
			body: says(act.Warning{Urgency: "Immediate", Severity: "Moderate", Certainty: "Observed"})},
		{at: "20 08:00", node: AU, key: "x:buoys-taken-up", doc: act.Act{Kind: "acknowledgement.v1", TLP: comity.Amber, By: act.By{Organ: "Commission", Office: "Situation room"},
			To: to("eu", "un"), Title: "The situation room has it"}, re: re("answers", "x:buoys"), body: says(act.Acknowledgement{Until: april("20 16:00")})},
		{at: "20 15:00", node: AU, key: "x:buoys-answered", doc: act.Act{Kind: "answer.v1", TLP: comity.Amber, By: act.By{Organ: "Commission", Office: "Situation room"},
			To: to("eu", "un"), Title: "Four observers stand at the berths from tonight"}, re: re("answers", "x:buoys"),
			body: says(act.Answer{How: effect.WillAct, What: "Four observers, 18:00 to 06:00", Who: "HALOM", Until: april("20 18:00")})},
		{at: "21 10:00", node: AU, key: "x:halom-report", doc: act.Act{Kind: "report.v1", By: act.By{Organ: "Commission"}, To: to("un/Security Council", "ecowas", "eu", "osce"),
			Title: "First report of HALOM", Text: "Both ferries run daily since 19 April."},
			re: re("follows", "x:halom"), body: func(naming) any {
				none := int64(0)
				return act.Report{Art54: true, From: april("18 06:00"), To: april("21 06:00"), Killed: &none, Wounded: &none}
			}},
		{at: "22 09:00", node: EU, key: "x:boats-handed-over", doc: act.Act{Kind: "handover.v1", By: act.By{Organ: "Council"}, To: to("au", "un"),
			Title: "The two patrol boats pass to HALOM"}, re: re("cites", "x:eu-deploys"), body: func(name naming) any {
			staff := int64(22)
			return act.Handover{To: AU.Party(), Operation: name("x:eu-deploys"), Name: "HALBOAT", Functions: []string{"patrol of the middle line"}, Staff: &staff, Date: april("22 12:00")}
		}},
		{at: "24 09:00", node: ECOWAS, key: "x:outcome", doc: act.Act{Kind: "outcome.v1", TLP: comity.Amber, By: act.By{Organ: "Early Warning Directorate"},
			To: to("un/Security Council", "eu", "oas", "las", "osce", "au"), Title: "No clash within the ten days of the warning",
			Text: "In the view of ECOWAS the clash was averted."}, re: re("cites", "x:warning"), body: says(act.Outcome{Result: "averted"})},
		{at: "25 09:00", node: AU, key: "x:quiet", doc: act.Act{Kind: "report.v1", By: act.By{Organ: "Commission"}, To: to("un/Security Council", "oas", "las", "osce", "eu", "ecowas"),
			Title: "The telephone line between the coast guards works; the mission goes on"}, re: re("follows", "x:halom-report"), body: says(act.Report{Art54: true})},
		{at: "25 17:00", node: UN, key: "x:end", doc: act.Act{Kind: "note.v1", By: act.By{Organ: "Secretariat"}, To: to("oas", "las", "osce", "au", "eu", "ecowas"),
			Title: "End of the exercise"}},
	}
}
