package world_test

import (
	"fmt"
	"log"
	"time"

	"github.com/comity/comity/internal/world"
)

// The example of the package comment.
func Example() {
	w, err := world.Load()
	if err != nil {
		log.Fatal(err)
	}
	on := world.Day(2003, time.April, 11)
	p, _ := w.President(on)
	fmt.Println(p.Name, len(w.CouncilMembers(on)), len(w.UniversalCT(on)))
	for _, m := range w.Members("COMMONWEALTH", on) {
		if m.Suspended {
			fmt.Println(m.Name)
		}
	}
	// Output:
	// Mexico 15 12
	// Pakistan
	// Zimbabwe
}

// A State has the name of the day.
func ExampleState_NameOn() {
	w, err := world.Load()
	if err != nil {
		log.Fatal(err)
	}
	s, _ := w.State("SRB")
	for _, y := range []int{2002, 2004, 2026} {
		fmt.Println(s.NameOn(world.Day(y, time.January, 1)))
	}
	// Output:
	// Yugoslavia
	// Serbia and Montenegro
	// Serbia
}

// Signature, consent and entry into force for a State are three dates.
func ExampleWorld_InstrumentStatus() {
	w, err := world.Load()
	if err != nil {
		log.Fatal(err)
	}
	for _, day := range []string{"2000-01-09", "2001-01-01", "2002-06-30", "2002-07-30"} {
		on, _ := world.ParseDate(day)
		s, _ := w.InstrumentStatus("FINANCING1999", "USA", on)
		fmt.Printf("%s %s: signed %q, consent %q, in force %q\n", on, s.Stage, s.Signed, s.Consent, s.InForce)
	}
	// Output:
	// 2000-01-09 none: signed "", consent "", in force ""
	// 2001-01-01 signed: signed "2000-01-10", consent "", in force ""
	// 2002-06-30 consented: signed "2000-01-10", consent "2002-06-26", in force ""
	// 2002-07-30 party: signed "2000-01-10", consent "2002-06-26", in force "2002-07-26"
}
