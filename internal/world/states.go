package world

import (
	"slices"

	"github.com/comity/comity/comity"
)

// StateID is an ISO 3166-1 alpha-3 code, as "CIV". Memberships and instruments
// also use the codes of some that are not in the table of States: ESH, COK,
// NIU, MSR, PYF, NCL, and EU_ORG for the European Union as a treaty party.
type StateID string

// Party of the State, as acts name it.
func (s StateID) Party() comity.Party { return comity.Party(s) }

// StateStatus is a State's standing at the United Nations today.
type StateStatus string

// The standings.
const (
	MemberState   StateStatus = "member"
	ObserverState StateStatus = "observer_state"
)

// RegionalGroup is a group of States in United Nations elections.
type RegionalGroup string

// The groups. The two observer States have none ("").
const (
	GroupAfrican     RegionalGroup = "African"
	GroupAsiaPacific RegionalGroup = "Asia-Pacific"
	GroupEastern     RegionalGroup = "EEG"
	GroupLatin       RegionalGroup = "GRULAC"
	GroupWestern     RegionalGroup = "WEOG"
)

// Point on the Earth in degrees, WGS 84.
type Point struct{ Latitude, Longitude float64 }

// State is one of the 193 Members of the United Nations and the two observer
// States. What has no date of its own (names in other languages, capital,
// group) is that of 2026; Note says where that differs from earlier.
type State struct {
	ID        StateID
	ISO2      string // "NA" is Namibia: text, not a missing value
	M49       string // three digits, with leading zeros
	Names     Names
	Status    StateStatus
	Admitted  Date // to the United Nations; zero for observers
	Admission Confidence
	OrderKey  string // upper case, no accents, no bracket part: sort by this for rule 18
	Group     RegionalGroup
	Region    string // M49 region
	Subregion string // M49 subregion
	GW        string // Gleditsch–Ward number; empty for observers
	Capital   string
	At        Point // of the capital: GeoNames
	Note      string

	dated []DatedName // by From; empty where the name never changed since 2000
}

// Names of a State in the official languages of the United Nations.
type Names struct{ EN, FR, ES, RU, ZH, AR string }

// In is the name in the BCP 47 language lang (en, fr, es, ru, zh, ar; what
// follows a hyphen is ignored), or the English one.
func (n Names) In(lang string) string {
	if len(lang) > 2 && lang[2] == '-' {
		lang = lang[:2]
	}
	switch lang {
	case "fr":
		return n.FR
	case "es":
		return n.ES
	case "ru":
		return n.RU
	case "zh":
		return n.ZH
	case "ar":
		return n.AR
	}
	return n.EN
}

// DatedName is an English name of a State in United Nations use during a
// spell.
type DatedName struct {
	Spell
	EN         string
	OrderKey   string
	Note       string
	Confidence Confidence

	state StateID
}

// NameOn is the English name in United Nations use on that day: "The former
// Yugoslav Republic of Macedonia" before 14 February 2019, "Turkey" before 1
// June 2022, "Yugoslavia" before 4 February 2003. Changes are recorded from
// 2000 on; an earlier day gets the oldest recorded name. It is "" for Montenegro
// and South Sudan before their independence.
func (s State) NameOn(on Date) string {
	n, _ := s.named(on)
	return n
}

// OrderKeyOn is the sort key of NameOn. The presidency of the Security
// Council follows the English names of the day.
func (s State) OrderKeyOn(on Date) string {
	_, k := s.named(on)
	return k
}

func (s State) named(on Date) (name, key string) {
	if len(s.dated) == 0 {
		return s.Names.EN, s.OrderKey
	}
	for _, n := range s.dated {
		if n.Contains(on) {
			return n.EN, n.OrderKey
		}
	}
	return "", ""
}

// NamesOverTime lists the recorded English names, oldest first; empty where
// the name has not changed since 2000.
func (s State) NamesOverTime() []DatedName { return slices.Clone(s.dated) }

// States lists all, by ID.
func (w *World) States() []State { return slices.Clone(w.states) }

// State of that ID; false for what is not in the table (see StateID).
func (w *World) State(id StateID) (State, bool) {
	i, ok := w.stateAt[id]
	if !ok {
		return State{}, false
	}
	return w.states[i], true
}

func readState(r *row) State {
	s := State{
		ID:        StateID(r.need("iso3")),
		ISO2:      r.need("iso2"),
		M49:       r.need("m49"),
		Names:     Names{r.need("en"), r.need("fr"), r.need("es"), r.need("ru"), r.need("zh"), r.need("ar")},
		Status:    one(r, "status", MemberState, ObserverState),
		Admitted:  r.date("un_admitted"),
		Admission: Confidence(r.need("un_admitted_source")),
		OrderKey:  r.need("order_key"),
		Group:     one(r, "regional_group", "", GroupAfrican, GroupAsiaPacific, GroupEastern, GroupLatin, GroupWestern),
		Region:    r.need("region"),
		Subregion: r.need("subregion"),
		GW:        r.text("gw"),
		Capital:   r.need("capital"),
		Note:      r.text("note"),
	}
	if p := r.point("capital_lat", "capital_lon"); p != nil {
		s.At = *p
	}
	return s
}

func readDatedName(r *row) DatedName {
	return DatedName{
		state:      StateID(r.need("iso3")),
		Spell:      r.spell(),
		EN:         r.need("en"),
		OrderKey:   r.need("order_key"),
		Note:       r.text("note"),
		Confidence: Confidence(r.need("confidence")),
	}
}
