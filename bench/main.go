// Command bench measures Comity beside its limits and a peer, on this machine,
// in one run:
//
//	make bench                           # every row
//	cd bench && go run . -only 'acts'    # the rows whose name matches
//	cd bench && go run . -json           # the same as JSON, one object a row
//
// It prints one row for each measure, ending in the figure, what was wanted,
// and "ok" or "short". No row is left out when it is short, or when it could
// not be measured; it then says why.
//
// Each measure is repeated, the measures taking turns, and figures are medians:
// of rates, of latencies, and of the ratios between two measures of the same
// turn. Ratios are what to compare between machines and days; a figure in
// milliseconds says as much about the disk as about Comity. Nothing here gates
// a build.
//
// The peers are modules of their own (bench/tessera, bench/nats, bench/matrix,
// bench/duckdb), built when the benchmarks run, so that neither the product nor
// the rest of this module depends on them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/comity/comity/internal/node"
)

func main() {
	node.TuneGC() // as "comity serve" does
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	progress := io.Discard
	if st, err := os.Stderr.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
		progress = os.Stderr // a terminal
	}
	err := run(ctx, os.Args[1:], os.Stdout, progress)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError) // says what is wrong itself, on standard error
	asJSON := fs.Bool("json", false, "print one JSON object a row")
	only := fs.String("only", "", "measure only rows whose name matches this regular expression")
	rounds := fs.Int("rounds", 5, "how often each measure is repeated")
	each := fs.Duration("for", 700*time.Millisecond, "how long one repetition of a rate takes")
	dir := fs.String("dir", "", "folder on the disk to be measured (default: the temporary folder, or this one if that is in memory)")
	full := fs.Bool("full", false, "the node with many acts has 1,000,000, which takes some minutes to build")
	profile := fs.String("cpuprofile", "", "write a processor profile to this file")
	serve := fs.String("serve", "", "serve the journal in this `database` until standard input ends; what measures catching up starts this itself")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if *serve != "" {
		return serveLong(ctx, *serve, os.Stdin, out)
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if *rounds < 1 || *each <= 0 {
		return fmt.Errorf("-rounds and -for: want more than nothing")
	}
	e := env{each: *each, full: *full}
	if e.dir, err = os.MkdirTemp(onDisk(*dir), "comity-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	var chosen []row
	for _, r := range rows {
		if match.MatchString(r.name) {
			chosen = append(chosen, r)
		}
	}
	begun := time.Now()
	results, err := measureAll(ctx, &e, needed(chosen), *rounds, progress)
	if err != nil {
		return err
	}
	if *asJSON {
		return printJSON(out, chosen, results)
	}
	fmt.Fprintf(out, "%s %s/%s, %d processors, %s. Medians of %d; ratios are between measures of the same turn.\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly), *rounds)
	if err := printTable(out, chosen, results); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nTook %s.\n", time.Since(begun).Round(time.Second))
	return nil
}

// env is what a measure works with.
type env struct {
	dir  string        // on disk, removed at the end
	each time.Duration // of one repetition of a rate
	full bool          // the largest node, too

	larges *larges // nil until they are asked for

	atEnd []func() error // what measures share is closed, last in first out
}

func (e *env) close() error {
	var errs []error
	for _, end := range slices.Backward(e.atEnd) {
		errs = append(errs, end())
	}
	return errors.Join(append(errs, os.RemoveAll(e.dir))...)
}

// measureAll repeats the measures in turns. One that fails is not tried again.
func measureAll(ctx context.Context, e *env, names []string, rounds int, progress io.Writer) (map[string]*result, error) {
	results := map[string]*result{}
	for _, n := range names {
		results[n] = &result{}
	}
	for i := range rounds {
		for _, n := range names {
			r := results[n]
			if r.err != nil {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			fmt.Fprintf(progress, "\r\033[K%d/%d %s", i+1, rounds, n) // on the line of the last
			dir := filepath.Join(e.dir, fmt.Sprintf("%d-%d", i, slices.Index(names, n)))
			if err := os.Mkdir(dir, 0o700); err != nil {
				return nil, err
			}
			runtime.GC() // what the last one left is not this one's
			s, err := measures[n](ctx, e, dir)
			if err != nil {
				r.err = err
			}
			r.samples = append(r.samples, s)
			if err := os.RemoveAll(dir); err != nil {
				return nil, err
			}
		}
	}
	fmt.Fprint(progress, "\r\033[K")
	return results, nil
}
