package web

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/web/i18n"
	"github.com/comity/comity/internal/world"
)

// printer writes values as text and HTML in one language.
type printer struct {
	s     *site
	words *i18n.Catalogue
}

// funcs are what templates may call.
func (p *printer) funcs() template.FuncMap {
	return p.watchFuncs(template.FuncMap{
		"t":         func(k string, args ...any) string { return p.words.T(i18n.Key(k), args...) },
		"th":        p.html,
		"n":         func(k string, n int, args ...any) string { return p.words.N(i18n.Key(k), n, args...) },
		"num":       i18n.Number,
		"size":      func(n int64) int { return int(n) },
		"count":     func(n int) string { return i18n.Number(int64(n)) },
		"date":      p.date,
		"stamp":     p.stamp,
		"real":      p.real,
		"rel":       p.relative,
		"party":     p.party,
		"author":    p.author,
		"act":       p.actLink,
		"name":      func(n comity.ActName) template.HTML { return link(actURL(n), n.String()) },
		"doubt":     p.inDoubt,
		"doubtMark": p.doubtMark,
		"actURL":    actURL,
		"file":      p.fileLink,
		"fileURL":   fileURL,
		"title":     p.title,
		"kind":      p.kind,
		"role":      p.role,
		"status":    p.status,
		"tlp":       p.tlp,
		"standing":  p.standing,
		"states":    p.states,
		"answerTo":  answerURL,
		"asset":     p.s.files.url,
		"hasStyle":  func(page string) bool { return p.s.files.has(page + "/page.css") },
		"dirOf":     dirOf,
		"dict":      dict,
		"marks":     p.allMarks,
		"trimSlash": func(s string) string { return strings.TrimRight(s, "/") },
		"field":     p.fieldLabel,
		"value":     p.fieldValue,
		"sep":       p.comma,
		"iso":       isolated,
		"lines":     func(s string) []string { return strings.Split(strings.TrimRight(s, "\n"), "\n") },
	})
}

// isolated is a text of somebody else's: its direction of writing ends with it.
func isolated(s string) template.HTML {
	return template.HTML(`<bdi dir="auto">` + template.HTMLEscapeString(s) + `</bdi>`)
}

// html is T with arguments that may be HTML: those that are not are escaped.
func (p *printer) html(k string, args ...any) template.HTML {
	text := template.HTMLEscapeString(p.words.T(i18n.Key(k)))
	if len(args) == 0 {
		return template.HTML(text)
	}
	safe := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case template.HTML, int, int64:
			safe[i] = a
		default:
			safe[i] = template.HTMLEscapeString(fmt.Sprint(a))
		}
	}
	return template.HTML(fmt.Sprintf(text, safe...))
}

func element(iso, text string) template.HTML {
	return template.HTML(`<time datetime="` + template.HTMLEscapeString(iso) + `">` + template.HTMLEscapeString(text) + `</time>`)
}

// whole reports whether a time is a day rather than an instant: its first or
// its last second, as dates without a time of day are written.
func whole(t time.Time) bool {
	h, m, s := t.UTC().Clock()
	return h == 0 && m == 0 && s == 0 || h == 23 && m == 59 && s == 59
}

// date is the day: 11 April 2003.
func (p *printer) date(t comity.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	return element(t.String(), p.words.Date(t.Time))
}

// stamp is the day and, unless it is a whole day, the time of day with its
// zone: 11 April 2003, 10:20 UTC.
func (p *printer) stamp(t comity.Time) template.HTML {
	switch {
	case t.IsZero():
		return ""
	case whole(t.Time):
		return p.date(t)
	}
	return element(t.String(), p.words.Stamp(t.Time))
}

// real is an instant of real time; beside a scenario's clock it says so.
func (p *printer) real(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	out := element(t.UTC().Format(time.RFC3339), p.words.Stamp(t))
	if p.s.c.Scenario != nil {
		out += template.HTML(` <span class="clock">` + template.HTMLEscapeString(p.words.T(i18n.Key("real time"))) + `</span>`)
	}
	return out
}

// relative is how far t is from now, in whole days as standings count them. It
// stands only beside the absolute date.
func (p *printer) relative(now, t comity.Time) string {
	if t.IsZero() || now.IsZero() {
		return ""
	}
	since := now.Sub(t.Time)
	switch days := int(since.Abs() / (24 * time.Hour)); {
	case days == 0 && since < 0:
		return p.words.T(i18n.Key("in less than a day"))
	case days == 0:
		return p.words.T(i18n.Key("less than a day ago"))
	case since < 0:
		return p.words.N(i18n.Key("in %d day|in %d days"), days)
	default:
		return p.words.N(i18n.Key("%d day ago|%d days ago"), days)
	}
}

