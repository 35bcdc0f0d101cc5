package web

import (
	"html/template"
	"time"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/web/i18n"
)

// mark is a state as shape, word and colour. The shape says on its own what
// the colour says: hollow is nothing known, filled is there, a triangle is
// late.
type mark struct {
	shape string
	tone  string // quiet, info, good, warn, late
}

var marks = map[casefile.Standing]mark{
	casefile.Sent:        {"◌", "quiet"},
	casefile.NoJournal:   {"◇", "quiet"},
	casefile.Received:    {"●", "info"},
	casefile.TakenUp:     {"◐", "info"},
	casefile.Lapsed:      {"△", "warn"},
	casefile.Considering: {"◔", "info"},
	casefile.Unanswered:  {"○", "warn"},
	casefile.NotHeard:    {"□", "warn"},
	casefile.Overdue:     {"▲", "late"},
	casefile.Consented:   {"◉", "good"},
	casefile.Reported:    {"◎", "info"},
	casefile.Contested:   {"◈", "warn"},
	casefile.Answered:    {"✓", "good"},
	casefile.Acted:       {"◆", "good"},
	casefile.Withdrawn:   {"✕", "quiet"},
}

func (m mark) html(word template.HTML) template.HTML {
	return template.HTML(`<span class="mark mark-`+m.tone+`"><span class="shape" aria-hidden="true">`+m.shape+`</span> <span>`) + word + `</span></span>`
}

// standing says how an ask stands with an addressee.
func (p *printer) standing(v casefile.AddresseeView) template.HTML {
	return marks[v.Standing].html(p.standingWord(v))
}

func (p *printer) standingWord(v casefile.AddresseeView) template.HTML {
	text := func(s string) template.HTML { return template.HTML(template.HTMLEscapeString(s)) }
	w := p.words
	switch v.Standing {
	case casefile.Sent:
		return text(w.T(i18n.Key("sent; no receipt is held here")))
	case casefile.NoJournal:
		return text(w.T(i18n.Key("keeps no journal here")))
	case casefile.Received:
		return text(w.T(i18n.Key("received")))
	case casefile.TakenUp:
		if v.TakenUp == nil {
			return text(w.T(i18n.Key("taken up")))
		}
		return p.html("taken up until %s", p.stamp(v.TakenUp.Until))
	case casefile.Lapsed:
		return p.html("taken up; lapsed on %s", p.stamp(v.Since))
	case casefile.Considering:
		return p.html("will answer by %s", p.stamp(v.Due))
	case casefile.Unanswered:
		if v.Days == 0 {
			return text(w.T(i18n.Key("no answer recorded here, less than a day")))
		}
		return text(w.N(i18n.Key("no answer recorded here, %d day|no answer recorded here, %d days"), v.Days))
	case casefile.NotHeard:
		if v.Since.IsZero() {
			return text(w.T(i18n.Key("not heard from")))
		}
		return p.html("not heard from since %s", p.stamp(v.Since))
	case casefile.Overdue:
		if v.Days == 0 {
			return text(w.T(i18n.Key("overdue, less than a day")))
		}
		return text(w.N(i18n.Key("overdue, %d day|overdue, %d days"), v.Days))
	case casefile.Consented:
		return p.html("silent; counts as consent since %s", p.date(v.Since))
	case casefile.Reported:
		return text(w.T(i18n.Key("answer reported, not yet confirmed")))
	case casefile.Contested:
		return text(w.T(i18n.Key("answer reported, and contested")))
	case casefile.Answered:
		if v.Answer == nil {
			return text(w.T(i18n.Key("answered")))
		}
		return p.html("answered: %s", text(p.how(v.Answer.E.How)))
	case casefile.Acted:
		return text(w.T(i18n.Key("answered, and acted on")))
	case casefile.Withdrawn:
		return text(w.T(i18n.Key("withdrawn")))
	}
	return text(string(v.Standing))
}

// how says what an answer amounts to.
func (p *printer) how(h effect.How) string {
	words := map[effect.How]i18n.Key{
		effect.WillAct:  i18n.Key("will act"),
		effect.Support:  i18n.Key("supports another"),
		effect.Consider: i18n.Key("will consider"),
		effect.Noted:    i18n.Key("noted"),
		effect.Declined: i18n.Key("declined"),
	}
	if k, ok := words[h]; ok {
		return p.words.T(k)
	}
	return string(h)
}

// role of a party in a situation.
func (p *printer) role(r effect.Role) string {
	words := map[effect.Role]i18n.Key{
		effect.Leads:    i18n.Key("leads"),
		effect.Acts:     i18n.Key("acts"),
		effect.Supports: i18n.Key("supports"),
		effect.Informed: i18n.Key("is informed"),
	}
	if k, ok := words[r]; ok {
		return p.words.T(k)
	}
	return string(r)
}

// statusWords are what stands on everything that is not meant for the world.
var statusWords = map[comity.Status]i18n.Key{
	comity.Exercise: i18n.Key("EXERCISE"),
	comity.Test:     i18n.Key("TEST"),
	comity.Replay:   i18n.Key("REPLAY"),
}

