package watch

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/comity/comity/internal/feed"
)

// The events of a place are listed in leaves: blobs of at most about MaxLeaf
// events in the order of their last day, each as varints of the days since the
// one before and of how far its ID is from that one's.

// Posting is an event in the list of a place.
type Posting struct {
	Day feed.Day
	ID  int64
}

// Compare orders by day, then ID.
func (p Posting) Compare(q Posting) int {
	return cmp.Or(cmp.Compare(p.Day, q.Day), cmp.Compare(p.ID, q.ID))
}

// MaxLeaf is how many events a leaf holds before it is cut in two.
const MaxLeaf = 4096

// Leaf is the postings from the day First on, until the next leaf's.
type Leaf struct {
	First feed.Day
	Blob  []byte
}

var errLeaf = errors.New("a list of events is damaged: count the feed's events anew")

// Postings reads a leaf, in order.
func (l Leaf) Postings() ([]Posting, error) {
	var out []Posting
	p, b := Posting{Day: early}, l.Blob
	for len(b) > 0 {
		day, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errLeaf
		}
		id, m := binary.Varint(b[n:])
		if m <= 0 {
			return nil, errLeaf
		}
		b = b[n+m:]
		p.Day += feed.Day(day)
		p.ID += id
		out = append(out, p)
	}
	return out, nil
}

// EarliestDay is the First of a place's first leaf.
const EarliestDay = feed.Day(early)

// Relist returns the leaves that replace old ones, which follow each other, with
// what sights, in the order of days, add and take away. The first keeps its First.
func Relist(old []Leaf, sights []Sight) ([]Leaf, error) {
	first := EarliestDay
	var all []Posting
	for i, l := range old {
		if i == 0 && len(sights) > 0 && l.First <= sights[0].Day {
			first = l.First // else nothing lies before
		}
		ps, err := l.Postings()
		if err != nil {
			return nil, err
		}
		all = append(all, ps...)
	}
	var gone map[int64]bool
	for i := range sights {
		if s := &sights[i]; s.Gone {
			if gone == nil {
				gone = map[int64]bool{}
			}
			gone[s.ID] = true
		} else {
			all = append(all, Posting{s.Day, s.ID})
		}
	}
	if !slices.IsSortedFunc(all, Posting.Compare) {
		slices.SortFunc(all, Posting.Compare)
	}
	all = slices.DeleteFunc(all, func(p Posting) bool { return gone[p.ID] })
	var out []Leaf
	for len(all) > 0 {
		n := len(all)
		if n > MaxLeaf {
			// Half full, so that what comes next has room; all of a day stay together.
			for n = MaxLeaf / 2; n < len(all) && all[n].Day == all[n-1].Day; n++ {
			}
		}
		if len(out) > 0 {
			first = all[0].Day
		}
		out = append(out, Leaf{first, appendPostings(nil, all[:n])})
		all = all[n:]
	}
	return out, nil
}

func appendPostings(b []byte, all []Posting) []byte {
	last := Posting{Day: early}
	for _, p := range all {
		b = binary.AppendUvarint(b, uint64(p.Day-last.Day))
		b = binary.AppendVarint(b, p.ID-last.ID)
		last = p
	}
	return b
}
