package web

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/web/i18n"
)

// reader reads what was filled in and collects what is wrong with it.
type reader struct {
	f        url.Values
	words    *i18n.Catalogue
	problems []problemLine
}

func (d *reader) wrong(field string, k i18n.Key, args ...any) {
	d.problems = append(d.problems, problemLine{Field: field, Text: d.words.T(k, args...)})
}

// text is a field without the space around it; line ends are \n.
func (d *reader) text(name string) string {
	return strings.TrimSpace(strings.ReplaceAll(d.f.Get(name), "\r\n", "\n"))
}

func (d *reader) need(name string, k i18n.Key) string {
	v := d.text(name)
	if v == "" {
		d.wrong(name, k)
	}
	return v
}

// list is a field of one value a line.
func (d *reader) list(name string) []string {
	var out []string
	for l := range strings.SplitSeq(d.text(name), "\n") {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// picked is what was chosen of the evidence of a draft.
func (d *reader) picked() []string {
	var out []string
	for _, e := range d.f["picked"] {
		if slices.Contains(d.f["offered"], e) {
			out = append(out, e)
		}
	}
	return out
}

// day is the end of a day: who is asked for an answer by a date has that day.
func (d *reader) day(name string) comity.Time {
	v := d.text(name)
	if v == "" {
		return comity.Time{}
	}
	t, err := comity.ParseTime(v + "T23:59:59Z")
	if err != nil {
		d.wrong(name, i18n.Key("Write the date like 2003-04-11."))
	}
	return t
}

// begin is the first second of a day.
func (d *reader) begin(name string) comity.Time {
	v := d.text(name)
	if v == "" {
		return comity.Time{}
	}
	t, err := comity.ParseTime(v)
	if err != nil {
		d.wrong(name, i18n.Key("Write the date like 2003-04-11."))
	}
	return t
}

// instant is a date and time of day in UTC.
func (d *reader) instant(name string) comity.Time {
	v := d.text(name)
	if v == "" {
		return comity.Time{}
	}
	for _, form := range []string{v + ":00Z", v + "Z", v} {
		if t, err := comity.ParseTime(form); err == nil {
			return t
		}
	}
	d.wrong(name, i18n.Key("Write the time like 2003-04-11T10:20."))
	return comity.Time{}
}

func (d *reader) act(name string) comity.ActName {
	v := d.text(name)
	if v == "" {
		return comity.ActName{}
	}
	n, err := comity.ParseActName(v)
	if err != nil {
		d.wrong(name, i18n.Key("Write the name of an act like ecowas.example/12."))
	}
	return n
}

// number is a count that may be left out.
func (d *reader) number(name string) int {
	v := d.text(name)
	if v == "" {
		return 0
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		d.wrong(name, i18n.Key("Write a whole number."))
	}
	return n
}

// count is a number that is not known if it is left out.
func (d *reader) count(name string) *int64 {
	if d.text(name) == "" {
		return nil
	}
	n := int64(d.number(name))
	return &n
}

// point is a GeoJSON point of a latitude and a longitude, which are left out together.
func (d *reader) point(latitude, longitude string) json.RawMessage {
	if d.text(latitude) == "" && d.text(longitude) == "" {
		return nil
	}
	lat, lon := d.figure(latitude), d.figure(longitude)
	if lat < -90 || lat > 90 {
		d.wrong(latitude, i18n.Key("Write a latitude from -90 to 90."))
	}
	if lon < -180 || lon > 180 {
		d.wrong(longitude, i18n.Key("Write a longitude from -180 to 180."))
	}
	return json.RawMessage(fmt.Sprintf(`{"type":"Point","coordinates":[%s,%s]}`, number(lon), number(lat)))
}

// items reads means, one sort a line: "1200 infantry".
func (d *reader) items(name string) []effect.Item {
	var out []effect.Item
	for _, l := range d.list(name) {
		count, what, ok := strings.Cut(l, " ")
		n, err := strconv.ParseInt(strings.ReplaceAll(count, ",", ""), 10, 64)
		if !ok || err != nil || strings.TrimSpace(what) == "" {
			d.wrong(name, i18n.Key("Write one sort of means a line, the number first: 1200 infantry."))
			return nil
		}
		out = append(out, effect.Item{What: strings.TrimSpace(what), N: n})
	}
	return out
}

// document makes the act that the form describes. problems are for the writer;
// err is of the desk.
func (s *site) document(r *request, k composeKind, f url.Values) (doc []byte, problems []problemLine, err error) {
	d := &reader{f: f, words: r.words}
	a := &act.Act{
		Kind: k.Kind, Date: d.instant("date"),
		By:         act.By{Organ: d.text("organ"), Office: d.text("office"), Officer: d.text("officer")},
		OnBehalfOf: comity.Party(d.text("behalf")),
		Situation:  d.act("situation"),
		TLP:        comity.TLP(f.Get("tlp")), Marking: d.text("marking"), Lang: d.text("lang"),
		Title: d.need("title", i18n.Key("Write a title.")), Text: d.text("text"), Threat: d.text("threat"),
		States: strings.FieldsFunc(strings.ToUpper(d.text("states")), func(c rune) bool { return c == ' ' || c == ',' || c == ';' || c == '\n' }),
	}
	if len(a.Title) > 300 {
		d.wrong("title", i18n.Key("Shorten the title to 300 characters."))
	}
	d.addressees(a, k)
	d.references(a, k)
	if k.Asks && d.text("what") != "" || k.MustAsk {
		a.Ask = &act.Ask{What: d.need("what", i18n.Key("Say what you ask.")), Basis: effect.Basis(f.Get("basis")), Due: d.day("due")}
		if a.Ask.Basis == effect.Duty {
			a.Ask.Source = d.need("source", i18n.Key("Name the rule that makes it a duty."))
		}
		if f.Get("silence") != "" {
			a.Ask.Silence = effect.Consent
		}
		if !slices.ContainsFunc(a.To, func(t act.To) bool { return t.For == act.ForAnswer }) {
			d.wrong("to", i18n.Key("Say who is asked: set at least one addressee to answer."))
		}
	} else if slices.ContainsFunc(a.To, func(t act.To) bool { return t.For == act.ForAnswer }) {
		if k.Asks {
			d.wrong("what", i18n.Key("Somebody is addressed for answer: say what you ask."))
		} else {
			d.wrong("to", i18n.Key("This kind of act asks nothing: address everybody for information."))
		}
	}
	if k.Body != nil {
		if a.Body, err = json.Marshal(k.Body(d, a)); err != nil {
			return nil, nil, fmt.Errorf("compose %s: %w", k.Kind, err)
		}
		if string(a.Body) == "{}" {
			a.Body = nil
		}
	}
	if err := s.statusOf(r, d, a, k); err != nil {
		return nil, nil, err
	}
	draft, ok, err := s.draftOf(r, f)
	if err != nil {
		return nil, nil, err
	} else if ok {
		d.fitsDraft(draft, a.Status, a.TLP)
	}
	if ok && len(d.problems) == 0 {
		err := s.c.Watch.MayIssue(r.Context(), r.who, draft.ID, a.TLP, a.Status)
		if more, known := deskProblems(err); known {
			return nil, more, nil
		} else if err != nil {
			return nil, nil, err
		}
	}
	if len(d.problems) > 0 {
		return nil, d.problems, nil
	}
	doc, err = act.Encode(a)
	return doc, nil, err
}

// statusOf takes the status of the file. Nobody adds to a replay of the past.
func (s *site) statusOf(r *request, d *reader, a *act.Act, k composeKind) error {
	if k.Opens {
		a.Situation = comity.ActName{}
		a.Status = comity.Status(d.text("status"))
		if !slices.Contains(s.mayStatus(), a.Status) {
			d.wrong("status", i18n.Key("Say whether this is real."))
		}
		return nil
	}
	if a.Situation.IsZero() {
		if d.text("situation") == "" {
			d.wrong("situation", i18n.Key("Choose the situation."))
		}
		return nil
	}
	v, err := s.c.Desk.Situation(r.Context(), r.who, a.Situation)
	if p, ok := problemOf(err); err != nil && ok && p.status == 404 {
		d.wrong("situation", i18n.Key("There is no such situation that you may see."))
		return nil
	} else if err != nil {
		return err
	}
	if v.Status == comity.Replay {
		d.wrong("situation", i18n.Key("This is a replay of the record: nothing is added to it here."))
	}
	a.Status = v.Status
	return nil
}

// addressees reads the rows of known organizations and the free ones.
func (d *reader) addressees(a *act.Act, k composeKind) {
	var orgs []string
	for key, v := range d.f {
		if org, ok := strings.CutPrefix(key, "for."); ok && v[0] != "" {
			orgs = append(orgs, org)
		}
	}
	slices.Sort(orgs) // a form has no order
	for _, org := range orgs {
		a.To = append(a.To, act.To{Org: comity.Party(org), Organ: d.text("organ." + org), FocalPoint: d.text("focal." + org), For: d.text("for." + org)})
	}
	for i := range freeRows {
		n := strconv.Itoa(i)
		org := d.text("free." + n)
		if org == "" {
			continue
		}
		if comity.Party(org).Valid() != nil {
			d.wrong("free-"+n, i18n.Key("Write an addressee as a domain (au.example), a State's code (CIV) or an acronym (CARICOM)."))
			continue
		}
		to := act.To{Org: comity.Party(org), Organ: d.text("freeorgan." + n), For: d.text("freefor." + n)}
		if to.For == "" {
			to.For = act.ForInformation
		}
		a.To = append(a.To, to)
	}
	if k.MustAddress && len(a.To) == 0 {
		d.wrong("to", i18n.Key("Say to whom it goes."))
	}
}

// references reads what the act refers to. The desk writes the leaf hash: what
// the author read is what is meant.
func (d *reader) references(a *act.Act, k composeKind) {
	re := d.act("re")
	how := d.text("how")
	if k.How != "" {
		how = k.How
		if re.IsZero() && d.text("re") == "" {
			d.wrong("re", i18n.Key("Say which act is meant, by its name like ecowas.example/12."))
		}
	}
	if !re.IsZero() {
		if how == "" {
			how = "follows"
		}
		a.Re = append(a.Re, act.Re{Ref: comity.Ref{Act: re}, How: how})
	}
	if need := d.act("need"); !need.IsZero() && need != re {
		a.Re = append(a.Re, act.Re{Ref: comity.Ref{Act: need}, How: "cites"})
	}
}
