package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/plain"
	"github.com/comity/comity/internal/feed/simulate"
	"github.com/comity/comity/internal/feed/sources"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/watch"
)

func (a *app) feedCmd() *cobra.Command {
	c := &cobra.Command{Use: "feed", Short: "Read events of others: what is watched", Args: none,
		Long: `Feeds are sources of events: data sets, alerts, reports. What is read stays inside
the node. Every row becomes an event, or waits in quarantine with the reason why
not; every file is kept as it came.`,
		Example: `  comity feed add ucdp-ged GEDEvent_v25_1.csv
  comity feed run
  comity feed list`,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(a.feedAddCmd(), a.feedSetCmd(), a.feedRemoveCmd(), a.feedRestoreCmd(), a.feedMapCmd(), a.feedListCmd(), a.feedRunCmd(), a.feedQuarantineCmd(), a.feedMendCmd(), a.feedSimulateCmd())
	return c
}

func (a *app) feedAddCmd() *cobra.Command {
	var name, mapping, tlp string
	var exercise bool
	var long strings.Builder
	long.WriteString("Adds a feed. From a web address it is read once a day by the node, of GDELT's list\nof its newest files all that is new; a file is read by \"comity feed run\". Running again changes nothing but what has changed.\n\nAdapters:\n")
	for _, s := range sources.All() {
		fmt.Fprintf(&long, "  %-12s %s\n", s.Name, s.Title)
	}
	long.WriteString("\nA source that wants a login is given it by the environment of the node:\nCOMITY_FEED_NAME_USER and COMITY_FEED_NAME_PASSWORD, NAME being the feed's in\ncapitals, with _ for -.")
	c := &cobra.Command{
		Use:   "add ADAPTER FILE|URL",
		Short: "Add a feed",
		Long:  long.String(),
		Example: `  comity feed add ucdp-ged GEDEvent_v25_1.csv --tlp CLEAR
  comity feed add ucdp-ged https://ucdp.uu.se/downloads/candidateged/GEDEvent_v25_0_3.csv --name candidate
  comity feed add gdelt http://data.gdeltproject.org/gdeltv2/lastupdate.txt`,
		Args: exactly(2, "an adapter, and a file or web address"),
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := sources.Find(args[0]); err != nil {
				return usageError{err}
			}
			f := watch.Feed{Name: watch.FeedName(name), Adapter: args[0], TLP: comity.TLP(tlp), Exercise: exercise}
			if name == "" {
				f.Name = watch.FeedName(args[0])
			}
			var err error
			if f.From, err = feedFrom(args[1]); err != nil {
				return err
			}
			if mapping != "" {
				if f.Adapter != plain.CSV.Name {
					return usageError{fmt.Errorf("only %s has a mapping", plain.CSV.Name)}
				}
				if f.Mapping, err = readMapping(mapping); err != nil {
					return err
				}
			}
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			err = n.Feeds.Add(c.Context(), f, nil)
			if errors.Is(err, watch.ErrFeedExists) {
				return fmt.Errorf("%w: \"comity feed set %s --from …\" does the one, --name the other", err, f.Name)
			}
			if err != nil {
				return err
			}
			if f.Adapter == plain.CSV.Name && f.Mapping == nil {
				fmt.Fprintf(a.out, "Added %s. Say next what its columns mean: on its page, or with \"comity feed map %s FILE\".\n", f.Name, f.Name)
				return nil
			}
			fmt.Fprintf(a.out, "Added %s. Read it with \"comity feed run %s\".\n", f.Name, f.Name)
			return nil
		},
	}
	c.Flags().StringVar(&name, "name", "", "the feed's name (default: the adapter's)")
	c.Flags().StringVar(&tlp, "tlp", string(comity.Amber), "label of its events, and at least that of what is made of them")
	c.Flags().StringVar(&mapping, "mapping", "", "what the columns of a plain table mean: a `FILE` of JSON")
	c.Flags().BoolVar(&exercise, "exercise", false, "its events are made up, and marked so wherever they are shown")
	return c
}

