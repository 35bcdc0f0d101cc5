package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

func (a *app) watchCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "watch",
		Short: "Forecast, evaluate rules, and list what they drafted",
		Long: `A running node forecasts and evaluates its rules each night. These commands do
the same at once, and show what came of it. All of it stays inside the node: a
warning is written, marked and signed by an officer, on the pages.`,
		Example: `  comity watch run
  comity watch drafts`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.watchRunCmd(), a.watchDraftsCmd(), a.watchRulesCmd(), a.watchTryCmd(), a.watchBackcastCmd(), a.watchEnterCmd())
	return c
}

func (a *app) watchRunCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "run",
		Short:   "Forecast and evaluate all rules now",
		Example: `  comity watch run --dir /var/lib/comity`,
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			night, err := n.Watch.RunNow(c.Context(), operator)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "New forecasts: %d. Rules at places: %d. Drafts: %d.\n", night.Forecasts, night.Evaluated, night.Drafted)
			if night.Late > 0 {
				fmt.Fprintf(a.out, "At %d of them no rule can fire: the data end so long ago that what it would warn of is past. \"comity feed list\" says which are old.\n", night.Late)
			}
			if night.Err != "" {
				return errors.New(night.Err)
			}
			return nil
		},
	}
}

func (a *app) watchDraftsCmd() *cobra.Command {
	var state string
	c := &cobra.Command{
		Use:   "drafts",
		Short: "List the warnings that rules drafted",
		Example: `  comity watch drafts
  comity watch drafts --state lapsed`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			all, err := n.Watch.Drafts(c.Context(), operator, nil, watch.DraftState(state), 1000)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				fmt.Fprintln(a.out, "There are none. What a rule drafts when it fires appears here until an officer issues or dismisses it, or it lapses.")
			}
			for _, d := range all {
				mark := ""
				if d.Exercise {
					mark = "EXERCISE  "
				}
				fmt.Fprintf(a.out, "%s%d  %s  %s %s  %s  TLP:%s  drafted %s, lapses %s\n", mark, d.ID, d.State, d.Place.Level, d.Place.Name, d.RuleName, d.TLP, d.At, d.Lapses)
			}
			return nil
		},
	}
	c.Flags().StringVar(&state, "state", string(watch.Waiting), "waiting, taken, issued, dismissed or lapsed; empty: all")
	return c
}

func (a *app) watchRulesCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "rules",
		Short:   "List the rules, and how they did",
		Example: `  comity watch rules`,
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			all, err := n.Watch.Rules(c.Context(), operator)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				fmt.Fprintln(a.out, "There are none. An officer writes them on the page Rules.")
			}
			for _, r := range all {
				state := ""
				if r.Paused {
					state = "  paused"
				}
				fmt.Fprintf(a.out, "%d  %s  %s >= %g%s\n    %s, %s, %d averted, %d open, %s; at %s\n",
					r.ID, r.Name, r.Signal, r.Fire, state, counted(int64(r.Score.Hits), "hit", "hits"), counted(int64(r.Score.FalseAlarms), "false alarm", "false alarms"),
					r.Score.Averted, r.Score.Open, counted(int64(r.Score.Misses), "miss", "misses"), counted(int64(len(r.Standings)), "place", "places"))
				if n := r.Late(); n > 0 {
					fmt.Fprintf(a.out, "    cannot fire at %d of them: the data are so old that what it would warn of is past\n", n)
				}
			}
			return nil
		},
	}
}

func (a *app) watchTryCmd() *cobra.Command {
	var from, to string
	c := &cobra.Command{
		Use:   "try RULE",
		Short: "Show how a rule would have done, knowing at each month only what came before",
		Example: `  comity watch try 3 --from 2015-01 --to 2019-12
  comity watch try 3`,
		Args: exactly(1, "one rule's number, as \"comity watch rules\" lists it"),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usageError{fmt.Errorf("rule %q: want a number", args[0])}
			}
			var first, last feed.Month
			if to != "" {
				if last, err = feed.ParseMonth(to); err != nil {
					return usageError{err}
				}
			}
			if from != "" {
				if first, err = feed.ParseMonth(from); err != nil {
					return usageError{err}
				}
			}
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			r, err := n.Watch.Rule(c.Context(), operator, watch.RuleID(id))
			if err != nil {
				return err
			}
			t, err := n.Watch.TryRule(c.Context(), operator, r.Rule, first, last, func(done, of int64) {})
			if err != nil {
				return err
			}
			printTrial(a.out, &t)
			return nil
		},
	}
	c.Flags().StringVar(&from, "from", "", "first month, like 2015-01; by default the year up to the last")
	c.Flags().StringVar(&to, "to", "", "last month; by default the last with data")
	return c
}

