package watch

import (
	"sync"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/world"
)

// Members lists the spells of membership of each country, full members only. An
// organization is named as acts name one without a journal: "ECOWAS".
var Members = sync.OnceValues(func() (map[Country][]Spell, error) {
	w, err := world.Load()
	if err != nil {
		return nil, err
	}
	out := map[Country][]Spell{}
	for _, org := range w.Organizations() {
		for _, state := range w.States() {
			for _, m := range w.MembershipSpells(org.ID, state.ID) {
				c := CountryOf(string(m.State))
				if m.Kind != world.FullMember || c == 0 {
					continue
				}
				s := Spell{Organization: string(m.Org), From: EarliestDay, To: Forever}
				if !m.From.IsZero() {
					s.From = feed.DayOf(m.From.First().Time())
				}
				if !m.To.IsZero() {
					s.To = feed.DayOf(m.To.First().Time())
				}
				out[c] = append(out[c], s)
			}
		}
	}
	return out, nil
})
