package web

import (
	"strconv"
	"strings"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/web/i18n"
)

// composeKind is a kind of act that can be written on a page. Kinds that are not
// here are issued through the API or the command line.
type composeKind struct {
	Slug  string
	Kind  act.Kind
	Verb  i18n.Key // title of the form
	About i18n.Key // when to use it

	Opens       bool   // opens a situation
	Asks        bool   // may ask something
	MustAsk     bool   // asks something
	MustAddress bool   // goes to somebody
	How         string // how it refers to the act it is about; "" if it needs none
	FromAct     string // it is started from an act; the name of the button's page
	NoText      bool
	Fields      []formField
	Body        func(*reader, *act.Act) any // nil if the kind has none
}

// formField is a field of the kind's own part.
type formField struct {
	Name    string
	Label   i18n.Key
	Hint    i18n.Key
	Type    string // text, lines, date, datetime, select, check, number, group
	Options []formOption
	N       int // of a group
}

type formOption struct {
	Value string
	Label i18n.Key
}

func options(values ...string) []formOption {
	out := []formOption{{"", i18n.Key("Choose")}}
	for _, v := range values {
		k, ok := valueWords[v]
		if !ok {
			k = i18n.Key(v)
		}
		out = append(out, formOption{v, k})
	}
	return out
}

