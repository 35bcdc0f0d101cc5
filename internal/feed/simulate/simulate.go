// Package simulate makes up events for exercises and demonstrations: places that
// are quiet for years, bursts that decay, contagion between neighbours, heavy
// tails of deaths, dates and places known to a degree, and revisions. The same
// Options give the same bytes.
//
// What it writes has the columns of a UCDP GED file and is read by ucdp.GED, but
// every name in it begins with EXERCISE, and no place, actor or source is real.
package simulate

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/world"
)

// Mark stands at the beginning of every name.
const Mark = "EXERCISE"

// Options of an exercise. Zero values of all but Seed mean what is said.
type Options struct {
	Seed     uint64
	From, To feed.Month // inclusive; 0: the 20 years that end with 2019
	Places   []Place    // nil: Fictitious(24)
	Rate     float64    // mean events in the first week of a burst; 0: 6
	// Release counts editions of the same events. In each after the first, 0, up to
	// a tenth of them is revised.
	Release int
	Rows    int // at most so many; 0: as many as come
}

// Place is where events happen. Neighbours are the places next before and after
// it in the list.
type Place struct {
	Name     string // without Mark
	GW       int    // country_id; one from 9000 on is that of no State
	Lat, Lon float64
	Spread   float64 // degrees around it
}

// Fictitious returns places that are nowhere: in the South Atlantic, of no State.
func Fictitious(n int) []Place {
	first := []string{"North", "South", "East", "West", "Upper", "Lower"}
	second := []string{"Aldan", "Brena", "Corvia", "Dastan", "Elmora", "Farun", "Gelta", "Hurland"}
	out := make([]Place, n)
	for i := range out {
		out[i] = Place{
			Name: fmt.Sprintf("%s %s", first[i%len(first)], second[i/len(first)%len(second)]),
			GW:   9001 + i, Lat: -48 + 3*float64(i/6%8), Lon: -30 + 4*float64(i%6), Spread: 1,
		}
		if k := i / (len(first) * len(second)); k > 0 {
			out[i].Name += fmt.Sprint(" ", k+1)
		}
	}
	return out
}

// atlas is every place that has a position of its own.
var atlas = Fictitious(48)

// NameNear is the name, with Mark, of the fictitious place to which a point belongs;
// ok is false where there is none.
func NameNear(lat, lon float64) (name string, ok bool) {
	nearest := 1.5 // degrees north or south, half as far as the next
	for _, p := range atlas {
		if d := max(math.Abs(p.Lat-lat), math.Abs(p.Lon-lon)*0.75); d < nearest {
			name, nearest, ok = Mark+" "+p.Name, d, true
		}
	}
	return name, ok
}

// On returns places at the capitals of States, for an exercise that needs a map
// of the world. Names of States do not appear in them.
func On(states []world.State) []Place {
	out := Fictitious(len(states))
	for i, s := range states {
		out[i].Lat, out[i].Lon, out[i].Spread = s.At.Latitude, s.At.Longitude, 0.8
		if _, err := fmt.Sscan(s.GW, &out[i].GW); err != nil {
			out[i].GW = 0
		}
	}
	return out
}

// Write writes a file of events, by date.
func Write(w io.Writer, o Options) error {
	if o.From == 0 && o.To == 0 {
		o.From, o.To = feed.MonthOf(2000, 1), feed.MonthOf(2019, 12)
	}
	if o.Places == nil {
		o.Places = Fictitious(24)
	}
	if o.Rate == 0 {
		o.Rate = 6
	}
	if o.From > o.To || len(o.Places) == 0 || !(o.Rate > 0 && o.Rate <= 1e6) || o.Release < 0 {
		return fmt.Errorf("no exercise: months %s to %s, %d places, rate %v, release %d", o.From, o.To, len(o.Places), o.Rate, o.Release)
	}
	out := bufio.NewWriterSize(w, 1<<20)
	if _, err := out.WriteString(header + "\n"); err != nil {
		return err
	}
	s := newStory(o)
	rows := 0
	var line []byte
	for week := o.From.First().Week(); week <= o.To.First(); week += 7 {
		for _, i := range s.step() {
			for n := poisson(s.rand, s.level[i]); n > 0; n-- {
				e := s.event(i, week)
				if line = e.append(line[:0]); e.to < o.From.First() || e.to.Month() > o.To {
					continue
				}
				if _, err := out.Write(line); err != nil {
					return err
				}
				if rows++; rows == o.Rows {
					return out.Flush()
				}
			}
		}
	}
	return out.Flush()
}

// story is the course of the exercise.
type story struct {
	Options
	rand    *rand.Rand
	level   []float64 // mean events of a week, by place
	decay   []float64 // of the burst that runs, by week
	hostile []float64 // how ready a place is for a burst; most are hardly
	order   []int
	next    int // number of the next event
}

func newStory(o Options) *story {
	n := len(o.Places)
	s := &story{Options: o, rand: rand.New(rand.NewPCG(o.Seed, 0)), level: make([]float64, n), decay: make([]float64, n), hostile: make([]float64, n), next: 1}
	for i := range s.hostile {
		s.order = append(s.order, i)
		s.hostile[i] = 0.0002
		if s.rand.Float64() < 0.4 {
			s.hostile[i] = 0.006
		}
	}
	return s
}

// step goes on by a week, and returns the places in the order in which they are
// told.
func (s *story) step() []int {
	before := append([]float64(nil), s.level...)
	for i := range s.level {
		s.level[i] *= s.decay[i]
		if s.level[i] < 0.02 {
			s.level[i] = 0
		}
		chance := s.hostile[i]
		for _, j := range []int{i - 1, i + 1} {
			if j >= 0 && j < len(before) && before[j] > 1 {
				chance += 0.01 // contagion
			}
		}
		if s.rand.Float64() < chance {
			s.level[i] += s.Rate * math.Exp(0.8*s.rand.NormFloat64())
			s.decay[i] = 0.85 + 0.145*s.rand.Float64()
		}
	}
	return s.order
}

