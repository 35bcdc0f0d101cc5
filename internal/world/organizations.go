package world

import (
	"cmp"
	"slices"
	"strings"

	"github.com/comity/comity/comity"
)

// OrgID is the key of an organization, forum or group, as "ECOWAS".
type OrgID string

// Party of the organization, as acts name a body without a journal.
func (o OrgID) Party() comity.Party { return comity.Party(o) }

// Organization is an organization, a forum or a standing group. Texts are of
// 2026 where they bear no date.
type Organization struct {
	ID               OrgID
	Acronym          string
	Name             string
	Kind             string // universal, regional, subregional, defence, dialogue forum, ad hoc group …
	Founded          Date   // signature
	InForce          Date
	Ended            Date // zero while it exists
	Constituent      string
	SeatCity         string
	SeatState        StateID
	SeatAt           *Point // nil without a seat; GeoNames
	Languages        string // BCP 47 codes separated by ";", some with a remark
	Region           string
	RecognizedByAU   bool   // one of the eight regional economic communities recognized by the African Union
	Parent           OrgID  // "" for none
	UNObserver       string // since when and by which decision an observer in the General Assembly
	ChapterVIII      string // yes, implicit, partly, no formal claim, no, contested, via AU, n/a …
	ChapterVIIIBasis string
	SituationRoom    string
	RapidDeployment  string
	CounterTerrorism string // its counter-terrorism body
	Status           string
	Note             string
	Confidence       Confidence
}

// Organizations lists all, the seven of the meeting of 11 April 2003 first.
func (w *World) Organizations() []Organization { return slices.Clone(w.orgs) }

// Organization of that ID.
func (w *World) Organization(id OrgID) (Organization, bool) {
	i, ok := w.orgAt[id]
	if !ok {
		return Organization{}, false
	}
	return w.orgs[i], true
}

// MembershipKind is what a member is called in its organization.
type MembershipKind string

// The kinds.
const (
	FullMember         MembershipKind = "full"
	AssociateMember    MembershipKind = "associate"
	ParticipatingState MembershipKind = "participating State" // OSCE
	Participant        MembershipKind = "participant"
)

// Membership is one spell of membership, with all that is known about it.
type Membership struct {
	Org       OrgID
	State     StateID
	Name      string // today's English name
	Kind      MembershipKind
	Qualifier string // "does not take part", "status contested" …
	Spell            // To is the day on which membership ended
	// Checked says for two days, as looked up, whether it was a member (not
	// an associate of the Commonwealth of Independent States) then.
	Checked    Checked
	Note       string
	Confidence Confidence
}

// Checked holds what a source said about two days.
type Checked struct{ On20030411, On20260630 bool }

// Suspension is one spell of suspension, exclusion or self-suspension. A
// suspended member is still a member.
type Suspension struct {
	Org   OrgID
	State StateID
	Spell // a zero To was open when last checked, in early 2026
	// Kind in words: "suspended from councils", "seat left vacant" …
	Kind       string
	Note       string
	Confidence Confidence
}

// Member is a membership as it stood on a day; it shows nothing later.
type Member struct {
	Org   OrgID
	State StateID
	Name  string // on that day
	Kind  MembershipKind
	Since Date // zero where not known
	// Sure is false where a bound known only to the month or year, or not at
	// all, leaves room for doubt about that day.
	Sure bool
	// Suspended is not out: the member is listed, and does not take part in
	// what it is suspended from.
	Suspended      bool
	SuspendedSince Date
	SuspensionKind string
	Confidence     Confidence
}

// Members of org on that day, in the English order of the day; nil for an
// organization whose members are not recorded.
func (w *World) Members(org OrgID, on Date) []Member {
	out := w.members(w.membersOf[org], on)
	slices.SortFunc(out, func(a, b Member) int {
		return cmp.Or(cmp.Compare(w.orderKey(a.State, a.Name, on), w.orderKey(b.State, b.Name, on)), cmp.Compare(a.State, b.State))
	})
	return out
}

// MembershipsOf lists the organizations to which the State belonged on that
// day, by their ID.
func (w *World) MembershipsOf(state StateID, on Date) []Member {
	out := w.members(w.membershipsOf[state], on)
	slices.SortFunc(out, func(a, b Member) int { return cmp.Compare(a.Org, b.Org) })
	return out
}

