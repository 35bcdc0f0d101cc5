package watch

import (
	"testing"
	"time"

	"github.com/comity/comity/comity"
)

func TestDue(t *testing.T) {
	at := func(s string) time.Time {
		t.Helper()
		v, err := time.Parse("2006-01-02 15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		from, last, failed, now string
		want                    bool
	}{
		{"https://x", "", "", "2025-06-01 00:30", true}, // never read
		{"https://x", "2025-05-31 01:05", "", "2025-06-01 00:59", false},
		{"https://x", "2025-05-31 01:05", "", "2025-06-01 01:00", true},
		{"https://x", "2025-06-01 01:01", "", "2025-06-01 23:59", false},
		{"https://x", "2025-06-01 01:01", "502", "2025-06-01 01:59", false},
		{"https://x", "2025-06-01 01:01", "502", "2025-06-01 02:01", true},
		{"/data/x.csv", "", "", "2025-06-01 12:00", false},
	} {
		s := State{Feed: Feed{From: c.from}, Last: Run{Err: c.failed}}
		if c.last != "" {
			s.Last.Begun = comity.TimeOf(at(c.last))
		}
		if got := s.due(at(c.now)); got != c.want {
			t.Errorf("%+v: due is %t", c, got)
		}
	}
}
