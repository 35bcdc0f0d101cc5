package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/comity/comity/internal/forecast"
)

func (a *app) forecastCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "forecast",
		Short: "Forecast deaths by month from their history, and measure how well",
		Long: `Forecasts are predictive distributions of the number of deaths in each month,
from a history of such numbers and from nothing else. They need no folder and
no network. doc/forecast.md says what the model is and where it fails.

A history is a csv file with a header and a line for each series and month:

  country_id,country,iso3,gw,month,ged_sb
  220,Chad,TCD,483,2018-01,12`,
		Example: `  comity forecast run --history history.csv --last 2018-10 --first 2019-01 --out draws.csv
  comity forecast backtest --history history.csv --from 2000 --to 2017`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.forecastRunCmd(), a.forecastBacktestCmd())
	return c
}

func (a *app) forecastRunCmd() *cobra.Command {
	var history, out string
	task := forecast.Task{}
	c := &cobra.Command{
		Use:   "run --history FILE --last MONTH --out FILE",
		Short: "Write draws for each series and month",
		Long: `Forecasts every series of the history that is known in the month --last, and
writes country_id,month,draw,value. What the history says after --last is not
looked at. The draws of a month are equally likely; draws of the same number
belong together over the months, as one course of events.

The same history, flags and seed give the same file.`,
		Example: `  comity forecast run --history history.csv --last 2018-10 --first 2019-01 --months 12 --draws 1000 --seed 1 --out draws.csv`,
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			if task.Last == 0 {
				return usageError{errors.New("--last is needed: the last month that may be known, as 2018-10")}
			}
			if out == "" {
				return usageError{errors.New(`--out is needed: the file to write, or "-" for standard output`)}
			}
			if task.First == 0 {
				task.First = task.Last + 1
			}
			var err error
			if task.Series, err = readHistory(history); err != nil {
				return err
			}
			f, err := forecast.Run(c.Context(), task)
			if err != nil {
				return err
			}
			if n := len(f.Ended); n > 0 {
				fmt.Fprintf(a.err, "%d series are not known in %s and are not forecast: %s\n", n, task.Last, firstFew(f.Ended))
			}
			if out == "-" {
				return forecast.WriteDraws(a.out, f)
			}
			return writeWhole(out, func(w io.Writer) error { return forecast.WriteDraws(w, f) })
		},
	}
	historyFlag(c, &history)
	monthFlag(c, &task.Last, "last", "last `MONTH` that may be known, as 2018-10")
	monthFlag(c, &task.First, "first", "first `MONTH` to forecast (the one after --last)")
	c.Flags().IntVar(&task.Months, "months", 12, "how many months")
	c.Flags().IntVar(&task.Draws, "draws", 1000, "how many draws for each month")
	c.Flags().Uint64Var(&task.Seed, "seed", 1, "seed of what is random")
	c.Flags().StringVar(&out, "out", "", "`FILE` to write, or - for standard output")
	return c
}

func (a *app) forecastBacktestCmd() *cobra.Command {
	var history string
	var from, to, lead, months, every, draws int
	var seed uint64
	var each bool
	c := &cobra.Command{
		Use:   "backtest --history FILE",
		Short: "Forecast windows of the past, and score them beside simple benchmarks",
		Long: `Forecasts windows of the past, each with what was known before it, and prints
how good that was. A window begins every --every months of the years --from to
--to; --lead says how many months its first month comes after the last that is
known. As they come, windows are those of the VIEWS Prediction Challenge: the
12 months of a year, forecast with what was known until October of the year
before.

CRPS and MIS (of the 90 % interval) are in deaths, IGN in bits; less is better.
Coverage is the share of months inside the 90 % interval, among series with
deaths in the last 24 months that were known. The ratio of each is to
conflictology-12, which says that any of the last 12 months may come again.`,
		Example: `  comity forecast backtest --history history.csv --from 2000 --to 2017
  comity forecast backtest --history history.csv --from 2018 --to 2019 --windows
  comity forecast backtest --history history.csv --lead 1 --months 3 --every 3`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			if from > to || lead < 1 || months < 1 || every < 1 || draws < 1 {
				return usageError{errors.New("--from must not come after --to, and --lead, --months, --every and --draws be at least 1")}
			}
			series, err := readHistory(history)
			if err != nil {
				return err
			}
			var windows []forecast.Window
			for m := forecast.MonthOf(from, time.January); m.Year() <= to; m += forecast.Month(every) {
				windows = append(windows, forecast.Window{Last: m - forecast.Month(lead), First: m, Months: months})
			}
			done := a.countWindows(len(windows))
			b, err := forecast.RunBacktest(c.Context(), series, windows, draws, seed, done)
			if err != nil {
				return err
			}
			return printBacktest(a.out, b, each)
		},
	}
	historyFlag(c, &history)
	c.Flags().IntVar(&from, "from", 2000, "first year")
	c.Flags().IntVar(&to, "to", 2017, "last year")
	c.Flags().IntVar(&lead, "lead", 3, "months from the last that is known to the first of a window")
	c.Flags().IntVar(&months, "months", 12, "months in a window")
	c.Flags().IntVar(&every, "every", 12, "months from one window to the next")
	c.Flags().IntVar(&draws, "draws", 1000, "draws for each month; IGN can be compared at equal numbers only")
	c.Flags().Uint64Var(&seed, "seed", 1, "seed of what is random")
	c.Flags().BoolVar(&each, "windows", false, "print each window, too")
	return c
}

