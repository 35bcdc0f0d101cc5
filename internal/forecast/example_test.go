package forecast_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/comity/comity/internal/forecast"
)

func ExampleRun() {
	history, err := forecast.ReadHistory(strings.NewReader(`country_id,country,month,ged_sb
7,Quiet,2018-11,0
7,Quiet,2018-12,0
12,At war,2018-11,30
12,At war,2018-12,30
`))
	if err != nil {
		log.Fatal(err)
	}
	last, err := forecast.ParseMonth("2018-12")
	if err != nil {
		log.Fatal(err)
	}
	f, err := forecast.Run(context.Background(), forecast.Task{
		Series: history, Last: last, First: last + 1, Months: 3, Draws: 1000,
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range f.Series {
		m := s.Months[0]
		fmt.Printf("%s, %s: %.0f, between %.0f and %.0f; lacks %q\n", s.Name, m.Month, m.Median, m.Low, m.High, s.Why.Lacks)
	}
	// Output:
	// Quiet, 2019-01: 0, between 0 and 0; lacks ["history" "deaths" "analogs"]
	// At war, 2019-01: 29, between 20 and 42; lacks ["history" "analogs"]
}
