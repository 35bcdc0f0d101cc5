package api

import (
	"net/http"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/desk"
)

// SituationSummary is a situation file in a list.
type SituationSummary struct {
	Name     comity.ActName `json:"name"` // of the act that opened the file
	Title    string         `json:"title"`
	Lang     string         `json:"lang,omitempty"` // BCP 47, of the title
	Opener   comity.Domain  `json:"opener"`
	Status   comity.Status  `json:"status"`
	TLP      comity.TLP     `json:"tlp"`
	Threat   string         `json:"threat,omitempty"`
	States   []string       `json:"states"`          // ISO 3166-1 alpha-3
	Opened   comity.Time    `json:"opened,omitzero"` // date of the act that opened it
	Latest   comity.Time    `json:"latest,omitzero"` // date of the newest act
	Lead     comity.Party   `json:"lead,omitempty"`  // absent if nobody leads
	Dormant  bool           `json:"dormant"`         // its lead says that nothing is under way
	Closed   bool           `json:"closed"`          // its lead closed it
	ActCount int            `json:"act_count"`       // acts that the caller may read
	AskCount int            `json:"ask_count"`       // asks in it
	AsksOpen int            `json:"asks_open"`       // with an answer outstanding
	AsksLate int            `json:"asks_late"`       // with a date that passed without an answer

	LatestDoubt *Doubt `json:"latest_doubt,omitempty"` // of the newest act
}

// Situations lists the files that the caller may see, the one with the newest
// act first.
type Situations struct {
	AsOf       comity.Time        `json:"as_of"` // node's clock
	Situations []SituationSummary `json:"situations"`
}

// Situation is one file as it reads at AsOf.
type Situation struct {
	SituationSummary
	AsOf          comity.Time  `json:"as_of"`                     // node's clock
	LeadOfferedTo comity.Party `json:"lead_offered_to,omitempty"` // by the lead; it passes when taken

	Efforts     []Effort        `json:"efforts"`
	Seized      []Seizure       `json:"seized"`
	Referrals   []Referral      `json:"referrals"`
	Operations  []Operation     `json:"operations"`
	Asks        []Ask           `json:"asks"`
	Needs       []Need          `json:"needs"`
	Commitments []Undertaking   `json:"commitments"`
	Mandates    []Mandate       `json:"mandates"`
	Relations   []Relation      `json:"relations"`
	Scores      []Score         `json:"scores"`
	Timeline    []TimelineEntry `json:"timeline"` // by date
	Doubtful    int             `json:"doubtful"` // entries of the timeline of which it is in doubt whose they are
}

// Effort is the role in which a party stands in the situation.
type Effort struct {
	Party comity.Party   `json:"party"`
	Role  effect.Role    `json:"role"` // acts, supports, informed, leads
	Act   comity.ActName `json:"act"`
	Since comity.Time    `json:"since,omitzero"`
}

// Seizure of an organ, by a cited act.
type Seizure struct {
	Org   comity.Party   `json:"org"`
	Organ string         `json:"organ"`
	By    comity.ActName `json:"by,omitzero"` // the act cited
	Act   comity.ActName `json:"act"`
	Since comity.Time    `json:"since,omitzero"`
}

// Referral to another organization.
type Referral struct {
	By   comity.Party   `json:"by"`
	To   Addressed      `json:"to"`
	Act  comity.ActName `json:"act"`
	Date comity.Time    `json:"date,omitzero"`
}

// Addressed is an organization or State, optionally one of its organs or its
// focal point for a topic.
type Addressed struct {
	Org        comity.Party `json:"org"`
	Organ      string       `json:"organ,omitempty"`
	FocalPoint string       `json:"focal_point,omitempty"`
}

// Operation in the field.
type Operation struct {
	Act      comity.ActName `json:"act"`
	Party    comity.Party   `json:"party"`
	Name     string         `json:"name,omitempty"`
	Items    []Item         `json:"items"`
	Since    comity.Time    `json:"since,omitzero"`
	Mandate  comity.ActName `json:"mandate,omitzero"`
	Ended    comity.Time    `json:"ended,omitzero"` // absent while in the field
	EndedBy  comity.ActName `json:"ended_by,omitzero"`
	HandedTo comity.Party   `json:"handed_to,omitempty"`
}

