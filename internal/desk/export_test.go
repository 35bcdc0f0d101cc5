package desk

import "github.com/comity/comity/comity"

// Hides is hides.
func (l *Ledger) Hides(d comity.Domain, since comity.Time, states ...SealState) bool {
	return l.hides(d, since, states...)
}