// feedFrom is what a feed is read from: an address as it is written, which watch.Feeds
// checks, or a file that is there.
func feedFrom(from string) (string, error) {
	if strings.Contains(from, "://") {
		return from, nil
	}
	abs, err := filepath.Abs(from)
	if err != nil {
		return "", err
	}
	switch st, err := os.Stat(abs); {
	case err != nil:
		return "", err
	case st.IsDir():
		return "", fmt.Errorf("%s is a folder; add each of its files as a feed of its own", from)
	}
	return abs, nil
}

func (a *app) feedSetCmd() *cobra.Command {
	var from, tlp string
	c := &cobra.Command{
		Use:   "set NAME",
		Short: "Change what a feed is read from, or its label",
		Long: `Changes a feed. The next run reads from the new file or address, and takes its
events for newer versions of those that are there; what an old file had and the new
one has not stays, unless the new one is a whole release that replaces it.

The label is that of all events of the feed, also of those that are there; what was
made of them under the old one, as forecasts were, stays under that. The adapter does
not change, and neither does whether events are made up: add another feed for that.`,
		Example: `  comity feed set ucdp-ged --from GEDEvent_v26_1.csv
  comity feed set acled --tlp AMBER+STRICT`,
		Args: exactly(1, "the name of a feed"),
		RunE: func(c *cobra.Command, args []string) error {
			change := watch.Change{TLP: comity.TLP(tlp)}
			if from == "" && tlp == "" {
				return usageError{errors.New("say what is to change: --from, --tlp")}
			}
			if from != "" {
				var err error
				if change.From, err = feedFrom(from); err != nil {
					return err
				}
			}
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			if err := n.Feeds.Set(c.Context(), watch.FeedName(args[0]), change); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "Changed %s.\n", args[0])
			if from != "" {
				fmt.Fprintf(a.out, "Read it with \"comity feed run %s\".\n", args[0])
			}
			return nil
		},
	}
	c.Flags().StringVar(&from, "from", "", "the `FILE or URL` that it is read from")
	c.Flags().StringVar(&tlp, "tlp", "", "the label of its events")
	return c
}

func (a *app) feedRemoveCmd() *cobra.Command {
	var keep, withdraw bool
	c := &cobra.Command{
		Use:   "remove NAME --keep|--withdraw",
		Short: "End a feed, and say what becomes of its events",
		Long: `Ends a feed: it is read no more. Say what becomes of its events:

  --keep      they stay where they are and count, marked as of a feed that was
              removed
  --withdraw  they are withdrawn: they count no more, in no series, forecast or
              list; each keeps its history, whose newest version says so

Nothing is deleted: the files, the runs and what is in quarantine stay in any case,
and "comity feed restore" takes all back. To count a feed's events no more and go on
reading it, leave it out of what forecasts count, on the page Feeds.`,
		Example: `  comity feed remove ucdp-ged --withdraw`,
		Args:    exactly(1, "the name of a feed"),
		RunE: func(c *cobra.Command, args []string) error {
			if keep == withdraw {
				return usageError{errors.New("say what becomes of its events: --keep or --withdraw")}
			}
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			withdrawn, err := n.Feeds.Remove(c.Context(), watch.FeedName(args[0]), withdraw)
			if err != nil {
				return err
			}
			what := "Its events stay, and count."
			if withdraw {
				what = counted(withdrawn, "event is", "events are") + " withdrawn."
			}
			fmt.Fprintf(a.out, "Removed %s. %s Bring it back with \"comity feed restore %s\".\n", args[0], what, args[0])
			return nil
		},
	}
	c.Flags().BoolVar(&keep, "keep", false, "its events stay, and count")
	c.Flags().BoolVar(&withdraw, "withdraw", false, "its events are withdrawn, and count no more")
	return c
}

