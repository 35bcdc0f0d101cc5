package api

import (
	"net/http"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/desk"
)

// Ask is what was asked, and how it stands with each addressee.
type Ask struct {
	Name       comity.ActName `json:"name"`               // of the act that asks
	Situation  comity.ActName `json:"situation,omitzero"` // absent of house matters
	Title      string         `json:"title"`
	What       string         `json:"what,omitempty"`
	Kind       act.Kind       `json:"kind"`
	Status     comity.Status  `json:"status"`
	TLP        comity.TLP     `json:"tlp"`
	By         comity.Party   `json:"by"`
	Sent       comity.Time    `json:"sent,omitzero"`     // recorded by the asker's node
	Basis      effect.Basis   `json:"basis"`             // duty, wish
	Source     string         `json:"source,omitempty"`  // the rule behind a duty
	Due        comity.Time    `json:"due,omitzero"`      // set by the duty, or wished for
	Silence    effect.Silence `json:"silence,omitempty"` // what it means if no answer comes by then
	Addressees []Addressee    `json:"addressees"`
	Doubt      *Doubt         `json:"doubt,omitempty"` // whether it was asked by whom it says
}

// Addressee is how an ask stands with one addressee. Only a standing "overdue"
// claims that an answer was owed.
type Addressee struct {
	Org        comity.Party      `json:"org"`
	Organ      string            `json:"organ,omitempty"`
	FocalPoint string            `json:"focal_point,omitempty"`
	Standing   casefile.Standing `json:"standing"`
	Open       bool              `json:"open"`                // an answer is outstanding
	Late       bool              `json:"late"`                // a date has passed and no answer is recorded
	Since      comity.Time       `json:"since,omitzero"`      // since when it stands so; of "not-heard": when the journal was last heard
	Due        comity.Time       `json:"due,omitzero"`        // the date that counts: of the duty, wished for, or accepted
	Accepted   bool              `json:"accepted"`            // due is a date that the addressee accepted
	ReceiptAt  comity.Time       `json:"receipt_at,omitzero"` // real time of the mirror cosignature that covers the ask
	TakenUp    *TakeUp           `json:"taken_up,omitempty"`  // the newest
	Answer     *Answer           `json:"answer,omitempty"`    // the newest that stands
	Acted      []Deed            `json:"acted"`
	Days       int               `json:"days"`            // whole days since due (late) or since sent (open); by how many the answer was late
	Doubt      *Doubt            `json:"doubt,omitempty"` // of one of the acts on which it stands so
}

// TakeUp says that a person at the addressee has the ask, until a time.
type TakeUp struct {
	Act   comity.ActName `json:"act"`
	By    comity.Party   `json:"by"`
	Organ string         `json:"organ,omitempty"`
	Until comity.Time    `json:"until,omitzero"`
}

// Answer of an addressee, or reported of one.
type Answer struct {
	Act         comity.ActName `json:"act"`
	By          comity.Party   `json:"by"` // the addressee that answers
	Organ       string         `json:"organ,omitempty"`
	How         effect.How     `json:"how"`                  // act, support, consider, noted, declined
	Until       comity.Time    `json:"until,omitzero"`       // the date it accepts for a later answer
	Supports    comity.ActName `json:"supports,omitzero"`    // what it supports
	Heard       effect.Channel `json:"heard,omitempty"`      // telephone, letter, meeting, mail: it came outside the journals
	EnteredBy   comity.Party   `json:"entered_by,omitempty"` // who entered it then
	ConfirmedBy comity.ActName `json:"confirmed_by,omitzero"`
	ContestedBy comity.ActName `json:"contested_by,omitzero"`
}

// Deed is an act that does something about an ask.
type Deed struct {
	Act    comity.ActName `json:"act"`
	By     comity.Party   `json:"by"`
	Effect string         `json:"effect"` // decide, mandate, commit, deploy, convene, seize
}

// Asks lists asks in the order in which a desk should look at them: owed and
// late, late, open, done; each by the date that counts.
type Asks struct {
	AsOf comity.Time `json:"as_of"` // node's clock
	Asks []Ask       `json:"asks"`
}

func (h *Handler) getAsks(w http.ResponseWriter, r *http.Request, who desk.Who) error {
	q := queryOf(r, "by", "of", "late", "open")
	f := desk.AskFilter{By: q.party("by"), Of: q.party("of"), Late: q.flag("late"), Open: q.flag("open")}
	if q.err != nil {
		return q.err
	}
	out := Asks{AsOf: h.c.Desk.Now()}
	all, err := h.c.Desk.Asks(r.Context(), who, f)
	if err != nil {
		return err
	}
	out.Asks = each(all, askOf)
	return answer(w, http.StatusOK, out)
}

func askOf(a casefile.AskView) Ask {
	return Ask{Name: a.Ask, Situation: a.Situation, Title: a.Title, What: a.What, Kind: a.Kind, Status: a.Status, TLP: a.TLP, By: a.By,
		Sent: a.Sent, Basis: a.Basis, Source: a.Source, Due: a.Due, Silence: a.Silence, Addressees: each(a.Addressees, addresseeOf), Doubt: doubtOf(a.Doubt)}
}

func addresseeOf(x casefile.AddresseeView) Addressee {
	out := Addressee{Org: x.Org, Organ: x.Organ, FocalPoint: x.FocalPoint, Standing: x.Standing, Open: x.Standing.Open(),
		Late: x.Standing.Late(), Since: x.Since, Due: x.Due, Accepted: x.Accepted, ReceiptAt: realTime(x.Receipt),
		Acted: each(x.Acted, func(d casefile.Deed) Deed { return Deed{d.Act, d.By, d.Do} }), Days: x.Days, Doubt: doubtOf(x.Doubt)}
	if t := x.TakenUp; t != nil {
		out.TakenUp = &TakeUp{t.Act, t.By, t.Organ, t.Until}
	}
	if a := x.Answer; a != nil {
		out.Answer = &Answer{Act: a.Act, By: a.By, Organ: a.Organ, How: a.E.How, Until: a.E.Until, Supports: a.E.Supports, Heard: a.E.Heard,
			EnteredBy: a.Entered, ConfirmedBy: a.Confirmed, ContestedBy: a.Contested}
	}
	return out
}
