package casefile_test

import (
	"fmt"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
)

// An organization opens a file and asks two others; one of them takes it up.
func ExampleBook() {
	entries := []struct {
		journal comity.Domain
		entry   string
	}{
		{"ecowas.example", `{"domain":"ecowas.example","recorded":"2003-04-10T08:00:00Z","kind":"situation.v1","date":"2003-04-10",
			"status":"exercise","tlp":"CLEAR","title":"The situation along the Sava river","effects":[{"do":"open"}]}`},
		{"ecowas.example", `{"domain":"ecowas.example","recorded":"2003-04-11T08:00:00Z","kind":"note.v1","date":"2003-04-11",
			"situation":"ecowas.example/0","status":"exercise","tlp":"CLEAR","title":"The crossings",
			"to":[{"org":"un.example","for":"answer"},{"org":"au.example","for":"answer"}],
			"ask":{"what":"Can observers be sent?","basis":"wish","due":"2003-04-14"},
			"effects":[{"do":"ask","of":[{"org":"un.example"},{"org":"au.example"}],"basis":"wish","due":"2003-04-14T00:00:00Z"},{"do":"say"}]}`},
	}
	var items []casefile.Item
	index := map[comity.Domain]int64{}
	add := func(journal comity.Domain, entry []byte) comity.Ref {
		e, err := act.DecodeEntry(journal, entry)
		if err != nil {
			fmt.Println(err)
			return comity.Ref{}
		}
		name := comity.ActName{Domain: journal, Index: index[journal]}
		index[journal]++
		items = append(items, casefile.Item{Name: name, Leaf: comity.LeafHash(entry), Act: e.Act})
		return comity.Ref{Act: name, Leaf: comity.LeafHash(entry)}
	}
	var ask comity.Ref
	for _, e := range entries {
		ask = add(e.journal, []byte(e.entry))
	}
	add("un.example", fmt.Appendf(nil, `{"domain":"un.example","recorded":"2003-04-12T08:00:00Z","kind":"answer.v1","date":"2003-04-12",
		"situation":"ecowas.example/0","re":[{"act":%q,"leaf":%q,"how":"answers"}],"status":"exercise","tlp":"CLEAR",
		"title":"Twelve observers will be sent","body":{"how":"act"},"effects":[{"do":"answer","ask":%q,"how":"act"}]}`, ask.Act, ask.Leaf, ask.Act))

	b := casefile.NewBook()
	b.Add(items...) // as they arrive

	now, _ := comity.ParseTime("2003-04-16")
	v, _ := b.View(b.Situations()[0], now, casefile.Heads{Self: "ecowas.example", Heard: map[comity.Domain]comity.Time{"au.example": now, "un.example": now}})
	fmt.Println(v.Title)
	for _, a := range v.Asks {
		for _, x := range a.Addressees {
			fmt.Printf("%s to %s: %s since %s, %d days\n", a.What, x.Org, x.Standing, x.Since, x.Days)
		}
	}
	// Output:
	// The situation along the Sava river
	// Can observers be sent? to un.example: answered since 2003-04-12T08:00:00Z, 0 days
	// Can observers be sent? to au.example: unanswered since 2003-04-14T00:00:00Z, 2 days
}