func (a *app) feedRestoreCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "restore NAME",
		Short:   "Bring back a feed that was removed",
		Long:    "Takes back that a feed was removed. Events that were withdrawn are there again once it\nhas been read.",
		Example: `  comity feed restore ucdp-ged`,
		Args:    exactly(1, "the name of a feed"),
		RunE: func(c *cobra.Command, args []string) error {
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			if err := n.Feeds.Restore(c.Context(), watch.FeedName(args[0])); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s is there again. Read it with \"comity feed run %s\".\n", args[0], args[0])
			return nil
		},
	}
}

// readMapping reads what the columns of a plain table mean, and checks it.
func readMapping(name string) (json.RawMessage, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if _, err := plain.Parse(b); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

func (a *app) feedMapCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "map NAME FILE",
		Short: "Say what the columns of a plain table mean",
		Long: `Gives a plain table a mapping, instead of the one that it has: a file of JSON,
which doc/feeds.md describes. What was read before is read anew by the next run.`,
		Example: `  comity feed map plain-csv mapping.json`,
		Args:    exactly(2, "the name of a feed and a file of JSON"),
		RunE: func(c *cobra.Command, args []string) error {
			mapping, err := readMapping(args[1])
			if err != nil {
				return err
			}
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			name := watch.FeedName(args[0])
			switch f, err := n.Feeds.Find(c.Context(), name); {
			case err != nil:
				return err
			case f.Adapter != plain.CSV.Name:
				return fmt.Errorf("feed %s is read by %s, which needs no mapping", name, f.Adapter)
			}
			if err := n.Feeds.SetMapping(c.Context(), name, mapping); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "Mapped %s. Read it with \"comity feed run %s\".\n", name, name)
			return nil
		},
	}
}

