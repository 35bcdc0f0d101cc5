package web

import (
	"cmp"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web/i18n"
)

// rulesPage is every rule with how often it was right, and every place.
type rulesPage struct {
	Page
	watching
	Rules  []watch.RuleView
	Places []placeScoreRow
	Misses []missRow
}

type placeScoreRow struct {
	watch.PlaceScore
	Name template.HTML
	URL  string
}

type missRow struct {
	watch.Miss
	Name template.HTML
	URL  string
}

// rulePage is one rule, or the form of a new one.
type rulePage struct {
	Page
	watching
	F        url.Values
	View     watch.RuleView // ID 0: it is new
	Stands   []standingRow  // nearest to firing first
	Others   int            // that are not listed
	Fields   []formField
	Feeds    []watch.FeedView
	Errors   []problemLine
	Mistakes []mistakeRow
	Trial    *watch.Trial
	Fired    []firingRow
}

type standingRow struct {
	watch.Standing
	Name template.HTML
	URL  string
}

type firingRow struct {
	watch.TrialFiring
	Name template.HTML
	URL  string
}

// mistakeRow is what is wrong in an expression, with the line in which it is.
type mistakeRow struct {
	watch.Mistake
	Before, At, After string // the line, cut where the mistake is
}

func (s *site) rules(w http.ResponseWriter, r *request) error {
	of, _, err := s.watches(r)
	if err != nil {
		return err
	}
	all, err := s.c.Watch.Rules(r.Context(), r.who)
	if err != nil {
		return err
	}
	p := &rulesPage{Page: s.watchFrame(r, of, "rules", i18n.Key("Rules")), watching: of}
	for _, v := range all {
		if v.Exercise == of.Exercise {
			p.Rules = append(p.Rules, v)
		}
	}
	scores, err := s.c.Watch.Scores(r.Context(), r.who, of.Exercise)
	if err != nil {
		return err
	}
	name := s.namer(r, of.Exercise)
	for _, x := range scores.Places {
		p.Places = append(p.Places, placeScoreRow{x, name(x.Place), placeURL(x.Place, of)})
	}
	for _, x := range scores.Misses {
		p.Misses = append(p.Misses, missRow{x, name(x.Place), placeURL(x.Place, of)})
	}
	return s.render(w, http.StatusOK, p)
}

