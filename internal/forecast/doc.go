// Package forecast says how many people will die in political violence, month by
// month, as predictive distributions, from the counts of the past alone.
//
//	f, err := forecast.Run(ctx, forecast.Task{
//		Series: history, Last: last, First: last + 1, Months: 12, Draws: 1000,
//	})
//	f.Series[0].Months[0].Draws // 1,000 equally likely counts for the first month
//	f.Series[0].Chances         // how likely are 25 deaths within three months
//	f.Series[0].Why             // which past episodes it was compared with
//
// A series may be a country, a cell of a grid or anything else that deaths are
// counted in. The model never sees what it is called or where it lies: the same
// history under other names, or in another order, gives the same numbers. It
// never sees a month after Task.Last.
//
// The forecast is a mixture of views: what followed alike moments of all series,
// scaled to the level here and as it was; the last months of the series itself; and
// what lies between. Alike are moments that a quantile regression forest puts into
// the same leaves or, where nobody died for a year, those of about the same risk
// of an outbreak by a logistic regression. Weights and other constants were chosen
// by backtests of windows until 2017; doc/forecast.md says how, and how
// well it does.
//
// RunBacktest measures that: rolling origins, each with nothing known but its
// past, against Benchmarks. ScoreOf has the exact rules of the VIEWS Prediction
// Challenge.
//
// There is no clock, no network and no database in this package.
package forecast
