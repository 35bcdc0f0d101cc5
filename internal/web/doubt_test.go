package web

import (
	"strings"
	"testing"

	"github.com/comity/comity/comity"
)

// An act of which it is in doubt whose it is bears the mark, in shape and word,
// wherever it stands or is cited, and on its own page the reason. Others do not.
func TestDoubtIsMarked(t *testing.T) {
	x := newTestSite(t)
	reads := func(path string) string { return text(checkPage(t, path, x.as("releasing", "GET", path, nil))) }
	doubtful := comity.ActName{Domain: "au.example", Index: 2} // leads, and deploys
	const mark = "▽ in doubt"
	for path, wants := range map[string][]string{
		actURL(doubtful): {mark, "no quorum of witnesses is known here to have cosigned it before 12 April 2003", "What it did to the file stays",
			"Reason given, in statement 1 of the keys, of 6 May 2003, 10:00 UTC: the disk of the old machine was stolen"},
		fileURL(x.file): {"Of 4 acts of this file it is in doubt whose they are", "au.example/2 " + mark, "answered, and acted on " + mark, "African Union au.example/2 " + mark},
		"/peers":        {mark + " 3 entries"},
		"/peers/au.example": {"Entries in doubt", mark + " 3 entries, au.example/0 to au.example/2",
			"The key may have been in other hands since 12 April 2003.", "the disk of the old machine was stolen"},
		"/record":         {"Entries in doubt", mark + " 1 entry, un.example/3", "a copy of the folder was lost"},
		actURL(x.warning): {"au.example/0 " + mark},
		"/find?q=Twelve":  {mark},
	} {
		got := reads(path)
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s does not say %q\n%s", path, want, got)
			}
		}
	}
	if got := reads(actURL(comity.ActName{Domain: "ecowas.example"})); strings.Contains(got, "cosigned it before") {
		t.Error("the page of an act that is not in doubt says that it is")
	}
	arabic := reads(actURL(doubtful) + "?lang=ar")
	if !strings.Contains(arabic, "▽ موضع شك") || strings.Contains(arabic, "cosigned") {
		t.Errorf("the Arabic page of an act in doubt\n%s", arabic)
	}
}

// Where the newest act of a file is in doubt the board says so.
func TestDoubtOnTheBoard(t *testing.T) {
	x := newTestSite(t)
	reads := func(path string) string { return text(checkPage(t, path, x.as("releasing", "GET", path, nil))) }
	before := strings.Count(reads("/board"), "▽ in doubt")
	for d, all := range x.doubts {
		all[0].From, all[0].To = 0, 1000
		x.doubts[d] = all
	}
	after := strings.Count(reads("/board"), "▽ in doubt")
	if after <= before {
		t.Errorf("with every act of three houses in doubt the board has %d marks, before %d", after, before)
	}
}