// ruleID reads {id}: "new" is 0.
func ruleID(r *request) (watch.RuleID, error) {
	v := r.PathValue("id")
	if v == "new" {
		return 0, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 1 {
		return 0, errNotFound
	}
	return watch.RuleID(n), nil
}

// newRule is what the form of a new rule begins with.
func newRule(of watching) watch.Rule {
	return watch.Rule{Exercise: of.Exercise, Level: watch.ByCountry, Fire: .5, Rearm: .3, Gap: 30, Damp: 1.2, Deaths: 25, Counts: watch.CountForecast, Months: 3, Lapse: 14}
}

func (s *site) rule(w http.ResponseWriter, r *request) error {
	of, feeds, err := s.watches(r)
	if err != nil {
		return err
	}
	view, err := s.ruleView(r, of)
	if err != nil {
		return err
	}
	if id := r.URL.Query().Get("trial"); id != "" {
		return s.trialPage(w, r, of, feeds, view, watch.JobID(id))
	}
	return s.rulePage(w, r, http.StatusOK, of, feeds, view, ruleForm(view.Rule), nil)
}

// trialPage is a rule as it was tried, with what came of that.
func (s *site) trialPage(w http.ResponseWriter, r *request, of watching, feeds []watch.FeedView, view watch.RuleView, id watch.JobID) error {
	j, err := s.c.Watch.Job(r.Context(), r.who, id)
	if err != nil {
		return err
	}
	if j.Kind != watch.TrialJob || j.Rule.ID != view.ID {
		return errNotFound
	}
	if !j.Ended {
		return see(w, r, jobURL(id))
	}
	of.Exercise = j.Exercise
	f := ruleForm(j.Rule)
	for name, m := range map[string]feed.Month{"from": j.From, "to": j.To} {
		if m != 0 { // else as it was sent: the newest months
			f.Set(name, m.String())
		}
	}
	var mistakes watch.Mistakes
	switch {
	case errors.As(j.Err, &mistakes):
		return s.rulePage(w, r, http.StatusBadRequest, of, feeds, view, f, func(p *rulePage) {
			p.Errors, p.Mistakes = ruleProblems(r.words, mistakes), mistakesIn(j.Rule, mistakes)
		})
	case j.Err != nil:
		return j.Err
	}
	return s.rulePage(w, r, http.StatusOK, of, feeds, view, f, func(p *rulePage) { p.Trial = &j.Trial })
}

func (s *site) ruleView(r *request, of watching) (watch.RuleView, error) {
	id, err := ruleID(r)
	if err != nil {
		return watch.RuleView{}, err
	}
	if id == 0 {
		return watch.RuleView{Rule: newRule(of)}, nil
	}
	return s.c.Watch.Rule(r.Context(), r.who, id)
}

func (s *site) rulePage(w http.ResponseWriter, r *request, status int, of watching, feeds []watch.FeedView, view watch.RuleView, f url.Values, fill func(*rulePage)) error {
	if view.ID != 0 {
		of.Exercise = view.Exercise
	}
	of.Label = view.Label
	p := &rulePage{Page: s.watchFrame(r, of, "rule", i18n.Key("A new rule")), watching: of, View: view, F: f, Fields: ruleFields()}
	if view.ID != 0 {
		p.Title = view.Name
	}
	for _, x := range feeds {
		if x.Feed.Exercise == of.Exercise {
			p.Feeds = append(p.Feeds, x)
		}
	}
	name := s.namer(r, of.Exercise)
	near := view.Standings[:min(len(view.Standings), shownStandings)]
	p.Others = len(view.Standings) - len(near)
	for _, x := range near {
		p.Stands = append(p.Stands, standingRow{x, name(x.Place), placeURL(x.Place, of)})
	}
	if fill != nil {
		fill(p)
	}
	if p.Trial != nil {
		for _, x := range p.Trial.Fired {
			p.Fired = append(p.Fired, firingRow{x, name(x.Place), placeURL(x.Place, of)})
		}
	}
	return s.render(w, status, p)
}

// ruleFields are those of the form of a rule, in its order.
func ruleFields() []formField {
	return []formField{
		{Name: "name", Label: i18n.Key("Name of the rule"), Type: "text"},
		{Name: "level", Label: i18n.Key("What sort of places it watches"), Type: "select", Options: []formOption{{string(watch.ByCountry), i18n.Key("States")},
			{string(watch.ByCell), i18n.Key("cells of the grid")}, {string(watch.ByOrganization), i18n.Key("organizations")}, {string(watch.BySituation), i18n.Key("situations")}}},
		{Name: "places", Label: i18n.Key("Which of them"), Hint: i18n.Key("One code a line, like LBR or au.example. Leave empty for all that have events."), Type: "lines"},
		{Name: "signal", Label: i18n.Key("What is measured"), Hint: i18n.Key("An expression of a number, for example p(25, 3). The rule fires when it reaches the threshold."), Type: "code"},
		{Name: "also", Label: i18n.Key("What must hold besides"), Hint: i18n.Key("An expression that is true or false, for example deaths.months(3) >= 10.0. Leave empty for nothing."), Type: "code"},
		{Name: "fire", Label: i18n.Key("Fires at"), Hint: i18n.Key("This value or above"), Type: "figure"},
		{Name: "rearm", Label: i18n.Key("Rests until below"), Hint: i18n.Key("It fires again only after the value has been below this"), Type: "figure"},
		{Name: "gap", Label: i18n.Key("Rests at least, in days"), Type: "number"},
		{Name: "damp", Label: i18n.Key("For each false alarm, the threshold times"), Hint: i18n.Key("1 leaves it as it is; 1.2 raises it by a fifth, three times at most"), Type: "figure"},
		{Name: "claim", Type: "group", Label: i18n.Key("What a warning of it says will come")},
		{Name: "deaths", Label: i18n.Key("So many deaths or more"), Type: "number"},
		{Name: "counts", Label: i18n.Key("In violence"), Hint: i18n.Key("Of a probability it is right to count what forecasts count: else the rule seems to be right more often than it is"), Type: "select",
			Options: []formOption{{string(watch.CountForecast), i18n.Key("of the types that forecasts count")}, {countAll, i18n.Key("of every type")}, {string(watch.CountStateBased), i18n.Key("state-based")},
				{string(watch.CountNonState), i18n.Key("between groups")}, {string(watch.CountOneSided), i18n.Key("against civilians")}}},
		{Name: "months", Label: i18n.Key("Within so many months"), Type: "number"},
		{Name: "lapse", Label: i18n.Key("A draft that nobody takes lapses after, in days"), Type: "number"},
	}
}

// countAll is watch.CountAll in the form.
const countAll = "all"

// phrase is something that an expression can say.
type phrase struct {
	Text string
	Says i18n.Key
}

// phrases are the language of rules, as package watch reads it.
var phrases = []phrase{
	{"deaths.last(30)", i18n.Key("deaths in the last 30 days; also events, state_based, non_state, one_sided")},
	{"deaths.months(3)", i18n.Key("deaths in the last 3 whole months")},
	{"deaths.change(3, 12)", i18n.Key("deaths by month in the last 3 whole months, against the 12 before")},
	{"deaths.surge(30, 360)", i18n.Key("the same by days: the last 30 against the 360 before")},
	{"deaths.quiet()", i18n.Key("whole months since the last that had any")},
	{"p(25, 3)", i18n.Key("probability of 25 deaths or more within 3 months")},
	{"base(25, 3)", i18n.Key("how often it was so before at this place")},
	{"median(3), low(3), high(3)", i18n.Key("deaths expected within 3 months: the middle, and the bounds of 90 of 100 cases")},
	{"own.p(25, 3), own.median(3), …", i18n.Key("the same with the organization's own reports, where there are some; elsewhere without")},
	{"p(25, 3) >= 0.5 && deaths.months(1) > 0.0", i18n.Key("several at once; numbers have a decimal point")},
}

// Phrases are for the page.
func (p *rulePage) Phrases() []phrase { return phrases }

// rulePost keeps, tries, pauses or resumes a rule.
func (s *site) rulePost(w http.ResponseWriter, r *request) error {
	of, feeds, err := s.watches(r)
	if err != nil {
		return err
	}
	view, err := s.ruleView(r, of)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errBad
	}
	do := r.PostForm.Get("do")
	if do == "pause" || do == "resume" {
		if err := s.c.Watch.PauseRule(r.Context(), r.who, view.ID, do == "pause"); err != nil {
			return err
		}
		return see(w, r, ruleURL(view.ID))
	}
	d := &reader{f: r.PostForm, words: r.words}
	rule := d.rule(view.Rule)
	wrong := func(problems []problemLine, mistakes []mistakeRow) error {
		return s.rulePage(w, r, http.StatusBadRequest, of, feeds, view, r.PostForm, func(p *rulePage) { p.Errors, p.Mistakes = problems, mistakes })
	}
	if len(d.problems) > 0 {
		return wrong(d.problems, nil)
	}
	var mistakes watch.Mistakes
	switch do {
	case "try":
		from, to := d.month("from"), d.month("to")
		if len(d.problems) > 0 {
			return wrong(d.problems, nil)
		} else if err := s.c.Watch.CheckRule(r.Context(), r.who, rule); errors.As(err, &mistakes) {
			return wrong(ruleProblems(r.words, mistakes), mistakesIn(rule, mistakes))
		} else if err != nil {
			return err
		}
		return s.ask(w, r, watch.Work{Kind: watch.TrialJob, Exercise: rule.Exercise, Rule: rule, From: from, To: to})
	case "keep":
		id, err := s.c.Watch.PutRule(r.Context(), r.who, rule)
		if errors.As(err, &mistakes) {
			return wrong(ruleProblems(r.words, mistakes), mistakesIn(rule, mistakes))
		} else if problems, ok := deskProblems(err); ok {
			return wrong(problems, nil)
		} else if err != nil {
			return err
		}
		return see(w, r, ruleURL(id))
	}
	return errBad
}

