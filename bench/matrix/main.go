// Command matrix carries messages of 1 KB from one Matrix homeserver to another
// and prints, as JSON, how many a second, and what latency its callers saw:
//
//	{"rate": 20, "p50": 70, "p99": 110}
//
// Two Dendrite servers run as processes of their own on loopback, each with a
// database of its own, federated over HTTPS as they would be between two
// organizations. A user of each is in one room. A call is over when the server
// at A has acknowledged the message and the user at B, who has a long poll open
// (/sync), has read it.
//
// The servers run as Dendrite's sample configuration has them, apart from what
// tells them where they are, and without its limit on callers (rate_limiting).
// Data is in PostgreSQL, as Dendrite recommends for all that is not a trial, or in
// SQLite. The JetStream in each server, which Dendrite sets to SyncAlways, and
// PostgreSQL sync to the disk before they say that they have something.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
)

func main() {
	dir := flag.String("dir", "", "folder of both servers")
	program := flag.String("dendrite", "", "the server's program")
	a := flag.String("a", "", "empty PostgreSQL `database` of the server at A; SQLite if there is none")
	b := flag.String("b", "", "empty PostgreSQL `database` of the server at B")
	callers := flag.Int("callers", 1, "callers at a time")
	d := flag.Duration("for", time.Second, "how long")
	every := flag.Duration("every", 0, "a message begins every so often, whether or not the last has arrived; callers do not count then")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // the servers are stopped first
	err := run(ctx, *dir, *program, *a, *b, *callers, *d, *every)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir, program, a, b string, callers int, d, every time.Duration) (err error) {
	p, err := newPair(ctx, dir, program, a, b)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	carry := func() error { return p.carry(ctx) }
	if _, _, err := load(min(callers, 4), d/10, carry); err != nil { // not counted: keys are fetched, connections are opened
		return err
	}
	var took []time.Duration
	var over time.Duration
	if every > 0 {
		took, over, err = paced(max(1, int(d/every)), every, carry)
	} else {
		took, over, err = load(callers, d, carry)
	}
	if err != nil {
		return err
	}
	slices.Sort(took)
	ms := func(q int) float64 { return float64(took[len(took)*q/100].Nanoseconds()) / 1e6 }
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"rate": float64(len(took)) / over.Seconds(), "p50": ms(50), "p99": ms(99)})
}

// load calls op from as many callers at a time, for a while.
func load(callers int, d time.Duration, op func() error) ([]time.Duration, time.Duration, error) {
	took := make([][]time.Duration, callers)
	failed := make([]error, callers)
	var wg sync.WaitGroup
	begun := time.Now()
	for i := range callers {
		wg.Go(func() {
			for time.Since(begun) < d || len(took[i]) == 0 {
				start := time.Now()
				if failed[i] = op(); failed[i] != nil {
					return
				}
				took[i] = append(took[i], time.Since(start))
			}
		})
	}
	wg.Wait()
	return slices.Concat(took...), time.Since(begun), errors.Join(failed...)
}

// paced begins op n times, one every so often.
func paced(n int, every time.Duration, op func() error) ([]time.Duration, time.Duration, error) {
	took, failed := make([]time.Duration, n), make([]error, n)
	t := time.NewTicker(every)
	defer t.Stop()
	var wg sync.WaitGroup
	begun := time.Now()
	for i := range n {
		<-t.C
		wg.Go(func() {
			start := time.Now()
			failed[i] = op()
			took[i] = time.Since(start)
		})
	}
	wg.Wait()
	return took, time.Since(begun), errors.Join(failed...)
}
