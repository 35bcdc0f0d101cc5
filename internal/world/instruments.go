package world

import (
	"cmp"
	"slices"
	"time"
)

// InstrumentID is the key of a treaty or political instrument, as
// "FINANCING1999".
type InstrumentID string

// Coverage says how much of an instrument's status is recorded here.
type Coverage string

// The coverages.
const (
	CoverageComplete Coverage = "complete" // every signature and consent until StatusUntil
	CoveragePartial  Coverage = "partial"  // the States that have a row, and nothing about others
	CoverageNone     Coverage = "none"
)

// ForceRule says when an instrument enters into force for one party, counted
// from the deposit of its consent, never before the instrument itself does.
// The rules are those of the final clauses, from general knowledge.
type ForceRule string

// The rules; "" where status is not recorded.
const (
	ForceAtDeposit       ForceRule = "at deposit"
	Force30Days          ForceRule = "30 days"
	Force30DaysLate      ForceRule = "30 days if after general entry" // who deposited earlier is bound from the general date
	Force90Days          ForceRule = "90 days"
	Force6Months         ForceRule = "6 months"
	ForceSixthMonth      ForceRule = "first day of 6th month"
	ForceMonthAfter60Day ForceRule = "first of month after 60 days"
)

// Instrument is a treaty, protocol or political document.
type Instrument struct {
	ID          InstrumentID
	Title       string
	Short       string
	Kind        string // treaty, protocol, amendment, regional treaty, political commitment …
	Adopted     Date
	Opened      Date // for signature
	InForce     Date // zero: not in force, or not a thing that enters into force
	Provisional bool // InForce is provisional
	Depositary  string
	Theme       string
	CTNumber    int // 1 to 19 among the universal counter-terrorism instruments; 0 for others
	PromotedBy  string
	UNTC        string // chapter and number in the United Nations Treaty Collection
	ForceRule   string // general entry into force, in words
	PartyForce  ForceRule
	Coverage    Coverage
	StatusUntil Date // the status recorded here says nothing about later days
	Note        string
	Confidence  Confidence
}

// AdoptedBy reports whether the instrument surely existed on that day.
func (i Instrument) AdoptedBy(on Date) bool { return i.Adopted.SurelyBy(on) }

// InForceOn reports whether the instrument was surely in force on that day,
// provisionally or not.
func (i Instrument) InForceOn(on Date) bool { return i.InForce.SurelyBy(on) }

// Instruments lists all.
func (w *World) Instruments() []Instrument { return slices.Clone(w.instruments) }

// Instrument of that ID.
func (w *World) Instrument(id InstrumentID) (Instrument, bool) {
	i, ok := w.instrumentAt[id]
	if !ok {
		return Instrument{}, false
	}
	return w.instruments[i], true
}

// UniversalCT lists, by number, the universal counter-terrorism instruments
// that had been adopted by that day: twelve on 11 April 2003.
func (w *World) UniversalCT(on Date) []Instrument {
	var out []Instrument
	for _, i := range w.instruments {
		if i.CTNumber > 0 && i.AdoptedBy(on) {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b Instrument) int { return cmp.Compare(a.CTNumber, b.CTNumber) })
	return out
}

// Stage is how far a State had gone with an instrument.
type Stage string

// The stages.
const (
	StageUnknown   Stage = "not recorded" // nothing can be said from here
	StageNone      Stage = "none"
	StageSigned    Stage = "signed"
	StageConsented Stage = "consented" // consent deposited, not yet in force for it
	StageParty     Stage = "party"     // in force for it
)

// Standing is the relation of one State to one instrument as it stood on a
// day; a date later than that day is not shown.
type Standing struct {
	Instrument  InstrumentID
	Party       StateID
	Stage       Stage
	Signed      Date
	SignedKind  string // signature, succession to signature
	Consent     Date   // deposit; zero with StageConsented or StageParty when the day is not known
	ConsentKind string // ratification, accession, acceptance, approval, succession
	InForce     Date   // for this party; zero where not in force yet or not known (succession, partial dates)
	// Unclear: the source knows the consent only to a month, a year or a
	// latest day, and it may or may not have been there on that day.
	Unclear bool
	// Until is set when the day lies after the last one that the record
	// covers: what is shown is the standing of that last day.
	Until      Date
	Coverage   Coverage
	Source     string
	Confidence Confidence
}

