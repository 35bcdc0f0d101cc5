package sources_test

import (
	"strings"
	"testing"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/sources"
)

func TestAll(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range sources.All() {
		if seen[a.Name] || a.Name == "" || a.Title == "" || a.Licence == "" {
			t.Errorf("adapter %q, %q, licence %q", a.Name, a.Title, a.Licence)
		}
		seen[a.Name] = true
		if found, err := sources.Find(a.Name); err != nil || found.Title != a.Title {
			t.Errorf("%s is not found: %v", a.Name, err)
		}
		for _, text := range []string{"\x00", "{", "<", strings.Repeat("[", 1e6), strings.Repeat("<a>", 1e6)} {
			if r, err := a.Open(strings.NewReader(text), feed.Options{}); err == nil {
				if err := r.Next(&feed.Event{}); err == nil {
					t.Errorf("%s makes an event of %.10q", a.Name, text)
				}
			}
		}
	}
	if _, err := sources.Find("x"); err == nil || !strings.Contains(err.Error(), "ucdp-ged") {
		t.Errorf("what is not there: %v", err)
	}
}