// composeKinds is the table of all of them, in the order of the page.
func composeKinds() []composeKind {
	return []composeKind{
		{Slug: "warning", Kind: "warning.v1", Verb: i18n.Key("Raise a warning"), Asks: true, MustAddress: true,
			About: i18n.Key("Say what is building up, how soon, how bad and how sure, and ask those who should act for an answer."),
			Fields: []formField{
				{Name: "urgency", Label: i18n.Key("Urgency"), Hint: i18n.Key("How soon"), Type: "select", Options: options("Immediate", "Expected", "Future", "Past", "Unknown")},
				{Name: "severity", Label: i18n.Key("Severity"), Hint: i18n.Key("How bad"), Type: "select", Options: options("Extreme", "Severe", "Moderate", "Minor", "Unknown")},
				{Name: "certainty", Label: i18n.Key("Certainty"), Hint: i18n.Key("How sure"), Type: "select", Options: options("Observed", "Likely", "Possible", "Unlikely", "Unknown")},
				{Name: "evidence", Label: i18n.Key("Evidence"), Hint: i18n.Key("One piece a line. Do not name informants, victims or staff."), Type: "lines"},
			},
			Body: func(d *reader, _ *act.Act) any {
				return act.Warning{Urgency: d.need("urgency", i18n.Key("Choose the urgency.")), Severity: d.need("severity", i18n.Key("Choose the severity.")),
					Certainty: d.need("certainty", i18n.Key("Choose the certainty.")), Evidence: append(d.picked(), d.list("evidence")...)}
			}},
		{Slug: "options", Kind: "options.v1", Verb: i18n.Key("Set out options"), Asks: true, MustAddress: true,
			About:  i18n.Key("Set two to four courses beside each other, with cost, lead time, risk and who could act, and what doing nothing means."),
			Fields: optionFields(), Body: optionsBody},
		{Slug: "request", Kind: "request.v1", Verb: i18n.Key("Request"), Asks: true, MustAsk: true, MustAddress: true,
			About: i18n.Key("Ask others for means or for action."),
			Fields: []formField{
				{Name: "items", Label: i18n.Key("Means asked for"), Hint: i18n.Key("One sort a line, the number first: 1200 infantry. Leave empty if you ask for something else."), Type: "lines"},
				{Name: "by", Label: i18n.Key("Needed by"), Type: "date"},
			},
			Body: func(d *reader, _ *act.Act) any { return act.Request{Items: d.items("items"), By: d.begin("by")} }},
		{Slug: "answer", Kind: "answer.v1", Verb: i18n.Key("Answer"), How: "answers", MustAddress: true,
			About: i18n.Key("Answer what was asked: will act, supports another, will consider until a date, noted, or declined."),
			Fields: []formField{
				{Name: "answer", Label: i18n.Key("Your answer"), Type: "select", Options: options("act", "support", "consider", "noted", "declined")},
				{Name: "will", Label: i18n.Key("What will be done"), Type: "text"},
				{Name: "whom", Label: i18n.Key("By whom"), Hint: i18n.Key("Office or unit first"), Type: "text"},
				{Name: "until", Label: i18n.Key("By when"), Hint: i18n.Key("If you will consider it, you accept this date: after it the answer is overdue."), Type: "date"},
				{Name: "outside", Type: "group", Label: i18n.Key("Only if it was given outside the journals")},
				{Name: "heardfrom", Label: i18n.Key("Heard from"), Hint: i18n.Key("Who gave the answer, by a code like CARICOM or au.example. It stands as reported until the other side confirms or contests it."), Type: "text"},
				{Name: "heard", Label: i18n.Key("Heard by"), Type: "select", Options: options("telephone", "letter", "meeting", "mail")},
			},
			Body: func(d *reader, _ *act.Act) any {
				b := act.Answer{How: effect.How(d.need("answer", i18n.Key("Choose your answer."))), What: d.text("will"), Who: d.text("whom"), Until: d.day("until"),
					From: comity.Party(d.text("heardfrom")), Heard: effect.Channel(d.text("heard"))}
				if b.How == effect.Consider && b.Until.IsZero() && d.text("until") == "" {
					d.wrong("until", i18n.Key("Say until when you will consider it."))
				}
				return b
			}},
		{Slug: "acknowledgement", Kind: "acknowledgement.v1", Verb: i18n.Key("Take up"), How: "answers", MustAddress: true,
			About:  i18n.Key("Say that a person has taken up what was asked, and until when that holds. It is not an answer."),
			Fields: []formField{{Name: "until", Label: i18n.Key("Holds until"), Hint: i18n.Key("In UTC. It lapses then, unless an answer has come."), Type: "datetime"}},
			Body: func(d *reader, _ *act.Act) any {
				b := act.Acknowledgement{Until: d.instant("until")}
				if b.Until.IsZero() && d.text("until") == "" {
					d.wrong("until", i18n.Key("Say until when it holds."))
				}
				return b
			}},
		{Slug: "referral", Kind: "referral.v1", Verb: i18n.Key("Refer"), Asks: true, MustAddress: true,
			About: i18n.Key("Bring the situation before another organization's organ. The way to the Security Council is never barred (Art. 52(4))."),
			Fields: []formField{
				{Name: "rule", Label: i18n.Key("Under which rule"), Hint: i18n.Key("For example Art. 52(3)"), Type: "text"},
				{Name: "efforts", Label: i18n.Key("Efforts so far"), Hint: i18n.Key("One a line. None are required."), Type: "lines"},
			},
			Body: func(d *reader, _ *act.Act) any {
				return act.Referral{Basis: d.need("rule", i18n.Key("Name the rule under which it is referred.")), Efforts: d.list("efforts")}
			}},
		{Slug: "report", Kind: "report.v1", Verb: i18n.Key("Report"),
			About: i18n.Key("Report on a situation over a period, or on an incident with its dead and wounded, which Watch then counts; or keep the Security Council informed of what is done or contemplated (Art. 54)."),
			Fields: []formField{
				{Name: "art54", Label: i18n.Key("Keeps a council informed under Article 54"), Type: "check"},
				{Name: "contemplated", Label: i18n.Key("Of activities in contemplation"), Type: "check"},
				{Name: "periodfrom", Label: i18n.Key("Period from"), Type: "date"},
				{Name: "periodto", Label: i18n.Key("Period to"), Type: "date"},
				{Name: "killed", Label: i18n.Key("Killed"), Hint: i18n.Key("As far as is known. Leave empty if it is not."), Type: "number"},
				{Name: "wounded", Label: i18n.Key("Wounded"), Type: "number"},
				{Name: "latitude", Label: i18n.Key("Latitude of the place"), Hint: i18n.Key("In degrees, like 14.5; south of the equator like -14.5"), Type: "figure"},
				{Name: "longitude", Label: i18n.Key("Longitude of the place"), Hint: i18n.Key("In degrees; west of Greenwich like -4.1"), Type: "figure"},
			},
			Body: func(d *reader, a *act.Act) any {
				a.Where = d.point("latitude", "longitude")
				return act.Report{Art54: d.f.Get("art54") != "", Contemplated: d.f.Get("contemplated") != "", From: d.begin("periodfrom"), To: d.day("periodto"), Killed: d.count("killed"), Wounded: d.count("wounded")}
			}},
		{Slug: "decision", Kind: "decision.v1", Verb: i18n.Key("Record a decision"), Asks: true,
			About: i18n.Key("Record what an organ of this organization decided, or that it did not. A second person releases it."),
			Fields: []formField{
				{Name: "outcome", Label: i18n.Key("Outcome"), Type: "select", Options: options("adopted", "not-adopted", "not-put", "no-consensus", "no-outcome")},
				{Name: "mode", Label: i18n.Key("Mode"), Type: "select", Options: options("vote", "consensus", "unanimity")},
				{Name: "votesfor", Label: i18n.Key("For##votes"), Type: "number"},
				{Name: "votesagainst", Label: i18n.Key("Against"), Type: "number"},
				{Name: "votesabstain", Label: i18n.Key("Abstaining"), Type: "number"},
				{Name: "votesabsent", Label: i18n.Key("Took no part"), Type: "number"},
			},
			Body: decisionBody},
		{Slug: "offer", Kind: "offer.v1", Verb: i18n.Key("Offer"), MustAddress: true,
			About:  i18n.Key("Offer this organization's own means, without binding it yet."),
			Fields: append(meansFields(), formField{Name: "conditions", Label: i18n.Key("Conditions"), Type: "text"}),
			Body: func(d *reader, _ *act.Act) any {
				return act.Offer{Party: comity.Party(d.text("party")), Need: d.act("need"), Items: d.items("items"), Conditions: d.text("conditions")}
			}},
		{Slug: "commitment", Kind: "commitment.v1", Verb: i18n.Key("Commit"), MustAddress: true,
			About:  i18n.Key("Bind this organization to provide its own means by a date."),
			Fields: append(meansFields(), formField{Name: "by", Label: i18n.Key("Provided by"), Type: "date"}),
			Body: func(d *reader, _ *act.Act) any {
				return act.CommittedMeans{Party: comity.Party(d.text("party")), Need: d.act("need"), Items: d.items("items"), By: d.day("by")}
			}},
		{Slug: "note", Kind: "note.v1", Verb: i18n.Key("Note"),
			About: i18n.Key("Put something on the record of the situation. It changes nothing else.")},
		{Slug: "situation", Kind: "situation.v1", Verb: i18n.Key("Open a situation"), Opens: true,
			About: i18n.Key("Open a file under this organization's own title. Opening a file is not seizure of any organ.")},
		{Slug: "reply", Kind: "reply.v1", Verb: i18n.Key("Reply"), How: "cites", FromAct: "act",
			About: i18n.Key("Exercise the right of reply to an act. Nobody else can remove it.")},
		{Slug: "withdrawal", Kind: "withdrawal.v1", Verb: i18n.Key("Withdraw"), How: "withdraws", FromAct: "act",
			About:  i18n.Key("Withdraw an act of this organization. It stays on the record, struck out, and has no effect from now on. A second person releases it."),
			Fields: []formField{{Name: "reason", Label: i18n.Key("Reason"), Type: "text"}},
			Body: func(d *reader, _ *act.Act) any {
				return act.Withdrawal{Reason: d.need("reason", i18n.Key("Say why it is withdrawn."))}
			}},
	}
}

