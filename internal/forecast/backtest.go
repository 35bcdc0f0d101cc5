package forecast

import "time"

// Window is one origin of a backtest.
type Window struct {
	Last   Month // the last month that may be known
	First  Month // the first month to forecast
	Months int
}

// WindowOf is the window of the challenge that ends with a year: its 12 months,
// forecast with what was known until October of the year before.
func WindowOf(year int) Window {
	return Window{Last: MonthOf(year-1, time.October), First: MonthOf(year, time.January), Months: 12}
}
