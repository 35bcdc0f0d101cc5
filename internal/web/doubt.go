package web

import (
	"context"
	"html/template"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/web/i18n"
	"github.com/comity/comity/keys"
)

// doubtMark stands wherever an act is named of which it is in doubt whose it
// is.
var doubtMark = mark{"▽", "warn"}

// inDoubt is the mark; nothing if there is no doubt.
func (p *printer) inDoubt(d *keys.Doubt) template.HTML {
	if d == nil {
		return ""
	}
	return p.doubtMark()
}

func (p *printer) doubtMark() template.HTML {
	return doubtMark.html(template.HTML(template.HTMLEscapeString(p.words.T(i18n.Key("in doubt")))))
}

// doubtOf is the mark of an act that is named somewhere.
func (p *printer) doubtOf(n comity.ActName) template.HTML {
	if n.IsZero() {
		return ""
	}
	all, err := p.s.c.Desk.Doubts(context.Background())
	if err != nil {
		p.s.c.Logger.Warn("it could not be read which acts are in doubt", "act", n.String(), "err", err)
		return template.HTML(` <span class="caution">` + template.HTMLEscapeString(p.words.T(i18n.Key("it cannot be said now whether it is in doubt"))) + `</span>`)
	}
	if d := all.Of(n); d != nil {
		return " " + p.inDoubt(d)
	}
	return ""
}

// doubtRow is entries of one journal that are in doubt for one reason.
type doubtRow struct {
	Why         *keys.Doubt
	First, Last comity.ActName
	Entries     int
}

func doubtRows(d comity.Domain, all []keys.Doubt) []doubtRow {
	var out []doubtRow
	for _, x := range all {
		out = append(out, doubtRow{&x, comity.ActName{Domain: d, Index: x.From}, comity.ActName{Domain: d, Index: x.To - 1}, int(x.Entries())})
	}
	return out
}

// inDoubt counts entries.
func inDoubt(all []keys.Doubt) (n int) {
	for _, x := range all {
		n += int(x.Entries())
	}
	return n
}