func ruleURL(id watch.RuleID) string { return "/watch/rules/" + digits(int64(id)) }

// month is one like 2003-04; 0 if none is named.
func (d *reader) month(name string) feed.Month {
	v := d.text(name)
	if v == "" {
		return 0
	}
	m, err := feed.ParseMonth(v)
	if err != nil {
		d.wrong(name, i18n.Key("Write the month like 2003-04."))
	}
	return m
}

// figure is a number that may have a fraction.
func (d *reader) figure(name string) float64 {
	v, err := strconv.ParseFloat(strings.ReplaceAll(d.text(name), ",", "."), 64)
	if err != nil || v != v || v > 1e15 || v < -1e15 {
		d.wrong(name, i18n.Key("Write a number."))
		return 0
	}
	return v
}

// rule is what was filled in, over what was kept.
func (d *reader) rule(kept watch.Rule) watch.Rule {
	x := kept
	x.Name = d.need("name", i18n.Key("Name the rule."))
	x.Level = watch.Level(d.text("level"))
	if !slices.Contains(levels, x.Level) {
		d.wrong("level", i18n.Key("Choose what sort of places it watches."))
	}
	x.Places = d.list("places")
	x.Feeds = nil
	for _, name := range d.f["feeds"] {
		x.Feeds = append(x.Feeds, watch.FeedName(name))
	}
	x.Signal = d.need("signal", i18n.Key("Write what is measured."))
	x.Also = d.text("also")
	x.Fire, x.Rearm, x.Damp = d.figure("fire"), d.figure("rearm"), d.figure("damp")
	x.Gap, x.Months, x.Lapse = d.number("gap"), d.number("months"), d.number("lapse")
	x.Deaths = int64(d.number("deaths"))
	if x.Counts = watch.Counted(d.text("counts")); x.Counts == countAll {
		x.Counts = watch.CountAll
	}
	if kept.ID != 0 {
		x.Version = d.number("version") // the one that was read
	}
	return x
}