// MembershipSpells lists every spell of the State in org, with notes,
// qualifiers and ends, whatever their date. It is for people who look into
// the history of one membership, not for a replay.
func (w *World) MembershipSpells(org OrgID, state StateID) []Membership {
	var out []Membership
	for _, i := range w.membersOf[org] {
		if w.memberships[i].State == state {
			out = append(out, w.memberships[i])
		}
	}
	slices.SortFunc(out, func(a, b Membership) int { return a.From.Compare(b.From) })
	return out
}

// Suspensions lists every spell of suspension in org, whatever its date, by
// start.
func (w *World) Suspensions(org OrgID) []Suspension {
	var out []Suspension
	for _, s := range w.suspensions {
		if s.Org == org {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b Suspension) int { return a.From.Compare(b.From) })
	return out
}

// members turns those of the spells at index that hold on that day into
// Members.
func (w *World) members(index []int, on Date) []Member {
	var out []Member
	for _, i := range index {
		m := w.memberships[i]
		if !m.Contains(on) {
			continue
		}
		v := Member{Org: m.Org, State: m.State, Name: m.Name, Kind: m.Kind, Since: m.From, Sure: m.Sure(on), Confidence: m.Confidence}
		if s, ok := w.State(m.State); ok {
			v.Name = s.NameOn(on)
		}
		for _, s := range w.suspensions {
			if s.Org == m.Org && s.State == m.State && s.Contains(on) {
				v.Suspended, v.SuspendedSince, v.SuspensionKind = true, s.From, s.Kind
				v.Sure = v.Sure && s.Sure(on)
			}
		}
		out = append(out, v)
	}
	return out
}

// orderKey of a State on a day, or its name if it is not in the table.
func (w *World) orderKey(id StateID, name string, on Date) string {
	if s, ok := w.State(id); ok {
		return s.OrderKeyOn(on)
	}
	return strings.ToUpper(name)
}

func readOrganization(r *row) Organization {
	return Organization{
		ID:               OrgID(r.need("org")),
		Acronym:          r.need("acronym"),
		Name:             r.need("en"),
		Kind:             r.need("kind"),
		Founded:          r.date("founded"),
		InForce:          r.date("in_force"),
		Ended:            r.date("ended"),
		Constituent:      r.text("constituent"),
		SeatCity:         r.text("seat_city"),
		SeatState:        StateID(r.text("seat_state")),
		SeatAt:           r.point("seat_lat", "seat_lon"),
		Languages:        r.need("languages"),
		Region:           r.need("region"),
		RecognizedByAU:   r.yes("au_rec"),
		Parent:           OrgID(r.text("parent")),
		UNObserver:       r.text("un_observer"),
		ChapterVIII:      r.need("chapter_viii"),
		ChapterVIIIBasis: r.text("chapter_viii_basis"),
		SituationRoom:    r.text("situation_room"),
		RapidDeployment:  r.text("rapid_deployment"),
		CounterTerrorism: r.text("counter_terrorism_body"),
		Status:           r.need("status"),
		Note:             r.text("note"),
		Confidence:       Confidence(r.need("confidence")),
	}
}

func readMembership(r *row) Membership {
	return Membership{
		Org:        OrgID(r.need("org")),
		State:      StateID(r.need("state")),
		Name:       r.text("name"),
		Kind:       one(r, "kind", FullMember, AssociateMember, ParticipatingState, Participant),
		Qualifier:  r.text("qualifier"),
		Spell:      r.spell(),
		Checked:    Checked{r.yes("checked_2003_04_11"), r.yes("checked_2026_06_30")},
		Note:       r.text("note"),
		Confidence: Confidence(r.need("confidence")),
	}
}

func readSuspension(r *row) Suspension {
	return Suspension{
		Org:        OrgID(r.need("org")),
		State:      StateID(r.need("state")),
		Spell:      r.spell(),
		Kind:       r.need("kind"),
		Note:       r.text("note"),
		Confidence: Confidence(r.need("confidence")),
	}
}
