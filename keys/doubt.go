package keys

import (
	"slices"

	"github.com/comity/comity/comity"
)

// Doubt is why entries of a journal may be somebody else's: its organization
// says that a key of the log was in other hands. It does not say that they are.
type Doubt struct {
	Revocation // entries From to To-1, unless witnesses cosigned them before Since

	Number int64       // of the statement that says so
	Date   comity.Time // of that statement
	Reason string      // given in it
}

// Covers reports whether the entry with this index is in doubt.
func (d Doubt) Covers(index int64) bool { return d.From <= index && index < d.To }

// Entries that are in doubt.
func (d Doubt) Entries() int64 { return d.To - d.From }

// Doubts are those that the history's revocations cast, oldest first. What a
// quorum of witnesses had cosigned before Since is out of doubt: Vouched takes
// that away.
func (h History) Doubts() []Doubt {
	var out []Doubt
	for _, s := range h.list {
		for _, r := range s.Revoked {
			d := Doubt{r, s.Number, s.Date, s.Reason}
			same := func(o Doubt) bool {
				return o.Number == d.Number && o.Since == d.Since && o.From == d.From && o.To == d.To
			}
			// A role's two keys, of two kinds, are revoked for the same entries.
			if r.Role == Log && r.From < r.To && !slices.ContainsFunc(out, same) {
				out = append(out, d)
			}
		}
	}
	return out
}

// Vouched is d without the first size entries of the journal, over which a
// quorum of witnesses had cosigned a checkpoint before Since; ok is false if
// nothing of it is left.
func (d Doubt) Vouched(size int64) (left Doubt, ok bool) {
	d.From = max(d.From, size)
	return d, d.From < d.To
}

// Doubts are the entries in doubt of many journals, by domain.
type Doubts map[comity.Domain][]Doubt

// Of an act: the oldest doubt about its entry; nil if there is none.
func (d Doubts) Of(n comity.ActName) *Doubt {
	for _, x := range d[n.Domain] {
		if x.Covers(n.Index) {
			return &x
		}
	}
	return nil
}
