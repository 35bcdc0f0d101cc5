package act_test

import (
	"fmt"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
)

// What an officer submits becomes a journal entry: the node writes out the
// effects, and puts whose it is and when it was recorded at the front.
func Example() {
	submitted := []byte(`{"kind":"request.v1","date":"2003-04-11T08:30:00Z",
	  "to":[{"org":"un.example","for":"answer"}],"situation":"ecowas.example/7",
	  "status":"exercise","tlp":"CLEAR","title":"Observers for the crossings",
	  "ask":{"what":"Say whom you can send.","basis":"wish"},
	  "body":{"items":[{"what":"observers","n":12}]},"x-our-file":"K/12"}`)

	a, err := act.Decode(submitted)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range a.Effects {
		fmt.Println(e.Do())
	}
	doc, err := act.ParseDocument(submitted)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := doc.Set("effects", a.Effects); err != nil {
		fmt.Println(err)
		return
	}
	recorded, _ := comity.ParseTime("2003-04-11T09:00:00Z")
	entry, err := act.EncodeEntry(doc.Bytes(), "ecowas.example", recorded)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s…\n", entry[:73])

	e, err := act.DecodeEntry("ecowas.example", entry)
	fmt.Println(err, e.Recorded, e.Act.Title)

	_, err = act.DecodeEntry("un.example", entry)
	fmt.Println(err)
	// Output:
	// ask
	// need
	// {"domain":"ecowas.example","recorded":"2003-04-11T09:00:00Z","kind":"requ…
	// <nil> 2003-04-11T09:00:00Z Observers for the crossings
	// the entry says it is of "ecowas.example" and stands in the journal of un.example
}

// A kind that this version does not know is read all the same; its written
// effects count.
func Example_unknownKind() {
	a, err := act.Decode([]byte(`{"kind":"rumour.v2","date":"2003-04-11","situation":"ecowas.example/7",
	  "status":"exercise","tlp":"CLEAR","title":"Heard at the market","body":{"ears":2},"effects":[{"do":"say"}]}`))
	fmt.Println(err, a.Kind, len(a.Effects), string(a.Body))
	// Output: <nil> rumour.v2 1 {"ears":2}
}

// The effects written in an act must be those of its content.
func Example_contradiction() {
	a, err := act.Decode([]byte(`{"kind":"note.v1","date":"2003-04-11","situation":"ecowas.example/7",
	  "status":"exercise","tlp":"CLEAR","title":"The ferry runs again","effects":[{"do":"close"}]}`))
	fmt.Println(err)
	fmt.Println(a.Contradiction)
	// Output:
	// <nil>
	// the effects written in this act are not those of its content
}