func poisson(r *rand.Rand, mean float64) int {
	if mean > 30 { // near enough, and it takes no longer for large means
		return max(0, int(math.Round(mean+math.Sqrt(mean)*r.NormFloat64())))
	}
	n, p := 0, r.Float64()
	for limit := math.Exp(-mean); p > limit; n++ {
		p *= r.Float64()
	}
	return n
}

// event makes up what happened in a week at a place.
func (s *story) event(i int, week feed.Day) event {
	p := s.Places[i]
	e := event{id: s.next, place: p, violence: feed.StateBased, from: week + feed.Day(s.rand.IntN(7)), datePrec: 1, wherePrec: 1 + s.rand.IntN(2)}
	s.next++
	own := rand.New(rand.NewPCG(s.Seed, uint64(e.id))) // so that a revision changes nothing else
	switch x := own.Float64(); {
	case x > 0.9:
		e.violence = feed.OneSided
	case x > 0.75:
		e.violence = feed.NonState
	}
	e.to = e.from
	switch x := own.Float64(); {
	case x > 0.98:
		e.to, e.datePrec = e.from+feed.Day(20+own.IntN(40)), 4
	case x > 0.85:
		e.to, e.datePrec = e.from+feed.Day(1+own.IntN(5)), 2
	}
	e.lat, e.lon = p.Lat+p.Spread*own.NormFloat64()/2, p.Lon+p.Spread*own.NormFloat64()/2
	e.lat, e.lon = min(max(e.lat, -89.9), 89.9), min(max(e.lon, -179.9), 179.9)
	e.town, e.front = own.IntN(12), own.IntN(3)
	e.best = int(math.Exp(0.4 + 1.3*own.NormFloat64()))
	e.low, e.high = e.best-own.IntN(1+e.best/3), e.best+own.IntN(2+e.best/2)
	for release := 1; release <= s.Release; release++ {
		if again := rand.New(rand.NewPCG(s.Seed+uint64(release), uint64(e.id))); again.Float64() < 0.1 {
			e.best += again.IntN(3 + e.best/2)
			e.high = max(e.high, e.best)
			e.low = min(e.low, e.best)
		}
	}
	return e
}

const header = "id,relid,year,active_year,code_status,type_of_violence,conflict_dset_id,conflict_new_id,conflict_name,dyad_dset_id,dyad_new_id,dyad_name," +
	"side_a_dset_id,side_a_new_id,side_a,side_b_dset_id,side_b_new_id,side_b,number_of_sources,source_article,source_office,source_date,source_headline," +
	"source_original,where_prec,where_coordinates,where_description,adm_1,adm_2,latitude,longitude,geom_wkt,priogrid_gid,country,country_id,region," +
	"event_clarity,date_prec,date_start,date_end,deaths_a,deaths_b,deaths_civilians,deaths_unknown,best,high,low,gwnoa,gwnob"

// event is a row.
type event struct {
	id                  int
	place               Place
	violence            feed.Violence
	from, to            feed.Day
	datePrec, wherePrec int
	lat, lon            float64
	town, front         int
	low, best, high     int
}

// append writes the row behind b.
func (e *event) append(b []byte) []byte {
	name := strings.ReplaceAll(e.place.Name, `"`, "'")
	a, with, kind := Mark+" Government of "+name, fmt.Sprintf("%s Front %d of %s", Mark, e.front+1, name), "Government"
	switch e.violence {
	case feed.NonState:
		a, kind = fmt.Sprintf("%s Militia of %s", Mark, name), "Land"
	case feed.OneSided:
		a, with, kind = with, Mark+" Civilians", "Civilians"
	}
	conflict, town := e.place.GW*10+int(e.violence), fmt.Sprintf("%s Town %d", Mark, e.town+1)
	headline := fmt.Sprintf("%s %d reported dead near %s", Mark, e.best, town)
	b = fmt.Appendf(b, `%d,EXE-%d-%d-%d,%d,1,Clear,%d,%d,%d,"%s %s: %s",%d,%d,"%s - %s",%d,%d,"%s",%d,%d,"%s",`,
		e.id, e.from.Time().Year(), conflict, e.id, e.from.Time().Year(), e.violence, conflict, conflict, Mark, name, kind,
		conflict*10+e.front, conflict*10+e.front, a, with, e.place.GW, e.place.GW, a, e.place.GW+5000+e.front, e.place.GW+5000+e.front, with)
	b = fmt.Appendf(b, `1,"""%s Agency,%s,%s""","%s Agency",%s,"%s","%s local officials",`, Mark, e.from, headline, Mark, e.from, headline, Mark)
	b = fmt.Appendf(b, `%d,"%s","near %s","%s Province","%s District %d",%.6f,%.6f,POINT (%.6f %.6f),%d,"%s %s",%d,"%s Region",`,
		e.wherePrec, town, town, Mark, Mark, e.town/3+1, e.lat, e.lon, e.lon, e.lat, feed.CellAt(e.lat, e.lon), Mark, name, e.place.GW, Mark)
	return fmt.Appendf(b, "1,%d,%s 00:00:00.000,%s 00:00:00.000,%d,%d,%d,0,%d,%d,%d,%d,\n",
		e.datePrec, e.from, e.to, e.best/3, e.best/3, e.best-2*(e.best/3), e.best, e.high, e.low, e.place.GW)
}