// Item is an amount of means: 1,200 of "infantry".
type Item struct {
	What string `json:"what"`
	N    int64  `json:"n"`
}

// Need of means and what came for it, in the means' own units.
type Need struct {
	Act   comity.ActName `json:"act"`
	By    comity.Party   `json:"by"`
	Due   comity.Time    `json:"due,omitzero"`
	Lines []NeedLine     `json:"lines"`
}

// NeedLine is one sort of means. Missing is needed less committed or deployed,
// whichever is more.
type NeedLine struct {
	What      string `json:"what"`
	Needed    int64  `json:"needed"`
	Pledged   int64  `json:"pledged"`
	Committed int64  `json:"committed"`
	Deployed  int64  `json:"deployed"`
	Missing   int64  `json:"missing"`
}

// Undertaking is a commitment of means and whether it was kept.
type Undertaking struct {
	Act   comity.ActName `json:"act"`
	Party comity.Party   `json:"party"`
	Need  comity.ActName `json:"need,omitzero"`
	Items []Item         `json:"items"`
	Due   comity.Time    `json:"due,omitzero"`
	Kept  comity.ActName `json:"kept_by,omitzero"` // the deployment that keeps it
	Late  bool           `json:"late"`             // due has passed, and it is not kept
}

// Mandate says who may act, until when.
type Mandate struct {
	Act       comity.ActName   `json:"act"`
	By        comity.Party     `json:"by"`
	Holders   []comity.Party   `json:"holders"`
	Name      string           `json:"name,omitempty"`
	From      comity.Time      `json:"from,omitzero"`
	To        comity.Time      `json:"to,omitzero"` // as last renewed
	Force     bool             `json:"force"`       // enforcement is authorized
	RenewedBy []comity.ActName `json:"renewed_by"`
	EndedBy   comity.ActName   `json:"ended_by,omitzero"`
	Expired   bool             `json:"expired"`
	DaysLeft  int              `json:"days_left"` // whole days until To; negative if past; 0 without To
}

// Relation to another situation, as its author sees it.
type Relation struct {
	Act comity.ActName `json:"act"`
	By  comity.Party   `json:"by"`
	To  comity.ActName `json:"to"`
	How string         `json:"how"`
}

// Score is what became of a warning.
type Score struct {
	Act     comity.ActName `json:"act"`
	By      comity.Party   `json:"by"`
	Warning comity.ActName `json:"warning"`
	Result  string         `json:"result"`
}

// TimelineEntry is one act of the file.
type TimelineEntry struct {
	Name     comity.ActName `json:"name"`
	Leaf     comity.Hash    `json:"leaf"`
	Kind     act.Kind       `json:"kind"`
	Title    string         `json:"title"`
	Lang     string         `json:"lang,omitempty"`
	TLP      comity.TLP     `json:"tlp"`
	Status   comity.Status  `json:"status"`
	Actor    comity.Party   `json:"actor"`             // the issuer, or on whose behalf it issued this
	Date     comity.Time    `json:"date,omitzero"`     // when it was done, as the issuer says
	Recorded comity.Time    `json:"recorded,omitzero"` // by the issuer's node
	Why      string         `json:"why,omitempty"`     // why it has no effect
	Refused  []Refusal      `json:"refused"`

	WithdrawnBy comity.ActName `json:"withdrawn_by,omitzero"`
	CorrectedBy comity.ActName `json:"corrected_by,omitzero"`
	ErasedBy    comity.ActName `json:"erased_by,omitzero"`

	Doubt *Doubt `json:"doubt,omitempty"` // absent if it is not in doubt whose act it is
}

func (h *Handler) getSituations(w http.ResponseWriter, r *http.Request, who desk.Who) error {
	if q := queryOf(r); q.err != nil {
		return q.err
	}
	out := Situations{AsOf: h.c.Desk.Now(), Situations: []SituationSummary{}}
	all, err := h.c.Desk.Situations(r.Context(), who)
	if err != nil {
		return err
	}
	for _, v := range all {
		out.Situations = append(out.Situations, summaryOf(v))
	}
	return answer(w, http.StatusOK, out)
}

func (h *Handler) getSituation(w http.ResponseWriter, r *http.Request, who desk.Who) error {
	if q := queryOf(r); q.err != nil {
		return q.err
	}
	name, err := nameOf(r)
	if err != nil {
		return err
	}
	v, err := h.c.Desk.Situation(r.Context(), who, name)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, situationOf(v))
}

