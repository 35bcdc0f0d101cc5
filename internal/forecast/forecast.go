package forecast

// Forecast is what Run says.
type Forecast struct {
	Series []SeriesForecast
}

// SeriesForecast is the forecast of one series.
type SeriesForecast struct {
	ID     SeriesID
	Months []MonthForecast
}

// MonthForecast is the predictive distribution of one month.
type MonthForecast struct {
	Month Month
	Draws []float64
}
