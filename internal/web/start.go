package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/web/i18n"
	"github.com/comity/comity/internal/world"
)

// startPage is the first page: what this is for, one case of it, and three
// ways in.
type startPage struct {
	Page
	Strip     []stripColumn
	Total     int    // days from the first letter to the handover
	Answer    string // where a newcomer answers a warning
	Raise     string // where one is raised
	AskTitle  string // of the ask that Answer leads to
	Played    bool   // an act of the case is held here
	CanAnswer bool
}

// stripColumn is one of the five steps.
type stripColumn struct {
	Word   i18n.Key
	Shape  string
	Events []stripEvent
	Absent bool // the record has nothing of it
}

// stripEvent is one act of the record.
type stripEvent struct {
	Date   comity.Time
	Since  []stripDays
	Symbol string
	Text   i18n.Key
	Act    comity.ActName // as held here; zero if it has not been played yet
}

// stripDays is how long after another event one came.
type stripDays struct {
	Days int
	Text i18n.Key
}

// since counts the days from another event, by its position in the list.
type since struct {
	event int
	text  i18n.Key
}

// liberia is the case that the first page shows: the rows of the chronology,
// found by date and symbol, and our words for them. Nothing else is said to
// have happened.
var liberia = []struct {
	step   int
	date   world.Date
	symbol string // of the row; of a row without one, its organ
	since  []since
	text   i18n.Key
}{
	{0, world.Day(2003, time.June, 28), "S/2003/678", nil,
		i18n.Key("The Secretary-General asks the Security Council for a multinational force for Liberia.")},
	{0, world.Day(2003, time.July, 29), "S/2003/769", []since{{0, afterFirst}},
		i18n.Key("The Secretary-General presses for speed, with a plan in three phases.")},
	{3, world.Day(2003, time.August, 1), "S/RES/1497 (2003)", []since{{0, afterFirst}, {1, i18n.Key("%d day after the second|%d days after the second")}},
		i18n.Key("The Security Council authorizes a multinational force.")},
	{4, world.Day(2003, time.August, 4), "ECOMIL", []since{{2, i18n.Key("%d day after the authorization|%d days after the authorization")}},
		i18n.Key("The ECOWAS vanguard lands in Monrovia (ECOMIL).")},
	{4, world.Day(2003, time.October, 1), "ECOMIL", []since{{3, i18n.Key("%d day after the landing|%d days after the landing")}},
		i18n.Key("ECOWAS hands over to the mission of the United Nations (UNMIL).")},
}

const afterFirst = i18n.Key("%d day after the first letter|%d days after the first letter")

// strip lays the case out in the five steps. held finds the act of a row among
// those held here.
func (s *site) strip(held func(world.Entry) comity.ActName) ([]stripColumn, int) {
	cols := []stripColumn{
		{Word: i18n.Key("Sent"), Shape: "●"},
		{Word: i18n.Key("Received"), Shape: "○"},
		{Word: i18n.Key("Taken up"), Shape: "○"},
		{Word: i18n.Key("Answered"), Shape: "✓"},
		{Word: i18n.Key("Acted"), Shape: "◆"},
	}
	record := s.world.Chronology()
	at := make([]time.Time, len(liberia))
	for i, l := range liberia {
		for _, e := range record {
			if e.Date != l.date || e.Symbol != l.symbol && (e.Symbol != "" || e.Organ != l.symbol) {
				continue
			}
			at[i] = e.Date.Time()
			ev := stripEvent{Date: comity.TimeOf(at[i]), Symbol: e.Symbol, Text: l.text, Act: held(e)}
			for _, x := range l.since {
				ev.Since = append(ev.Since, stripDays{int(at[i].Sub(at[x.event]).Hours() / 24), x.text})
			}
			cols[l.step].Events = append(cols[l.step].Events, ev)
			break
		}
	}
	for i := range cols {
		cols[i].Absent = len(cols[i].Events) == 0
	}
	return cols, int(at[len(at)-1].Sub(at[0]).Hours() / 24)
}

func (s *site) start(w http.ResponseWriter, r *request) error {
	p := &startPage{Page: s.frame(r, "start", i18n.Key("Start")), Answer: "/inbox", Raise: "/compose/warning"}
	views, err := s.c.Desk.Situations(r.Context(), r.who)
	if err != nil {
		return err
	}
	played, err := s.played(r, views)
	if err != nil {
		return err
	}
	p.Strip, p.Total = s.strip(func(e world.Entry) comity.ActName { return playedAs(played, e) })
	for _, c := range p.Strip {
		for _, e := range c.Events {
			p.Played = p.Played || !e.Act.IsZero()
		}
	}
	for _, v := range views {
		if v.Status == comity.Replay || v.Closed {
			continue
		}
		if p.Raise == "/compose/warning" && v.Status == comity.Exercise {
			p.Raise = "/compose/warning?situation=" + v.Name.String()
		}
		if !p.CanAnswer {
			s.startAnswer(r, p, v)
		}
	}
	return s.render(w, http.StatusOK, p)
}

// startAnswer leads a newcomer to a warning that waits for our answer.
func (s *site) startAnswer(r *request, p *startPage, v casefile.View) {
	for _, a := range v.Asks {
		for _, of := range a.Addressees {
			if o := s.owed(r, a, of, v.Title, v.Lang); o.CanAnswer {
				p.Answer, p.AskTitle, p.CanAnswer = answerURL(a.Ask, of.Organ), a.Title, true
				return
			}
		}
	}
}

// played are the acts of the files in which a record is replayed.
func (s *site) played(r *request, views []casefile.View) ([]casefile.Line, error) {
	var out []casefile.Line
	for _, v := range views {
		if v.Status != comity.Replay {
			continue
		}
		file, err := s.c.Desk.Situation(r.Context(), r.who, v.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, file.Timeline...)
	}
	return out, nil
}

// playedAs finds the act by which a row of the record is replayed: of its day,
// and with its symbol or in the name of its organ.
func playedAs(acts []casefile.Line, e world.Entry) comity.ActName {
	day := e.Date.String()
	for _, x := range acts {
		if !strings.HasPrefix(x.Act.Date.String(), day) {
			continue
		}
		if e.Symbol == "" && x.Act.By.Organ == e.Organ || e.Symbol != "" && hasSymbol(x.Act.Docs, func(s string) bool { return s == e.Symbol }) {
			return x.Name
		}
	}
	return comity.ActName{}
}
