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
)

// builds keeps programs that were built in this run, by their path.
type builds struct {
	mu   sync.Mutex
	done map[string]error
}

var built = builds{done: map[string]error{}}

// build builds the program of a folder, once, and returns where it is.
func (b *builds) build(ctx context.Context, e *env, name, folder, pkg string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bin, err := filepath.Abs(filepath.Join(e.dir, name))
	if err != nil {
		return "", err
	}
	err, done := b.done[bin]
	if !done {
		c := exec.CommandContext(ctx, "go", "build", "-o", bin, pkg)
		c.Dir = folder
		var text []byte
		if text, err = c.CombinedOutput(); err != nil {
			err = fmt.Errorf("it does not build here: %w: %s", err, bytes.TrimSpace(text))
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
		// A flag that is given twice counts as given last.
		c := exec.CommandContext(ctx, bin, append([]string{"-dir", filepath.Join(dir, name), "-for", e.each.String()}, args...)...)
		var stderr strings.Builder
		c.Stderr = &stderr
		out, err := c.Output()
		if err != nil {
			return sample{}, errors.Join(err, errors.New(strings.TrimSpace(stderr.String())))
		}
		var s struct{ Rate, P50, P99 float64 }
		if err := json.Unmarshal(out, &s); err != nil {
			return sample{}, fmt.Errorf("what %s answers: %w", name, err)
		}
		return sample{rate: s.Rate, p50: s.P50, p99: s.P99}, nil
	}
}

// comityBinary builds the product's binary.
func comityBinary(ctx context.Context, e *env) (string, error) {
	if _, err := os.Stat("../cmd/comity"); err != nil {
		return "", errors.New("run this in the folder bench of the repository")
	}
	return built.build(ctx, e, "comity", "..", "./cmd/comity")
}
