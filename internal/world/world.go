// Package world holds reference facts about the world of States and
// organizations, and reads them as of a date: who was a member of what, who
// sat in the Security Council and presided, which treaty bound whom, what a
// State was called.
//
// The facts are embedded: tab-separated tables in data, their sources and
// licences in data/SOURCES.md. Everything is read-only and safe for use by
// several goroutines. What Load returns is shared; lists that the methods
// return are the caller's own.
//
//	w, err := world.Load()
//	…
//	on := world.Day(2003, time.April, 11)
//	p, _ := w.President(on)
//	fmt.Println(p.Name, len(w.CouncilMembers(on)), len(w.UniversalCT(on)))
//	// Mexico 15 12
//	for _, m := range w.Members("COMMONWEALTH", on) {
//		if m.Suspended {
//			fmt.Println(m.Name) // Pakistan, Zimbabwe: suspended is not out
//		}
//	}
//
// # Dates
//
// A date may be known to the year or the month only and keeps that precision
// (see Date). A spell is [from, to) and its partial bounds count as their
// first day; an event counts from the last day it may have happened on, so
// that a replay never shows it too early.
//
// # As of a date
//
// Members, MembershipsOf, CouncilMembers, President and InstrumentStatus show
// nothing that is later than the day asked about. Notes do not obey that: they
// are remarks of the editors, for people, and speak of what came later too.
//
// # Confidence
//
// Every fact says how well it is known: "verified: source" was looked up,
// "known" is general knowledge, "unsure" says what of it is in doubt.
package world

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

//go:embed data/*.tsv data/*.json
var files embed.FS

// load reads the embedded tables once. They cannot change, so neither can
// what it returns.
var load = sync.OnceValues(func() (*World, error) { return read(files) })

// Load returns the facts. The first call reads the tables, which takes a few
// milliseconds. It fails only if the tables built into the program are damaged.
func Load() (*World, error) { return load() }

// World is the facts. It does not change.
type World struct {
	states        []State
	orgs          []Organization
	memberships   []Membership
	suspensions   []Suspension
	organs        []Organ
	terms         []Seat
	presidencies  []Presidency
	duties        []Duty
	instruments   []Instrument
	status        map[statusKey]statusRow
	statusSources map[string]string
	chronology    []Entry
	meeting       Meeting

	council       Spell // the time for which members and presidencies are recorded
	stateAt       map[StateID]int
	orgAt         map[OrgID]int
	instrumentAt  map[InstrumentID]int
	membersOf     map[OrgID][]int   // positions in memberships
	membershipsOf map[StateID][]int // positions in memberships
}

// Confidence says how well a fact is known, in words that start with
// "verified", "known" or "unsure" and may go on: "verified: UNTC I.2".
type Confidence string

// Grade is the first word of a Confidence.
type Grade string

// The grades, best first.
const (
	Verified       Grade = "verified"
	VerifiedInPart Grade = "verified in part"
	Known          Grade = "known"
	Unsure         Grade = "unsure"
)

// Grade of c; Unsure for a text that starts with none of the grades.
func (c Confidence) Grade() Grade {
	for _, g := range []Grade{VerifiedInPart, Verified, Known} {
		if strings.HasPrefix(string(c), string(g)) {
			return g
		}
	}
	return Unsure
}