// partyName is the name of a party in the page's language, where it is known.
func (p *printer) partyName(x comity.Party) (name, lang string) {
	name = p.s.c.Desk.Name(x)
	if p.words.Tag == "en" {
		return name, "en"
	}
	if st, ok := p.s.world.State(world.StateID(x)); ok && st.Names.EN == name {
		return st.Names.In(p.words.Tag), p.words.Tag
	}
	return name, "en"
}

// party is the name, with the code where it says more.
func (p *printer) party(x comity.Party) template.HTML {
	if x == "" {
		return ""
	}
	name, lang := p.partyName(x)
	code := ""
	if name != string(x) {
		code = fmt.Sprintf(` title="%s"`, template.HTMLEscapeString(string(x)))
	}
	attr := ""
	if lang != p.words.Tag {
		attr = fmt.Sprintf(` lang="%s"`, lang)
	}
	return template.HTML(fmt.Sprintf(`<bdi class="party"%s%s>%s</bdi>`, code, attr, template.HTMLEscapeString(name)))
}

// author says in whose name an act speaks: the organ, its organization; or
// somebody without a node, as reported by the issuer.
func (p *printer) author(a *act.Act) template.HTML {
	if a == nil {
		return ""
	}
	who := p.party(a.Domain.Party())
	if a.OnBehalfOf != "" {
		who = p.party(a.OnBehalfOf)
	}
	organ := a.By.Organ
	if organ == "" {
		organ = a.By.Office
	}
	if organ != "" {
		who += template.HTML(template.HTMLEscapeString(p.comma()) + `<bdi class="organ" dir="auto">` + template.HTMLEscapeString(organ) + `</bdi>`)
	}
	if a.OnBehalfOf != "" {
		return p.html("%s, as reported by %s", who, p.party(a.Domain.Party()))
	}
	return who
}

// actURL is where an act is shown; "" for no act.
func actURL(n comity.ActName) string {
	if n.IsZero() {
		return ""
	}
	return "/acts/" + n.String()
}

// fileURL is where a situation is shown.
func fileURL(n comity.ActName) string {
	if n.IsZero() {
		return ""
	}
	return "/situations/" + n.String()
}

// answerURL is where an ask is answered.
func answerURL(ask comity.ActName, organ string) string {
	q := url.Values{"re": {ask.String()}}
	if organ != "" {
		q.Set("organ", organ)
	}
	return "/compose/answer?" + q.Encode()
}

// actLink is the name of an act, as a link to it.
func (p *printer) actLink(n comity.ActName) template.HTML {
	return link(actURL(n), n.String()) + p.doubtOf(n)
}

// fileLink is the name of a situation, as a link to it.
func (p *printer) fileLink(n comity.ActName) template.HTML { return link(fileURL(n), n.String()) }

func link(url, name string) template.HTML {
	if name == "" {
		return ""
	}
	return template.HTML(`<a class="name" dir="ltr" href="` + template.HTMLEscapeString(url) + `">` + template.HTMLEscapeString(name) + `</a>`)
}

// dirOf is the direction of a text's own language; auto if that is not known.
func dirOf(lang string) string {
	switch {
	case lang == "":
		return "auto"
	case i18n.RTL(lang):
		return "rtl"
	}
	return "ltr"
}

// title is an act's own title, in its own language and direction.
func (p *printer) title(text, lang string) template.HTML {
	if text == "" { // every act has one, until it is erased
		return template.HTML(`<span class="none">` + template.HTMLEscapeString(p.words.T(i18n.Key("content erased"))) + `</span>`)
	}
	attr := ""
	if lang != "" {
		attr = fmt.Sprintf(` lang="%s"`, template.HTMLEscapeString(lang))
	}
	return template.HTML(fmt.Sprintf(`<bdi%s dir="%s">%s</bdi>`, attr, dirOf(lang), template.HTMLEscapeString(text)))
}

// kind is what officers call a kind of act.
func (p *printer) kind(k act.Kind) string {
	if s, ok := act.Lookup(k); ok {
		return p.words.T(i18n.Key(s.Title))
	}
	return string(k)
}

// comma separates the parts of a list.
func (p *printer) comma() string { return p.words.T(i18n.Key(", ##between parts of a list")) }

// states lists States by name.
func (p *printer) states(codes []string) template.HTML {
	var out []string
	for _, c := range codes {
		out = append(out, string(p.party(comity.Party(c))))
	}
	return template.HTML(strings.Join(out, p.comma()))
}

// dict hands several values to a part of a page, by name.
func dict(pairs ...any) (map[string]any, error) {
	out := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		k, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no name", pairs[i])
		}
		out[k] = pairs[i+1]
	}
	return out, nil
}