// status is the tag of an act that is not meant for the world; nothing for
// one that is.
func (p *printer) status(st comity.Status) template.HTML {
	k, ok := statusWords[st]
	if !ok {
		return ""
	}
	return template.HTML(`<strong class="tag tag-` + string(st) + `">` + template.HTMLEscapeString(p.words.T(k)) + `</strong>`)
}

// tlp is the label of an act. TLP labels are written in Latin letters in every
// language (TLP 2.0).
func (p *printer) tlp(t comity.TLP) template.HTML {
	class := map[comity.TLP]string{comity.Clear: "clear", comity.Green: "green", comity.Amber: "amber", comity.AmberStrict: "amber", comity.Red: "red"}[t]
	if class == "" {
		return ""
	}
	return template.HTML(`<bdi class="tlp tlp-` + class + `" dir="ltr">TLP:` + string(t) + `</bdi>`)
}

// Step is one of the five steps of an ask: sent, received, taken up, answered,
// acted.
type Step struct {
	Word  i18n.Key
	Shape string
	State string         // done, open, unknown
	When  comity.Time    // scenario time
	Real  time.Time      // of a receipt
	Act   comity.ActName // that shows it
	Note  i18n.Key
}

// track lays out how far an ask has come with one addressee. What no act and
// no cosignature shows is not claimed.
func track(a casefile.AskView, v casefile.AddresseeView, recorded func(comity.ActName) comity.Time) []Step {
	steps := []Step{
		{Word: i18n.Key("Sent"), Shape: "●", State: "done", When: a.Sent, Act: a.Ask},
		{Word: i18n.Key("Received"), Shape: "○", State: "open"},
		{Word: i18n.Key("Taken up"), Shape: "○", State: "open"},
		{Word: i18n.Key("Answered"), Shape: "○", State: "open"},
		{Word: i18n.Key("Acted"), Shape: "○", State: "open"},
	}
	domain, hasJournal := v.Org.Domain()
	switch {
	case !v.Receipt.IsZero():
		steps[1] = Step{Word: steps[1].Word, Shape: "●", State: "done", Real: v.Receipt}
	case hasJournal && domain == a.Ask.Domain:
		steps[1].State, steps[1].Note = "unknown", i18n.Key("own house")
	case v.Answer != nil || v.TakenUp != nil:
		steps[1].State, steps[1].Note = "unknown", i18n.Key("no receipt is kept here")
	case !hasJournal || v.Standing == casefile.NoJournal:
		steps[1].State, steps[1].Note = "unknown", i18n.Key("keeps no journal here")
	}
	if t := v.TakenUp; t != nil {
		steps[2] = Step{Word: steps[2].Word, Shape: "◐", State: "done", When: recorded(t.Act), Act: t.Act}
	} else if v.Answer != nil {
		steps[2].State, steps[2].Note = "unknown", i18n.Key("not recorded")
	}
	if r := v.Answer; r != nil {
		steps[3] = Step{Word: steps[3].Word, Shape: "✓", State: "done", When: recorded(r.Act), Act: r.Act}
		switch {
		case r.E.How == effect.Consider:
			steps[3].Shape, steps[3].State, steps[3].Note = "◔", "open", i18n.Key("will consider")
		case v.Standing == casefile.Reported:
			steps[3].Shape, steps[3].Note = "◎", i18n.Key("as reported")
		case v.Standing == casefile.Contested:
			steps[3].Shape, steps[3].State, steps[3].Note = "◈", "open", i18n.Key("contested")
		}
	}
	if v.Standing == casefile.Overdue {
		steps[3].Shape, steps[3].State, steps[3].Note = "▲", "late", i18n.Key("overdue")
	}
	if len(v.Acted) > 0 {
		d := v.Acted[0]
		steps[4] = Step{Word: steps[4].Word, Shape: "◆", State: "done", When: recorded(d.Act), Act: d.Act}
	}
	return steps
}

// allMarks explains every shape.
func (p *printer) allMarks() []template.HTML {
	words := map[casefile.Standing]i18n.Key{
		casefile.Sent:        i18n.Key("sent; no receipt is held here"),
		casefile.NoJournal:   i18n.Key("keeps no journal here"),
		casefile.Received:    i18n.Key("received: its mirror has stored the act"),
		casefile.TakenUp:     i18n.Key("taken up: a person there has it, for now"),
		casefile.Lapsed:      i18n.Key("taken up, then lapsed"),
		casefile.Considering: i18n.Key("will answer by a date it accepted"),
		casefile.Unanswered:  i18n.Key("no answer recorded here after the date"),
		casefile.NotHeard:    i18n.Key("the date has passed, and it has not been heard from since"),
		casefile.Overdue:     i18n.Key("overdue: an answer was owed"),
		casefile.Consented:   i18n.Key("silence that counts as consent"),
		casefile.Reported:    i18n.Key("an answer is reported, not yet confirmed"),
		casefile.Contested:   i18n.Key("an answer was reported and is contested"),
		casefile.Answered:    i18n.Key("answered"),
		casefile.Acted:       i18n.Key("answered, and acted on"),
		casefile.Withdrawn:   i18n.Key("withdrawn"),
	}
	var out []template.HTML
	for _, st := range casefile.Standings() {
		out = append(out, marks[st].html(template.HTML(template.HTMLEscapeString(p.words.T(words[st])))))
	}
	return out
}
