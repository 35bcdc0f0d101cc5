package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/comity/comity/internal/demo"
)

func (a *app) demoCmd() *cobra.Command {
	var port int
	var db, until, events string
	var check bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run seven organizations on this machine and play real history on them",
		Long: `Starts seven nodes on loopback (un, oas, las, osce, au, eu, ecowas), plays the
record of 2001 to 2004 on them up to 11 April 2003, and a fictional exercise
beside it. Open the first address in a browser; to act, open a sign-in link.
The pages have a control that moves the scenario on. Officers of un and ecowas
have a page Watch, with forecasts of made-up events.

Without --dir the state is kept in a temporary folder and removed at the end.
With it, each organization's folder in it is an ordinary node's: every other
command works on it, for example "comity asks --late --dir D/ecowas.example".

--check plays everything to the end of 2004, kills a node under load, and
checks every journal, cosignature, digest and seal.`,
		Example: `  comity demo
  comity demo --dir /tmp/seven --until 2003-08-04
  comity demo --events GEDEvent_v25_1.csv
  comity demo --check`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			cfg := demo.Config{Port: port, Database: db, Until: demo.Start, Events: events, Version: version()}
			if events != "" {
				if _, err := os.Stat(events); err != nil {
					return usageError{fmt.Errorf("--events: %w", err)}
				}
			}
			if until != "" {
				t, err := time.Parse(time.DateOnly, until)
				if err != nil {
					return usageError{fmt.Errorf("--until %q: write a date like 2003-08-04", until)}
				}
				cfg.Until = t.Add(12 * time.Hour)
			}
			if c.Flags().Changed("dir") {
				cfg.Dir = a.dir
			} else {
				dir, err := os.MkdirTemp("", "comity-demo-")
				if err != nil {
					return err
				}
				defer os.RemoveAll(dir)
				cfg.Dir, cfg.Discard = dir, true
				// Schemas of their own, so that two runs do not meet.
				cfg.Schema = "demo_" + strings.ToLower(rand.Text()[:8]) + "_"
			}
			if check {
				return a.check(ctx, cfg)
			}
			return a.play(ctx, cfg)
		},
	}
	c.Flags().IntVar(&port, "port", 8080, "port of the first node; the others follow it; 0 takes any that are free")
	c.Flags().StringVar(&db, "db", "", "run on this PostgreSQL (postgres://…), one schema a node")
	c.Flags().StringVar(&until, "until", "", "where the scenario stands at the start (default 2003-04-11)")
	c.Flags().StringVar(&events, "events", "", "watch the events of this file (UCDP GED) instead of made-up ones")
	c.Flags().BoolVar(&check, "check", false, "play everything, check everything, and exit")
	return c
}

// play runs the demo until ctx ends.
func (a *app) play(ctx context.Context, cfg demo.Config) error {
	begun := time.Now()
	d, err := demo.Open(ctx, cfg)
	if err != nil {
		return err
	}
	seats, err := d.Seats(context.WithoutCancel(ctx)) // whoever stops it now still sees that it was ready
	if err != nil {
		return errors.Join(err, d.Close())
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "ORGANIZATION\tADDRESS\tSIGN IN (ONCE)\n")
	for _, s := range seats {
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.Domain, s.URL, s.SignIn)
	}
	w.Flush()
	fmt.Fprintf(a.out, "\nReady in %.1f s. The scenario stands at %s. Begin at %s\n", time.Since(begun).Seconds(),
		d.Now().Format("2 January 2006"), seats[0].URL)
	fmt.Fprintf(a.out, "State: %s. More sign-in links: comity sign-in --dir %s --person releasing\nStop with Ctrl-C.\n", cfg.Dir, seats[0].Dir)
	<-ctx.Done()
	return errors.Join(d.Close(), d.Remove(context.WithoutCancel(ctx)))
}

// check runs demo --check.
func (a *app) check(ctx context.Context, cfg demo.Config) error {
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	cfg.Binary, cfg.Port, cfg.Until = binary, 0, demo.Start
	say := func(format string, args ...any) { fmt.Fprintf(a.out, format+"\n", args...) }
	rows, err := demo.Check(ctx, cfg, say)
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "ORGANIZATION\tISSUED\tHELD\tMIRRORED\tCOSIGNATURES\tASKS OPEN\tOVERDUE\tDIGEST\n")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%.12s\n", r.Domain, r.Issued, r.Held, r.Mirrored, r.Cosignatures, r.Open, r.Overdue, r.Digest)
	}
	w.Flush()
	if err != nil {
		return fmt.Errorf("check failed: %w", err)
	}
	fmt.Fprintln(a.out, "check passed")
	return nil
}