// read parses every table under data in fsys and joins them.
func read(fsys fs.FS) (*World, error) {
	w := &World{
		status:        make(map[statusKey]statusRow),
		statusSources: make(map[string]string),
		stateAt:       make(map[StateID]int),
		orgAt:         make(map[OrgID]int),
		instrumentAt:  make(map[InstrumentID]int),
		membersOf:     make(map[OrgID][]int),
		membershipsOf: make(map[StateID][]int),
	}
	var (
		names   []DatedName
		rows    []statusRow
		sources []statusSource
		err     error
	)
	err = errors.Join(
		table(fsys, "states.tsv", readState, &w.states),
		table(fsys, "state_names.tsv", readDatedName, &names),
		table(fsys, "organizations.tsv", readOrganization, &w.orgs),
		table(fsys, "memberships.tsv", readMembership, &w.memberships),
		table(fsys, "suspensions.tsv", readSuspension, &w.suspensions),
		table(fsys, "organs.tsv", readOrgan, &w.organs),
		table(fsys, "council_terms.tsv", readTerm, &w.terms),
		table(fsys, "presidencies.tsv", readPresidency, &w.presidencies),
		table(fsys, "duties.tsv", readDuty, &w.duties),
		table(fsys, "instruments.tsv", readInstrument, &w.instruments),
		table(fsys, "instrument_status.tsv", readStatus, &rows),
		table(fsys, "status_sources.tsv", readStatusSource, &sources),
		table(fsys, "chronology.tsv", readEntry, &w.chronology),
	)
	if err == nil {
		w.meeting, err = readMeeting(fsys)
	}
	if err == nil {
		err = w.join(names, rows, sources)
	}
	if err != nil {
		return nil, fmt.Errorf("reference facts: %w", err)
	}
	return w, nil
}

func table[T any](fsys fs.FS, name string, read func(*row) T, into *[]T) (err error) {
	*into, err = decode(fsys, name, read)
	return err
}

// join builds the indexes and fills in what one table takes from another. A
// key that another table lacks is an error.
func (w *World) join(names []DatedName, rows []statusRow, sources []statusSource) error {
	slices.SortFunc(w.states, func(a, b State) int { return cmp.Compare(a.ID, b.ID) })
	for i, s := range w.states {
		w.stateAt[s.ID] = i
	}
	for _, n := range names {
		i, ok := w.stateAt[n.state]
		if !ok {
			return fmt.Errorf("state_names.tsv: no State %q", n.state)
		}
		w.states[i].dated = append(w.states[i].dated, n)
	}
	for i, o := range w.orgs {
		w.orgAt[o.ID] = i
	}
	for i := range w.memberships {
		m := &w.memberships[i]
		if _, ok := w.orgAt[m.Org]; !ok {
			return fmt.Errorf("memberships.tsv: no organization %q", m.Org)
		}
		if s, ok := w.State(m.State); ok {
			m.Name = s.Names.EN
		} else if m.Name == "" {
			return fmt.Errorf("memberships.tsv: %q is no State and has no name", m.State)
		}
		w.membersOf[m.Org] = append(w.membersOf[m.Org], i)
		w.membershipsOf[m.State] = append(w.membershipsOf[m.State], i)
	}
	for _, o := range w.organs {
		if _, ok := w.orgAt[o.Org]; !ok {
			return fmt.Errorf("organs.tsv: no organization %q", o.Org)
		}
	}
	for i, p := range w.presidencies {
		s, ok := w.State(p.State)
		if !ok || p.Month.Precision() != PrecisionMonth || i > 0 && p.Month.First() != w.presidencies[i-1].Month.Last().AddDays(1) {
			return fmt.Errorf("presidencies.tsv: %s %s: no such State, or not the month after the one before", p.Month, p.State)
		}
		w.presidencies[i].Name = s.NameOn(p.Month)
	}
	if n := len(w.presidencies); n > 0 {
		w.council = Spell{w.presidencies[0].Month.First(), w.presidencies[n-1].Month.Last().AddDays(1)}
	}
	for i, v := range w.instruments {
		w.instrumentAt[v.ID] = i
	}
	for _, s := range sources {
		w.statusSources[s.id] = s.text
	}
	for _, r := range rows {
		_, known := w.instrumentAt[r.instrument]
		_, cited := w.statusSources[r.source]
		if !known || !cited {
			return fmt.Errorf("instrument_status.tsv: no instrument %q or source %q", r.instrument, r.source)
		}
		w.status[statusKey{r.instrument, r.party}] = r
	}
	for i := range w.chronology {
		if e := &w.chronology[i]; len(e.ActorStates) == 0 && e.Actor != "" {
			e.ActorOrg = OrgID(e.Actor)
			if _, ok := w.orgAt[e.ActorOrg]; !ok {
				return fmt.Errorf("chronology.tsv row %d: no organization %q", e.Seq, e.Actor)
			}
		}
	}
	return nil
}