// ruleForm is a rule as the form has it.
func ruleForm(x watch.Rule) url.Values {
	f := url.Values{"name": {x.Name}, "level": {string(x.Level)}, "places": {strings.Join(x.Places, "\n")}, "signal": {x.Signal}, "also": {x.Also},
		"fire": {number(x.Fire)}, "rearm": {number(x.Rearm)}, "damp": {number(x.Damp)}, "gap": {strconv.Itoa(x.Gap)}, "deaths": {digits(x.Deaths)}, "counts": {cmp.Or(string(x.Counts), countAll)},
		"months": {strconv.Itoa(x.Months)}, "lapse": {strconv.Itoa(x.Lapse)}, "version": {strconv.Itoa(x.Version)}}
	for _, n := range x.Feeds {
		f.Add("feeds", string(n))
	}
	return f
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// ruleProblems makes the lines of the error summary.
func ruleProblems(words *i18n.Catalogue, all watch.Mistakes) []problemLine {
	var out []problemLine
	for _, m := range all {
		p := problemLine{Field: strings.ToLower(m.Field), Text: m.Text, Foreign: true}
		if m.Line > 0 {
			p.Where = words.T(i18n.Key("Line %d, column %d:"), m.Line, m.Column)
		}
		out = append(out, p)
	}
	return out
}

// mistakesIn shows each mistake that has a place in an expression, there.
func mistakesIn(x watch.Rule, all watch.Mistakes) []mistakeRow {
	var out []mistakeRow
	for _, m := range all {
		text := map[string]string{"signal": x.Signal, "also": x.Also}[strings.ToLower(m.Field)]
		lines := strings.Split(text, "\n")
		if m.Line < 1 || m.Line > len(lines) {
			continue
		}
		line := []rune(lines[m.Line-1])
		at := min(max(m.Column-1, 0), len(line))
		end := min(at+1, len(line))
		if at < len(line) && line[at] == '(' { // of a call, the name is meant
			for end = at; at > 0 && (unicode.IsLetter(line[at-1]) || unicode.IsDigit(line[at-1]) || line[at-1] == '_'); at-- {
			}
		}
		out = append(out, mistakeRow{m, string(line[:at]), string(line[at:end]), string(line[end:])})
	}
	return out
}

// MistakesAt are the mistakes in a field.
func (p *rulePage) MistakesAt(field string) []mistakeRow {
	return slices.DeleteFunc(slices.Clone(p.Mistakes), func(m mistakeRow) bool { return strings.ToLower(m.Field) != field })
}

// At are the problems at a field.
func (p *rulePage) At(field string) []problemLine { return problemsAt(p.Errors, field) }