// InstrumentStatus is the standing of the State towards the instrument on
// that day; false for an unknown instrument. Withdrawals are not recorded.
// Consent deposited is not yet being a party: entry into force for that State
// is later.
func (w *World) InstrumentStatus(id InstrumentID, state StateID, on Date) (Standing, bool) {
	ins, ok := w.Instrument(id)
	if !ok {
		return Standing{}, false
	}
	s := Standing{Instrument: id, Party: state, Coverage: ins.Coverage, Stage: StageUnknown}
	if ins.StatusUntil.PerhapsBy(on) && ins.StatusUntil != on.First() {
		s.Until = ins.StatusUntil
		on = ins.StatusUntil
	}
	r, ok := w.status[statusKey{id, state}]
	if !ok {
		if ins.Coverage == CoverageComplete {
			s.Stage = StageNone
		}
		return s, true
	}
	s.Stage, s.Source, s.Confidence = StageNone, w.statusSources[r.source], r.confidence
	if r.signed.SurelyBy(on) {
		s.Stage, s.Signed, s.SignedKind = StageSigned, r.signed, r.signedKind
	}
	if r.consentKind == "" {
		return s, true
	}
	latest := r.consent.Last()
	if !r.consentBy.IsZero() && (latest.IsZero() || r.consentBy.Compare(latest) < 0) {
		latest = r.consentBy
	}
	if !latest.SurelyBy(on) {
		s.Unclear = r.consent.IsZero() && r.signed.SurelyBy(on) || r.consent.PerhapsBy(on)
		return s, true
	}
	s.Stage, s.Consent, s.ConsentKind = StageConsented, r.consent, r.consentKind
	force := ins.partyForce(latest, r.consentKind)
	if force.SurelyBy(on) {
		s.Stage = StageParty
		if r.consent.Precision() == PrecisionDay && r.consentKind != "succession" {
			s.InForce = force
		}
	}
	return s, true
}

// partyForce is the day on which the instrument entered into force for a
// party that deposited its consent on that day; zero if it never did. A
// successor State is bound at once.
func (i Instrument) partyForce(consent Date, kind string) Date {
	if i.InForce.IsZero() {
		return Date{}
	}
	general := i.InForce.Last()
	if kind == "succession" || i.PartyForce == Force30DaysLate && consent.Compare(general) <= 0 {
		return later(general, consent)
	}
	t := consent.Time()
	switch i.PartyForce {
	case Force30Days, Force30DaysLate:
		t = t.AddDate(0, 0, 30)
	case Force90Days:
		t = t.AddDate(0, 0, 90)
	case Force6Months:
		y, m, d := t.Date()
		m += 6
		y, m = y+int(m-1)/12, (m-1)%12+1
		t = time.Date(y, m, min(d, daysIn(y, m)), 0, 0, 0, 0, time.UTC)
	case ForceSixthMonth:
		t = time.Date(t.Year(), t.Month()+6, 1, 0, 0, 0, 0, time.UTC)
	case ForceMonthAfter60Day:
		t = t.AddDate(0, 0, 60)
		t = time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	}
	return later(general, DateOf(t))
}

func later(a, b Date) Date {
	if a.Compare(b) < 0 {
		return b
	}
	return a
}

// statusRow is one line of the status table.
type statusRow struct {
	instrument  InstrumentID
	party       StateID
	signed      Date
	signedKind  string
	consent     Date
	consentBy   Date // consent had been given by this day, where consent is not known to the day
	consentKind string
	checked     string // "Y" or "N": consent deposited by 2003-04-11, as looked up; "" not known
	source      string
	confidence  Confidence
}

type statusKey struct {
	instrument InstrumentID
	party      StateID
}

func readStatus(r *row) statusRow {
	return statusRow{
		instrument:  InstrumentID(r.need("instrument")),
		party:       StateID(r.need("party")),
		signed:      r.date("signed"),
		signedKind:  one(r, "signed_kind", "", "signature", "succession to signature"),
		consent:     r.date("consent"),
		consentKind: one(r, "consent_kind", "", "ratification", "accession", "acceptance", "approval", "succession"),
		consentBy:   r.date("consent_by"),
		checked:     one(r, "checked_2003_04_11", "", "Y", "N"),
		source:      r.need("source"),
		confidence:  Confidence(r.need("confidence")),
	}
}

type statusSource struct{ id, text string }

func readStatusSource(r *row) statusSource {
	return statusSource{r.need("source"), r.need("text")}
}

func readInstrument(r *row) Instrument {
	return Instrument{
		ID:          InstrumentID(r.need("instrument")),
		Title:       r.need("title"),
		Short:       r.need("short"),
		Kind:        r.need("kind"),
		Adopted:     r.date("adopted"),
		Opened:      r.date("opened"),
		InForce:     r.date("in_force"),
		Provisional: one(r, "in_force_kind", "", "provisional") != "",
		Depositary:  r.text("depositary"),
		Theme:       r.need("theme"),
		CTNumber:    r.number("ct_number"),
		PromotedBy:  r.need("promoted_by"),
		UNTC:        r.text("untc"),
		ForceRule:   r.text("force_rule"),
		PartyForce: one(r, "party_force_rule", "", ForceAtDeposit, Force30Days, Force30DaysLate, Force90Days,
			Force6Months, ForceSixthMonth, ForceMonthAfter60Day),
		Coverage:    one(r, "status_coverage", CoverageComplete, CoveragePartial, CoverageNone),
		StatusUntil: r.date("status_until"),
		Note:        r.text("note"),
		Confidence:  Confidence(r.need("confidence")),
	}
}