// countWindows says on standard error how far a backtest is, once it takes long.
func (a *app) countWindows(all int) func() {
	said, n := time.Now(), 0
	return func() {
		n++
		if now := time.Now(); now.Sub(said) >= plainEvery {
			said = now
			fmt.Fprintf(a.err, "%d of %d windows\n", n, all)
		}
	}
}

func printBacktest(out io.Writer, b *forecast.Backtest, each bool) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	if each {
		fmt.Fprintln(w, "WINDOW\tCRPS\tCONFLICTOLOGY-12\tRATIO\tIGN RATIO\tMIS RATIO\tCOVERAGE\t")
		for _, r := range b.Windows {
			m, c := r.Trials[0].All, r.Trials[1].All
			fmt.Fprintf(w, "%s\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t\n", r.First, m.CRPS, c.CRPS, m.CRPS/c.CRPS, m.IGN/c.IGN, m.MIS/c.MIS, r.Trials[0].Active.Coverage)
		}
		fmt.Fprintln(w, "\t\t\t\t\t\t\t")
	}
	trials := b.Trials()
	fmt.Fprintln(w, "ALL WINDOWS\tCRPS\tRATIO\tIGN\tRATIO\tMIS\tRATIO\tCOVERAGE\tACTIVE CRPS\tIGN\tMIS\t")
	for _, t := range trials {
		m, c, v := t.All, trials[1].All, t.Active
		fmt.Fprintf(w, "%s\t%.4f\t%.4f\t%.4f\t%.4f\t%.2f\t%.4f\t%.4f\t%.3f\t%.4f\t%.2f\t\n",
			t.Name, m.CRPS, m.CRPS/c.CRPS, m.IGN, m.IGN/c.IGN, m.MIS, m.MIS/c.MIS, v.Coverage, v.CRPS, v.IGN, v.MIS)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%d windows, %d months of %d series-windows.\n", len(b.Windows), trials[0].All.N, seriesWindows(b))
	fmt.Fprintf(out, "Geometric mean over windows of the ratio of CRPS: %.4f\n", b.Ratio())
	if o := b.Onset(); o.N > 0 {
		skill := "no skill without an onset"
		if o.Happened > 0 {
			skill = fmt.Sprintf("Brier skill %.4f", o.Skill())
		}
		fmt.Fprintf(out, "Onsets (%d deaths in the first %d months, none in the last 12): %d in %d, %s\n",
			forecast.OnsetDeaths, forecast.OnsetMonths, o.Happened, o.N, skill)
		printBins(out, forecast.OnsetEdges[:], o.Bins[:])
	}
	c := b.Calibration()
	fmt.Fprintf(out, "Months with %d deaths or more, by the probability that was given:\n", forecast.OnsetDeaths)
	printBins(out, forecast.DeadlyEdges[:], c.Deadly[:])
	var all float64
	for _, n := range c.PIT {
		all += n
	}
	fmt.Fprint(out, "Share of what came in each tenth of the distribution, active series:")
	for _, n := range c.PIT {
		fmt.Fprintf(out, " %.3f", n/all)
	}
	fmt.Fprintln(out)
	return nil
}

func seriesWindows(b *forecast.Backtest) (n int) {
	for _, w := range b.Windows {
		n += len(w.Series)
	}
	return n
}

func printBins(out io.Writer, edges []float64, bins []forecast.Bin) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "PROBABILITY\tFORECASTS\tMEAN\tHAPPENED\t")
	for i, b := range bins {
		if b.N == 0 {
			continue
		}
		upTo := 1.0
		if i < len(edges) {
			upTo = edges[i]
		}
		fmt.Fprintf(w, "<= %g\t%d\t%.4f\t%.4f\t\n", upTo, b.N, b.P/float64(b.N), float64(b.Happened)/float64(b.N))
	}
	w.Flush()
}

func historyFlag(c *cobra.Command, to *string) {
	c.Flags().StringVar(to, "history", "", "`FILE` with the history, csv")
}

func monthFlag(c *cobra.Command, to *forecast.Month, name, usage string) {
	c.Flags().Func(name, usage, func(s string) (err error) {
		*to, err = forecast.ParseMonth(s)
		return err
	})
}

func readHistory(name string) ([]forecast.Series, error) {
	if name == "" {
		return nil, usageError{errors.New("--history is needed: a csv file with country_id,country,iso3,gw,month,ged_sb")}
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	series, err := forecast.ReadHistory(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return series, nil
}

// writeWhole writes a file that is there whole or not at all.
func writeWhole(name string, write func(io.Writer) error) error {
	part := name + ".part"
	f, err := os.Create(part)
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(part, name)
	}
	if err != nil {
		os.Remove(part)
	}
	return err
}

// firstFew lists some of many.
func firstFew(ids []forecast.SeriesID) string {
	var b strings.Builder
	for i, id := range ids {
		if i == 5 {
			fmt.Fprintf(&b, " and %d more", len(ids)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(id))
	}
	return b.String()
}
