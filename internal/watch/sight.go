package watch

import (
	"cmp"
	"slices"
	"strings"

	"github.com/comity/comity/internal/feed"
)

// Sight is what series and lists need of a version of an event.
type Sight struct {
	ID              int64
	Ref             int64 // see RefOf
	Day             feed.Day
	Country         Country
	Cell            int32
	Violence        feed.Violence
	Gone            bool // a newer version has come: what was counted is taken away
	Low, Best, High int32
}

// SightOf returns what counts of an event.
func SightOf(e *feed.Event, id int64) Sight {
	return Sight{ID: id, Ref: RefOf(e.Key), Day: e.To, Country: CountryOf(e.Country), Cell: e.Cell,
		Violence: e.Violence, Low: e.Low, Best: e.Best, High: e.High}
}

// count is what the sight adds.
func (s *Sight) count() Count {
	c := Count{Events: 1, Low: int64(s.Low), Best: int64(s.Best), High: int64(s.High)}
	if s.Gone {
		return Count{Events: -c.Events, Low: -c.Low, Best: -c.Best, High: -c.High}
	}
	return c
}

// Country is an ISO 3166-1 alpha-3 code as a number, five bits a letter; 0 is none.
type Country int32

// CountryOf returns the number of a code; 0 if it is none.
func CountryOf(iso string) (c Country) {
	if len(iso) != 3 {
		return 0
	}
	for i := range 3 {
		l := iso[i]
		if l < 'A' || l > 'Z' {
			return 0
		}
		c = c<<5 | Country(l-'A'+1)
	}
	return c
}

// String is the code.
func (c Country) String() string {
	if c == 0 {
		return ""
	}
	b := [3]byte{byte(c>>10&31) + 'A' - 1, byte(c>>5&31) + 'A' - 1, byte(c&31) + 'A' - 1}
	return string(b[:])
}

// Spell is a country's membership in an organization, from From until before To.
type Spell struct {
	Organization string
	From, To     feed.Day
}

// Group is the sights of one place.
type Group struct {
	Level  Level // "": the world
	Number int64 // of a country or cell
	Name   string

	all []Sight // sorted
	at  []int32 // those of the group; nil: all. An event is in some ten groups.
}

// Listed reports whether a list of its events is kept. Those of an organization are
// in the lists of its members.
func (g *Group) Listed() bool {
	return g.Level != ByOrganization && !strings.HasPrefix(string(g.Level), "square")
}

// Sights appends those of the group to room, by day, the type of violence, and ID.
func (g *Group) Sights(room []Sight) []Sight {
	if g.at == nil {
		return append(room, g.all...)
	}
	for _, i := range g.at {
		room = append(room, g.all[i])
	}
	return room
}

// Grouper sorts sights into their places.
type Grouper struct {
	Members    map[Country][]Spell
	Situations func(*Sight) []string // that an event belongs to; nil: none
}

// Groups returns the groups of all levels, each in the order of its places. It
// sorts the sights.
func (g Grouper) Groups(all []Sight) []Group {
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, byDay)
	out := []Group{{all: all}}
	named := map[[2]string][]int32{}
	add := func(l Level, name string, i int) {
		k := [2]string{string(l), name}
		named[k] = append(named[k], int32(i))
	}
	for i := range all {
		for _, m := range g.Members[all[i].Country] {
			if m.From <= all[i].Day && all[i].Day < m.To {
				add(ByOrganization, m.Organization, i)
			}
		}
		if g.Situations != nil {
			for _, name := range g.Situations(&all[i]) {
				add(BySituation, name, i)
			}
		}
	}
	out = append(out, split(ByCountry, all, func(s *Sight) int64 { return int64(s.Country) })...)
	out = append(out, split(ByCell, all, func(s *Sight) int64 { return int64(s.Cell) })...)
	for _, side := range Sides {
		out = append(out, split(Square(side), all, func(s *Sight) int64 { return squareOf(side, s.Cell) })...)
	}
	for k, at := range named {
		out = append(out, Group{Level: Level(k[0]), Name: k[1], all: all, at: at})
	}
	slices.SortStableFunc(out, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.Number, b.Number), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// split returns the groups of a level, without what is nowhere. all is in the
// order of days, and so is each group: sights are dealt out, as cards are.
func split(l Level, all []Sight, at func(*Sight) int64) (out []Group) {
	size := map[int64]int{}
	for i := range all {
		size[at(&all[i])]++
	}
	delete(size, 0)
	dealt := make(map[int64]*Group, len(size))
	for i := range all {
		n := at(&all[i])
		if n == 0 {
			continue
		}
		g := dealt[n]
		if g == nil {
			g = &Group{Level: l, Number: n, all: all, at: make([]int32, 0, size[n])}
			dealt[n] = g
		}
		g.at = append(g.at, int32(i))
	}
	for _, g := range dealt {
		out = append(out, *g)
	}
	return out
}

func byDay(a, b Sight) int {
	return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Violence, b.Violence), cmp.Compare(a.ID, b.ID))
}
