package casefile_test

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/keys"
)

// Doubt is said beside what acts did, and changes nothing of it.
func TestDoubtChangesNothing(t *testing.T) {
	now := comity.TimeOf(time.Date(2003, 5, 7, 0, 0, 0, 0, time.UTC))
	f := book(t, `
	un/0 2003-04-01 : open
	un/1 2003-04-10 in un/0 : ask of=au basis=duty source=R/1 due=2003-04-11
	au/0 2003-04-10 in un/0 re answers:un/1 : answer ask=un/1 how=noted
`)
	heads := casefile.Heads{Self: "un.example"}
	sure, ok := f.View(f.Situations()[0], now, heads)
	if !ok || len(sure.Timeline) == 0 || sure.Doubtful != 0 {
		t.Fatalf("the file: %+v", sure)
	}
	digest := f.Digest()
	heads.Doubt = func(comity.ActName) *keys.Doubt { return &keys.Doubt{Reason: "a thief"} }
	doubted, _ := f.View(f.Situations()[0], now, heads)
	if doubted.Doubtful != len(sure.Timeline) || f.Digest() != digest {
		t.Errorf("%d of %d acts are marked; the digest is the same: %v", doubted.Doubtful, len(sure.Timeline), f.Digest() == digest)
	}
	doubted.Doubtful = 0
	for i := range doubted.Timeline {
		if doubted.Timeline[i].Doubt == nil {
			t.Errorf("%s is not marked", doubted.Timeline[i].Name)
		}
		doubted.Timeline[i].Doubt = nil
	}
	for i := range doubted.Asks {
		if doubted.Asks[i].Doubt == nil {
			t.Errorf("the ask %s is not marked", doubted.Asks[i].Ask)
		}
		doubted.Asks[i].Doubt = nil
		for j := range doubted.Asks[i].Addressees {
			doubted.Asks[i].Addressees[j].Doubt = nil
		}
	}
	if d := gocmp.Diff(sure, doubted, gocmp.Comparer(func(a, b casefile.Item) bool { return a.Name == b.Name })); d != "" {
		t.Errorf("doubt changed the file (-without +with):\n%s", d)
	}
}
