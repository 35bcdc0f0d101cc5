// Command tessera appends 1 KB entries to a Tessera POSIX log and prints, as
// JSON, how many a second, and what latency its callers saw:
//
//	{"rate": 25000, "p50": 9.1, "p99": 14.0}
//
// A call is over when the entry is durable and integrated into the tree; with
// -provable, when a published checkpoint covers it as well. Tessera publishes
// at once if the last checkpoint is old enough, and else waits for the
// interval: calls that come one after the other see the interval, calls after a
// rest (-rest) do not.
//
// With -fsck it checks a log that is served, as Tessera's command fsck does, and
// prints how many entries a second.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	mrand "math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	dir := flag.String("dir", "", "folder of the log")
	callers := flag.Int("callers", 1, "callers at a time")
	d := flag.Duration("for", time.Second, "how long")
	batch := flag.Uint("batch", 256, "entries in one batch, at most")
	age := flag.Duration("age", 250*time.Millisecond, "after which a batch is not filled further")
	checkpoints := flag.Duration("checkpoints", 100*time.Millisecond, "between checkpoints")
	provable := flag.Bool("provable", false, "wait for a checkpoint that covers the entry")
	rest := flag.Duration("rest", 0, "before each call, once to twice as long; no rate is printed then")
	check := flag.String("fsck", "", "check the log that is served at this address instead")
	key := flag.String("key", "", "verification key of that log")
	flag.Parse()
	if *check != "" {
		if err := fsckLog(context.Background(), *check, *key); err != nil {
			fmt.Fprintln(os.Stderr, "tessera:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(context.Background(), *dir, *callers, *d, *batch, *age, *checkpoints, *provable, *rest); err != nil {
		fmt.Fprintln(os.Stderr, "tessera:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, callers int, d time.Duration, batch uint, age, checkpoints time.Duration, provable bool, rest time.Duration) error {
	skey, _, err := note.GenerateKey(rand.Reader, "bench.example/log")
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return err
	}
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).WithCheckpointInterval(checkpoints).WithBatching(batch, age))
	if err != nil {
		return err
	}
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, time.Millisecond)
	pause := func() {
		if rest > 0 {
			time.Sleep(rest + mrand.N(rest))
		}
	}
	add := func() error {
		entry := make([]byte, 1024)
		rand.Read(entry)
		future := appender.Add(ctx, tessera.NewEntry(entry))
		if provable {
			_, _, err := awaiter.Await(ctx, future)
			return err
		}
		_, err := future()
		return err
	}
	if _, _, err := load(callers, d/10, pause, add); err != nil { // not counted: files are made
		return err
	}
	took, over, err := load(callers, d, pause, add)
	if err != nil {
		return err
	}
	if err := shutdown(ctx); err != nil {
		return err
	}
	slices.Sort(took)
	ms := func(q int) float64 { return float64(took[len(took)*q/100].Nanoseconds()) / 1e6 }
	perSecond := float64(len(took)) / over.Seconds()
	if rest > 0 {
		perSecond = 0
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"rate": perSecond, "p50": ms(50), "p99": ms(99)})
}

// load calls op from as many callers at a time, for a while. A pause before a
// call is not part of it.
func load(callers int, d time.Duration, pause func(), op func() error) ([]time.Duration, time.Duration, error) {
	took := make([][]time.Duration, callers)
	failed := make([]error, callers)
	var wg sync.WaitGroup
	begun := time.Now()
	for i := range callers {
		wg.Go(func() {
			for time.Since(begun) < d || len(took[i]) == 0 {
				pause()
				start := time.Now()
				if failed[i] = op(); failed[i] != nil {
					return
				}
				took[i] = append(took[i], time.Since(start))
			}
		})
	}
	wg.Wait()
	for _, err := range failed {
		if err != nil {
			return nil, 0, err
		}
	}
	return slices.Concat(took...), time.Since(begun), nil
}
