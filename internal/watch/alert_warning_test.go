package watch

import (
	"strings"
	"testing"

	"github.com/comity/comity/internal/feed"
)

// What is offered for a warning counts as people do: of one there is one.
func TestWarningCounts(t *testing.T) {
	d := &Desk{}
	x := Draft{Place: Place{ByCell, "61515"}, Claim: Claim{Deaths: 1, From: feed.Date(2003, 4, 1), To: feed.Date(2003, 6, 30)}}
	x.Evidence.Series = []Point{{At: feed.Date(2003, 3, 1), Count: Count{Best: 1}}}
	x.Evidence.Events = []Stored{{Event: feed.Event{Best: 1, High: 2, To: feed.Date(2003, 3, 2)}, Feed: "ours"}, {Feed: "theirs"}, {Event: feed.Event{Best: 3, To: feed.Date(2003, 3, 2)}, Feed: "ours"}}
	x.Evidence.FalseAlarms = 1
	w := d.warning(x, func(f FeedName) bool { return f == "theirs" })
	all := strings.Join(append(w.Evidence, w.Text), "\n")
	for _, want := range []string{"1 death or more is to be feared", "1 death is recorded in", "1 false alarm here", "1 recent event of the feed theirs", ": 1 death (0 to 2)", ": 3 deaths (0 to 0)"} {
		if !strings.Contains(all, want) {
			t.Errorf("it does not say %q:\n%s", want, all)
		}
	}
}
