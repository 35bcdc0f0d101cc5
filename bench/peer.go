package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// builds keeps programs that were built in this run, by their path.
type builds struct {
	mu   sync.Mutex
	done map[string]error
}

var built = builds{done: map[string]error{}}

// patience with the building of one program, whose modules may have to come
// over the network.
const patience = 5 * time.Minute

// build builds the program of a folder, once, and returns where it is. Without
// C, unless the environment says otherwise.
func (b *builds) build(ctx context.Context, e *env, name, folder, pkg string, environment ...string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bin, err := filepath.Abs(filepath.Join(e.dir, name))
	if err != nil {
		return "", err
	}
	err, done := b.done[bin]
	if !done {
		building, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		c := exec.CommandContext(building, "go", "build", "-o", bin, pkg)
		c.Dir, c.Env, c.WaitDelay = folder, append(append(os.Environ(), "CGO_ENABLED=0"), environment...), time.Second
		text, failed := c.CombinedOutput()
		switch {
		case errors.Is(building.Err(), context.DeadlineExceeded):
			err = fmt.Errorf("it does not build here within %s; what was built is kept for the next run", patience)
		case failed != nil:
			err = fmt.Errorf("it does not build here: %w: %s", failed, bytes.TrimSpace(text))
		}
		b.done[bin] = err
	}
	return bin, err
}

// program runs a peer's program, in the folder of that name, and takes the
// figures that it prints.
func program(name string, args ...string) measure {
	return func(ctx context.Context, e *env, dir string) (sample, error) {
		bin, err := built.build(ctx, e, name, name, ".")
		if err != nil {
			return sample{}, err
		}
		s, err := figures(ctx, e, bin, dir, args...)
		return s.sample, err
	}
}

// peerSample is what a peer's program prints.
type peerSample struct {
	sample
	p95 float64
}

// figures runs a peer's program and reads what it prints.
func figures(ctx context.Context, e *env, bin, dir string, args ...string) (peerSample, error) {
	name := filepath.Base(bin)
	// A flag that is given twice counts as given last.
	c := exec.CommandContext(ctx, bin, append([]string{"-dir", filepath.Join(dir, name), "-for", e.each.String()}, args...)...)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) } // it ends what it has started
	c.WaitDelay = 30 * time.Second
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return peerSample{}, fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	var s struct{ Rate, P50, P95, P99 float64 }
	if err := json.Unmarshal(out, &s); err != nil {
		return peerSample{}, fmt.Errorf("what %s answers: %w", name, err)
	}
	return peerSample{sample{rate: s.Rate, p50: s.P50, p99: s.P99}, s.P95}, nil
}

// duckdb has the peer group the rows of countedEvents. DuckDB is written in C++,
// and comes as a library for C.
func duckdb(ctx context.Context, e *env, dir string, args ...string) (peerSample, error) {
	c, err := countedEvents(ctx, e)
	if err != nil {
		return peerSample{}, err
	}
	bin, err := built.build(ctx, e, "duckdb", "duckdb", ".", "CGO_ENABLED=1")
	if err != nil {
		return peerSample{}, err
	}
	return figures(ctx, e, bin, dir, append(args, "-rows", c.rows)...)
}

// matrix has the peer measure two Dendrite servers, each with a PostgreSQL
// database of its own: see bench/matrix.
func matrix(args ...string) measure {
	return func(ctx context.Context, e *env, dir string) (sample, error) {
		a, err := pgDatabase(ctx, e, "dendrite_a")
		if err != nil {
			return sample{}, err
		}
		b, err := pgDatabase(ctx, e, "dendrite_b")
		if err != nil {
			return sample{}, err
		}
		return matrixOnFiles(append(args, "-a", a, "-b", b)...)(ctx, e, dir)
	}
}

// matrixOnFiles is the same with SQLite.
func matrixOnFiles(args ...string) measure {
	return func(ctx context.Context, e *env, dir string) (sample, error) {
		server, err := built.build(ctx, e, "dendrite", "matrix", "github.com/matrix-org/dendrite/cmd/dendrite")
		if err != nil {
			return sample{}, err
		}
		return program("matrix", append(args, "-dendrite", server)...)(ctx, e, dir)
	}
}

// comityBinary builds the product's binary.
func comityBinary(ctx context.Context, e *env) (string, error) {
	if _, err := os.Stat("../cmd/comity"); err != nil {
		return "", errors.New("run this in the folder bench of the repository")
	}
	return built.build(ctx, e, "comity", "..", "./cmd/comity")
}