func meansFields() []formField {
	return []formField{
		{Name: "items", Label: i18n.Key("Means"), Hint: i18n.Key("One sort a line, the number first: 1200 infantry."), Type: "lines"},
		{Name: "need", Label: i18n.Key("Towards the need"), Hint: i18n.Key("The name of the act that states it, like ecowas.example/12. Leave empty to offer in general."), Type: "text"},
		{Name: "party", Label: i18n.Key("Whose means"), Hint: i18n.Key("This organization's domain, unless it acts for a party without a node."), Type: "text"},
	}
}

// courses is how many courses of action can be set beside each other.
const courses = 4

func optionFields() []formField {
	var out []formField
	for i := range courses {
		n := strconv.Itoa(i + 1)
		out = append(out,
			formField{Name: "course" + n, Type: "group", Label: i18n.Key("Course %d"), N: i + 1},
			formField{Name: "what" + n, Label: i18n.Key("What would be done"), Type: "text"},
			formField{Name: "cost" + n, Label: i18n.Key("Cost"), Hint: i18n.Key("With its unit, or that it is not known"), Type: "text"},
			formField{Name: "lead" + n, Label: i18n.Key("Lead time"), Type: "text"},
			formField{Name: "risk" + n, Label: i18n.Key("Risk"), Type: "text"},
			formField{Name: "who" + n, Label: i18n.Key("Who could act"), Hint: i18n.Key("Separated by commas"), Type: "text"})
	}
	return append(out,
		formField{Name: "nothing", Type: "group", Label: i18n.Key("If nothing is done")},
		formField{Name: "risk0", Label: i18n.Key("Risk"), Type: "text"})
}

func optionsBody(d *reader, _ *act.Act) any {
	o := act.Options{DoNothing: act.Course{Risk: d.need("risk0", i18n.Key("Say what happens if nothing is done."))}}
	for i := range courses {
		n := strconv.Itoa(i + 1)
		c := act.Course{What: d.text("what" + n), Cost: d.text("cost" + n), LeadTime: d.text("lead" + n), Risk: d.text("risk" + n), Who: commas(d.text("who" + n))}
		if c.What == "" && c.Cost == "" && c.LeadTime == "" && c.Risk == "" && len(c.Who) == 0 {
			continue
		}
		o.Courses = append(o.Courses, c)
	}
	if len(o.Courses) < 2 {
		d.wrong("what1", i18n.Key("Set at least two courses beside each other."))
	}
	return o
}

func decisionBody(d *reader, a *act.Act) any {
	b := act.Decision{Organ: a.By.Organ, Outcome: effect.Outcome(d.need("outcome", i18n.Key("Choose the outcome."))), Mode: d.text("mode")}
	if a.By.Organ == "" {
		d.wrong("organ", i18n.Key("Name the organ that decided."))
	}
	if b.Mode == "vote" || d.text("votesfor") != "" {
		b.Vote = &effect.Vote{For: d.number("votesfor"), Against: d.number("votesagainst"), Abstain: d.number("votesabstain"), Absent: d.number("votesabsent")}
	}
	return b
}

// commas splits a list written in one line.
func commas(v string) []string {
	var out []string
	for x := range strings.FieldsFuncSeq(v, func(c rune) bool { return c == ',' || c == '،' || c == ';' }) {
		if x = strings.TrimSpace(x); x != "" {
			out = append(out, x)
		}
	}
	return out
}