// printTrial lists what a rule would have drafted, without the values of its signal:
// side by side they would rank places, and leave the node.
func printTrial(out io.Writer, t *watch.Trial) {
	fmt.Fprintf(out, "%s to %s, %s: %s, %s, %d open, %s\n", t.From, t.To, counted(int64(t.Places), "place", "places"),
		counted(int64(t.Score.Hits), "hit", "hits"), counted(int64(t.Score.FalseAlarms), "false alarm", "false alarms"), t.Score.Open, counted(int64(t.Score.Misses), "miss", "misses"))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range t.Fired {
		fmt.Fprintf(w, "%s\t%s\t%s followed\t%s\n", f.On, f.Place.Name, counted(f.Deaths, "death", "deaths"), f.Result)
	}
	w.Flush()
	fmt.Fprintln(out, t.Note)
}

func (a *app) watchBackcastCmd() *cobra.Command {
	var months int
	var exercise bool
	c := &cobra.Command{
		Use:   "backcast",
		Short: "Forecast countries from past months, to see how the forecasts would have done",
		Long: `Each forecast knows only what had happened by its month. They are marked as made
afterwards, and never replace one that was made at the time.`,
		Example: `  comity watch backcast --months 24`,
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			made := 0
			err = n.Watch.Backcast(c.Context(), operator, exercise, months, func(m feed.Month) {
				made++
				fmt.Fprintf(a.out, "forecast from %s\n", m)
			})
			if err == nil && made == 0 {
				fmt.Fprintln(a.out, "All of these months were forecast already.")
			}
			return err
		},
	}
	c.Flags().IntVar(&months, "months", 24, "how many months back")
	c.Flags().BoolVar(&exercise, "exercise", false, "of made-up events")
	return c
}

func (a *app) watchEnterCmd() *cobra.Command {
	var level, place, from, to string
	var deaths int64
	var exercise bool
	c := &cobra.Command{
		Use:   "enter ACT",
		Short: "Have a warning judged that was written without a draft",
		Long: `Say of which place the warning spoke, and how many deaths it expected from which
day to which. What came is proposed from the data as for the others, and a
person confirms it on the page Outcomes.`,
		Example: `  comity watch enter ecowas.int/12 --place MLI --deaths 25 --from 2026-05-01 --to 2026-07-31`,
		Args:    exactly(1, "the name of one act, like ecowas.int/12"),
		RunE: func(c *cobra.Command, args []string) error {
			name, err := comity.ParseActName(args[0])
			if err != nil {
				return usageError{err}
			}
			claim := watch.Claim{Deaths: deaths}
			for _, x := range []struct {
				flag, text string
				into       *feed.Day
			}{{"from", from, &claim.From}, {"to", to, &claim.To}} {
				t, err := time.Parse(time.DateOnly, x.text)
				if err != nil {
					return usageError{fmt.Errorf("--%s %q: want a day like 2026-05-01", x.flag, x.text)}
				}
				*x.into = feed.DayOf(t)
			}
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			if err := n.Watch.NoteWarning(c.Context(), operator, exercise, name, watch.Place{Level: watch.Level(level), Name: place}, claim); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s is judged like the others now: see the page Outcomes.\n", name)
			return nil
		},
	}
	c.Flags().StringVar(&level, "level", string(watch.ByCountry), "country or cell")
	c.Flags().StringVar(&place, "place", "", "of which it spoke: an ISO 3166-1 alpha-3 code, or a PRIO-GRID number")
	c.Flags().Int64Var(&deaths, "deaths", 25, "it spoke of so many deaths or more")
	c.Flags().StringVar(&from, "from", "", "first day of the time that it spoke of")
	c.Flags().StringVar(&to, "to", "", "last day of it")
	c.Flags().BoolVar(&exercise, "exercise", false, "it is an exercise's")
	return c
}
