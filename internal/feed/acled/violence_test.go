package acled

import (
	"testing"

	"github.com/comity/comity/internal/feed"
)

// TestViolence: what ACLED says of event and actors, in both spellings, as a type of
// UCDP's or none.
func TestViolence(t *testing.T) {
	const russia = "Military Forces of Russia (2000-)"
	for _, c := range []struct {
		kind, sub, actor1, inter1, actor2, inter2 string
		want                                      feed.Violence
	}{
		{"Battles", "Armed clash", "", "1", "", "2", feed.StateBased},
		{"Battles", "Armed clash", "", "Rebel group", "", "State forces", feed.StateBased},
		{"Battle-No change of territory", "", "", "1", "", "4", feed.StateBased},
		{"Battles", "Armed clash", "", "1", "", "1", feed.StateBased},
		{"Battles", "Armed clash", russia, "External/Other forces", "", "State forces", feed.StateBased},
		{"Battles", "Armed clash", russia, "8", "", "3", feed.StateBased},
		{"Battles", "Armed clash", "UN: Example Mission", "8", "", "2", feed.NoViolence},
		{"Battles", "Armed clash", "UN: Example Mission", "8", "", "1", feed.NoViolence},
		{"Battles", "Armed clash", "", "Rebel group", "", "Political militia", feed.NonState},
		{"Battles", "Armed clash", "", "4", "", "4", feed.NonState},
		{"Battles", "Armed clash", "", "Rioters", "", "State forces", feed.NoViolence},
		{"Battles", "Armed clash", "", "", "", "", feed.NoViolence},
		{"Battles", "Armed clash", "", "9", "", "1", feed.NoViolence},
		{"Explosions/Remote violence", "Air/drone strike", "", "1", "", "7", feed.OneSided},
		{"Explosions/Remote violence", "Air/drone strike", "", "1", "", "2", feed.StateBased},
		{"Remote violence", "", "", "2", "", "7", feed.OneSided},
		{"Explosions/Remote violence", "Shelling/artillery/missile attack", russia, "8", "", "0", feed.NoViolence},
		{"Violence against civilians", "Attack", "", "3", "", "7", feed.OneSided},
		{"Violence against civilians", "Attack", "", "State forces", "", "Civilians", feed.OneSided},
		{"Violence against civilians", "Attack", "UN: Example Mission", "8", "", "7", feed.OneSided},
		{"Violence against civilians", "Attack", "", "2", "", "", feed.OneSided},
		{"Violence against civilians", "Attack", "", "5", "", "7", feed.NoViolence},
		{"Violence against civilians", "Attack", "", "", "", "7", feed.NoViolence},
		{"Protests", "Excessive force against protesters", "", "6", "", "1", feed.OneSided},
		{"Protests", "Protest with intervention", "", "6", "", "1", feed.NoViolence},
		{"Riots", "Mob violence", "", "5", "", "7", feed.NoViolence},
		{"Strategic developments", "Arrests", "", "1", "", "7", feed.NoViolence},
	} {
		r := &row{}
		r[eventType], r[subEventType], r[actor1], r[inter1], r[actor2], r[inter2] = []byte(c.kind), []byte(c.sub), []byte(c.actor1), []byte(c.inter1), []byte(c.actor2), []byte(c.inter2)
		if got := violence(r); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