func summaryOf(v casefile.View) SituationSummary {
	s := SituationSummary{Name: v.Name, Title: v.Title, Lang: v.Lang, Opener: v.Opener, Status: v.Status, TLP: v.TLP, Threat: v.Threat,
		States: list(v.States), Opened: v.Opened, Latest: v.Latest, Lead: v.Lead, Dormant: v.Dormant, Closed: v.Closed,
		ActCount: v.Acts, AskCount: len(v.Asks)}
	if n := len(v.Timeline); n > 0 {
		s.LatestDoubt = doubtOf(v.Timeline[n-1].Doubt)
	}
	for _, a := range v.Asks {
		open, late := false, false
		for _, x := range a.Addressees {
			open, late = open || x.Standing.Open(), late || x.Standing.Late()
		}
		if open {
			s.AsksOpen++
		}
		if late {
			s.AsksLate++
		}
	}
	return s
}

func situationOf(v casefile.View) Situation {
	return Situation{
		SituationSummary: summaryOf(v), AsOf: v.AsOf, LeadOfferedTo: v.Offered,
		Efforts: each(v.Efforts, func(e casefile.Effort) Effort { return Effort(e) }),
		Seized:  each(v.Seized, func(z casefile.Seizure) Seizure { return Seizure(z) }),
		Referrals: each(v.Referrals, func(x casefile.Referral) Referral {
			return Referral{By: x.By, To: Addressed(x.To), Act: x.Act, Date: x.On}
		}),
		Operations: each(v.Operations, func(o casefile.Operation) Operation {
			return Operation{Act: o.Act, Party: o.Party, Name: o.Name, Items: items(o.Items), Since: o.Since, Mandate: o.Mandate,
				Ended: o.Ended, EndedBy: o.EndedBy, HandedTo: o.HandedTo}
		}),
		Asks: each(v.Asks, askOf),
		Needs: each(v.Needs, func(n casefile.NeedView) Need {
			return Need{Act: n.Need, By: n.By, Due: n.Due, Lines: each(n.Lines, func(l casefile.NeedLine) NeedLine { return NeedLine(l) })}
		}),
		Commitments: each(v.Commitments, func(c casefile.CommitmentView) Undertaking {
			return Undertaking{Act: c.Act, Party: c.Party, Need: c.Need, Items: items(c.Items), Due: c.By, Kept: c.Kept, Late: c.Late}
		}),
		Mandates: each(v.Mandates, func(m casefile.MandateView) Mandate {
			return Mandate{Act: m.Act, By: m.By, Holders: list(m.Holder), Name: m.Name, From: m.From, To: m.To, Force: m.Force,
				RenewedBy: list(m.RenewedBy), EndedBy: m.EndedBy, Expired: m.Expired, DaysLeft: m.Days}
		}),
		Relations: each(v.Relations, func(x casefile.Fact[effect.Relate]) Relation { return Relation{x.Act, x.By, x.E.To, x.E.How} }),
		Scores:    each(v.Scores, func(x casefile.Fact[effect.Score]) Score { return Score{x.Act, x.By, x.E.Warning, x.E.Result} }),
		Timeline:  each(v.Timeline, entryOf),
		Doubtful:  v.Doubtful,
	}
}

func items(l []effect.Item) []Item {
	return each(l, func(i effect.Item) Item { return Item(i) })
}

func entryOf(l casefile.Line) TimelineEntry {
	return TimelineEntry{Name: l.Name, Leaf: l.Leaf, Kind: l.Act.Kind, Title: l.Act.Title, Lang: l.Act.Lang, TLP: l.Act.TLP,
		Status: l.Act.Status, Actor: l.Fact.Actor, Date: l.Act.Date, Recorded: l.Act.Recorded, Why: l.Fact.Problem, Refused: refused(l.Fact),
		WithdrawnBy: l.Fact.Withdrawn, CorrectedBy: l.Fact.Corrected, ErasedBy: l.Fact.Erased, Doubt: doubtOf(l.Doubt)}
}

// each converts a list; an empty one is empty and not null.
func each[A, B any](l []A, f func(A) B) []B {
	out := make([]B, 0, len(l))
	for _, x := range l {
		out = append(out, f(x))
	}
	return out
}