func (a *app) feedListCmd() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the feeds: how much they brought, how old that is, what waits",
		Example: `  comity feed list --dir /var/lib/comity`,
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			all, err := n.Feeds.Store.Feeds(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				out := []feedState{}
				for _, s := range all {
					out = append(out, feedStateOf(s))
				}
				return a.asJSON(out)
			}
			if len(all) == 0 {
				fmt.Fprintln(a.out, noFeeds)
			}
			for _, s := range all {
				newest := "-"
				if s.Events > 0 {
					newest = s.Newest.String()
				}
				fmt.Fprintf(a.out, "%-16s %s events until %s, %s in quarantine, %s, %s\n%-16s %s from %s\n",
					s.Feed.Name, thousands(s.Events), newest, thousands(s.Quarantined), s.Feed.TLP, readLine(s), "", s.Feed.Adapter, s.Feed.From)
				gaps, err := n.Feeds.Gaps(c.Context(), s.Feed.Name)
				if err != nil {
					return err
				}
				if len(gaps) > 0 {
					fmt.Fprintf(a.out, "%-16s nothing of %s; gaps in all: %d\n", "", gaps[0], len(gaps))
				}
				for _, line := range lastLines(s) {
					fmt.Fprintf(a.out, "%-16s %s\n", "", line)
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

const noFeeds = `There is no feed yet. Add one with "comity feed add".`

// readLine says when a feed was read.
func readLine(s watch.State) string {
	switch {
	case !s.Feed.Removed.IsZero():
		return "removed " + s.Feed.Removed.String()
	case s.Read.Ended.IsZero() && s.Last.Ended.IsZero() && s.Begun.IsZero():
		return "never read"
	case s.Read.Ended.IsZero():
		return "never read to its end"
	}
	return "read " + s.Read.Ended.String()
}

// lastLines say what is to be known of the newest runs.
func lastLines(s watch.State) (out []string) {
	if s.Last.Err != "" {
		out = append(out, fmt.Sprintf("the last run failed %s: %s", s.Last.Ended, strings.ReplaceAll(s.Last.Err, "\n", "; ")))
	}
	if s.Last.Note != "" {
		out = append(out, s.Last.Note)
	}
	if !s.Begun.IsZero() {
		out = append(out, fmt.Sprintf("a run that began %s is under way, or was broken off without a word, as by a full disk; the next one goes on", s.Begun))
	}
	return out
}

// feedState and feedRun are what programs are told.
type feedState struct {
	Name        watch.FeedName `json:"name"`
	Adapter     string         `json:"adapter"`
	From        string         `json:"from"`
	TLP         comity.TLP     `json:"tlp"`
	Machine     bool           `json:"machine,omitempty"`
	Private     bool           `json:"private,omitempty"`
	Exercise    bool           `json:"exercise,omitempty"`
	Events      int64          `json:"events"`
	Newest      string         `json:"newest,omitempty"` // a date
	Quarantined int64          `json:"quarantined"`
	Removed     comity.Time    `json:"removed,omitzero"`
	Begun       comity.Time    `json:"begun,omitzero"` // a run that has not ended
	Last        *feedRun       `json:"last,omitempty"`
}

type feedRun struct {
	Feed        watch.FeedName `json:"feed"`
	Begun       comity.Time    `json:"begun"`
	Ended       comity.Time    `json:"ended"`
	Snapshot    comity.Hash    `json:"snapshot,omitzero"`
	Bytes       int64          `json:"bytes"`
	Version     string         `json:"version,omitempty"`
	Rows        int64          `json:"rows"`
	New         int64          `json:"new"`
	Changed     int64          `json:"changed"`
	Same        int64          `json:"same"`
	Quarantined int64          `json:"quarantined"`
	Withdrawn   int64          `json:"withdrawn,omitempty"`
	Err         string         `json:"err,omitempty"`
	Note        string         `json:"note,omitempty"`
}

func feedRunOf(r watch.Run) feedRun {
	return feedRun{r.Feed, r.Begun, r.Ended, r.Snapshot, r.Bytes, r.Version, r.Rows, r.New, r.Changed, r.Same, r.Quarantined, r.Withdrawn, r.Err, r.Note}
}

func feedStateOf(s watch.State) feedState {
	f := feedState{Name: s.Feed.Name, Adapter: s.Feed.Adapter, From: s.Feed.From, TLP: s.Feed.TLP, Machine: s.Feed.Machine, Private: s.Feed.Private,
		Exercise: s.Feed.Exercise, Events: s.Events, Quarantined: s.Quarantined, Removed: s.Feed.Removed, Begun: s.Begun}
	if s.Events > 0 {
		f.Newest = s.Newest.String()
	}
	if !s.Last.Ended.IsZero() {
		r := feedRunOf(s.Last)
		f.Last = &r
	}
	return f
}

func (a *app) feedRunCmd() *cobra.Command {
	var asJSON, retry bool
	c := &cobra.Command{
		Use:   "run [NAME]",
		Short: "Read a feed to its end, or all of them",
		Long: `Reads a feed, or all of them. To stop it loses nothing: what was read before is
kept, and the next run goes on. A node may run on the folder meanwhile.

With --retry the files are read of which rows wait in quarantine, as they were
kept: a newer version of the program may know what they mean.`,
		Example: `  comity feed run
  comity feed run ucdp-ged --retry`,
		Args: atMostOne("the name of a feed"),
		RunE: func(c *cobra.Command, args []string) error {
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			names := []watch.FeedName{}
			for _, x := range args {
				names = append(names, watch.FeedName(x))
			}
			if len(args) == 0 {
				all, err := n.Feeds.Store.Feeds(c.Context())
				if err != nil {
					return err
				}
				for _, s := range all {
					if s.Feed.Removed.IsZero() {
						names = append(names, s.Feed.Name)
					}
				}
				if len(names) == 0 && !asJSON {
					fmt.Fprintln(a.out, noFeeds)
				}
			}
			runs := []watch.Run{}
			var failed []error
			for _, name := range names {
				done, err := a.runFeed(c.Context(), n, name, retry, asJSON)
				runs = append(runs, done...)
				if err != nil {
					failed = append(failed, err)
				}
			}
			if asJSON {
				out := []feedRun{}
				for _, r := range runs {
					out = append(out, feedRunOf(r))
				}
				failed = append(failed, a.asJSON(out))
			}
			return errors.Join(failed...)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, and no progress")
	c.Flags().BoolVar(&retry, "retry", false, "read again the kept files of which rows are in quarantine")
	return c
}

// runFeed reads a feed and says what came.
func (a *app) runFeed(ctx context.Context, n *node.Node, name watch.FeedName, retry, quiet bool) (runs []watch.Run, err error) {
	p := newProgress(a.err)
	show := func(x watch.Progress) { p.rows(time.Now(), name, x) }
	if quiet {
		p.out, p.bar = io.Discard, false
	}
	if retry {
		runs, err = n.Feeds.Retry(ctx, name, show)
	} else {
		var run watch.Run
		run, err = n.Feeds.Run(ctx, name, show)
		runs = []watch.Run{run}
	}
	p.end()
	if errors.Is(err, plain.ErrNoMapping) {
		err = fmt.Errorf("%w: draw it on its page, or give it with \"comity feed map %s FILE\"", err, name)
	}
	if quiet {
		return runs, err
	}
	for _, r := range runs {
		if err == nil || r.Rows > 0 {
			fmt.Fprintf(a.out, "%s: %s\n", name, ranLine(r))
		}
		if r.Note != "" {
			fmt.Fprintf(a.out, "%s: %s\n", name, r.Note)
		}
	}
	if err == nil && len(runs) == 0 {
		fmt.Fprintf(a.out, "%s: nothing is in quarantine that a kept file has\n", name)
	}
	return runs, err
}

// ranLine says what a run brought.
func ranLine(r watch.Run) string {
	line := fmt.Sprintf("%s read, %s new, %s changed, %s same, %s quarantined", counted(r.Rows, "row", "rows"), thousands(r.New), thousands(r.Changed), thousands(r.Same), thousands(r.Quarantined))
	if r.Withdrawn > 0 {
		line += fmt.Sprintf("; %s withdrawn, counted no more", counted(r.Withdrawn, "event", "events"))
	}
	return line
}

// rows shows how far a feed is read.
func (p *progress) rows(now time.Time, name watch.FeedName, x watch.Progress) {
	line := fmt.Sprintf("%s: %s", name, ranLine(x.Run))
	if x.Counting {
		line += "; counting"
	}
	switch {
	case p.bar:
		fmt.Fprintf(p.out, "\r%s %s\x1b[K", bar(x.Read, x.Size), line)
	case now.Sub(p.said) >= plainEvery:
		p.said = now
		fmt.Fprintln(p.out, line)
	}
}

func (a *app) feedQuarantineCmd() *cobra.Command {
	var asCSV bool
	c := &cobra.Command{
		Use:   "quarantine [NAME]",
		Short: "Show the rows that are no events as they stand, and why",
		Example: `  comity feed quarantine
  comity feed quarantine ucdp-ged --csv > quarantine.csv`,
		Args: atMostOne("the name of a feed"),
		RunE: func(c *cobra.Command, args []string) error {
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			all, err := n.Feeds.Store.Feeds(c.Context())
			if err != nil {
				return err
			}
			w := csv.NewWriter(a.out)
			if asCSV {
				_ = w.Write([]string{"feed", "id", "run", "line", "column", "reason", "raw"}) // Error tells of it below
			}
			found, rows := len(args) == 0, 0
			for _, s := range all {
				if len(args) > 0 && string(s.Feed.Name) != args[0] {
					continue
				}
				found = true
				err := eachQuarantined(c.Context(), n, s.Feed.Name, func(q watch.Quarantined) {
					rows++
					if asCSV {
						_ = w.Write([]string{string(q.Feed), strconv.FormatInt(q.ID, 10), strconv.FormatInt(q.Run, 10), strconv.FormatInt(q.Line, 10), q.Column, q.Reason, q.Raw})
						return
					}
					fmt.Fprintf(a.out, "%s %d: %s\n    %.200q\n", q.Feed, q.ID, q.Error(), q.Raw)
				})
				if err != nil {
					return err
				}
			}
			if !found {
				return fmt.Errorf("feed %s: %w", args[0], watch.ErrNoFeed)
			}
			if rows == 0 && !asCSV {
				fmt.Fprintln(a.out, "Nothing is in quarantine.")
			}
			w.Flush()
			return w.Error()
		},
	}
	c.Flags().BoolVar(&asCSV, "csv", false, "print all of it as CSV")
	return c
}

func eachQuarantined(ctx context.Context, n *node.Node, name watch.FeedName, f func(watch.Quarantined)) error {
	const page = 500
	for after := int64(0); ; {
		rows, err := n.Feeds.Store.Quarantined(ctx, name, after, page)
		if err != nil {
			return err
		}
		for _, q := range rows {
			f(q)
			after = q.ID
		}
		if len(rows) < page {
			return nil
		}
	}
}

func (a *app) feedMendCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "mend NAME ID",
		Short:   "Take a row, given on standard input, instead of a quarantined one",
		Example: `  comity feed mend ucdp-ged 12 < row.csv`,
		Args:    exactly(2, "the name of a feed and the number of a row in quarantine"),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil {
				return usageError{fmt.Errorf("%q is no number of a row", args[1])}
			}
			row, err := io.ReadAll(io.LimitReader(a.in, feed.MaxRaw+1))
			if err != nil {
				return err
			}
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			err = n.Feeds.Mend(c.Context(), watch.FeedName(args[0]), id, strings.TrimRight(string(row), "\r\n"))
			var fault *feed.Fault
			if errors.As(err, &fault) {
				if strings.TrimSpace(string(row)) == "" {
					return err
				}
				return fmt.Errorf("that is no event either, and was kept in its stead: %w", err)
			}
			if err == nil {
				fmt.Fprintf(a.out, "Row %d of %s is an event now.\n", id, args[0])
			}
			return err
		},
	}
}

func (a *app) feedSimulateCmd() *cobra.Command {
	var o simulate.Options
	var from, to string
	c := &cobra.Command{
		Use:   "simulate FILE",
		Short: "Write made-up events for an exercise, in the format of UCDP",
		Long: `Writes made-up events: places that are quiet for years, bursts that decay,
contagion between neighbours. Every name in it begins with EXERCISE. The same
flags give the same bytes. Add it with "comity feed add ucdp-ged FILE --exercise".`,
		Example: `  comity feed simulate --seed 7 exercise.csv`,
		Args:    exactly(1, "a file to write"),
		RunE: func(_ *cobra.Command, args []string) error {
			for _, m := range []struct {
				text string
				into *feed.Month
			}{{from, &o.From}, {to, &o.To}} {
				if m.text == "" {
					continue
				}
				var err error
				if *m.into, err = feed.ParseMonth(m.text); err != nil {
					return usageError{err}
				}
			}
			if (o.From == 0) != (o.To == 0) {
				return usageError{errors.New("give both --from and --to, or neither")}
			}
			f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
			if err != nil {
				return err
			}
			return errors.Join(simulate.Write(f, o), f.Close())
		},
	}
	c.Flags().Uint64Var(&o.Seed, "seed", 1, "of chance")
	c.Flags().IntVar(&o.Rows, "rows", 0, "at most so many events; 0: as many as come")
	c.Flags().IntVar(&o.Release, "release", 0, "which edition of the same events; each revises some")
	c.Flags().StringVar(&from, "from", "", "first `MONTH`, like 2000-01")
	c.Flags().StringVar(&to, "to", "", "last `MONTH`")
	return c
}
