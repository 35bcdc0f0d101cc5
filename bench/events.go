package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/simulate"
	"github.com/comity/comity/internal/feed/sources"
	"github.com/comity/comity/internal/sqlstore"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/world"
)

// statesFile is a file of made-up events at places of States, written once.
var statesFile struct {
	sync.Mutex
	name string
	err  error
}

func statesGED(e *env) (string, error) {
	statesFile.Lock()
	defer statesFile.Unlock()
	if statesFile.name == "" {
		statesFile.name = filepath.Join(e.dir, "GEDEvent_v25_1.csv")
		statesFile.err = writeStatesGED(statesFile.name)
	}
	return statesFile.name, statesFile.err
}

func writeStatesGED(name string) error {
	w, err := world.Load()
	if err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	err = simulate.Write(f, simulate.Options{Seed: 1, Places: simulate.On(w.States()), Rate: 120, Rows: gedRows})
	return errors.Join(err, f.Close())
}

// importInto imports the file into an empty database, as "comity feed run" does.
func importInto(ctx context.Context, e *env, dir, url string) (sample, error) {
	name, err := statesGED(e)
	if err != nil {
		return sample{}, err
	}
	s, err := sqlstore.Open(ctx, url, sqlstore.Options{})
	if err != nil {
		return sample{}, err
	}
	f := &watch.Feeds{Store: s.Watch(), Snapshots: watch.Snapshots{Dir: filepath.Join(dir, "feeds")}, Adapters: sources.All(), Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	err = f.Add(ctx, watch.Feed{Name: "ucdp", Adapter: "ucdp-ged", From: name, TLP: comity.Clear}, nil)
	begun := time.Now()
	var run watch.Run
	if err == nil {
		run, err = f.Run(ctx, "ucdp", nil)
	}
	took := time.Since(begun)
	if err = errors.Join(err, s.Close()); err != nil {
		return sample{}, err
	}
	if run.New != gedRows {
		return sample{}, fmt.Errorf("%d events are new; want %d", run.New, gedRows)
	}
	return sample{rate: gedRows / took.Seconds(), p50: float64(took.Nanoseconds()) / 1e6}, nil
}

func importSQLite(ctx context.Context, e *env, dir string) (sample, error) {
	return importInto(ctx, e, dir, "sqlite:"+filepath.Join(dir, "comity.db"))
}

func importPostgres(ctx context.Context, e *env, dir string) (sample, error) {
	url, err := pgURL(ctx, e)
	if err != nil {
		return sample{}, err
	}
	s, err := importInto(ctx, e, dir, url)
	return s, errors.Join(err, sqlstore.Drop(ctx, url))
}

// sqlite3Import is ".import" of the same file into a table of texts: nothing is
// checked, nothing can be found again.
func sqlite3Import(ctx context.Context, e *env, dir string) (sample, error) {
	name, err := statesGED(e)
	if err != nil {
		return sample{}, err
	}
	return client(ctx, "sqlite3", filepath.Join(dir, "bare.db"), "-cmd", ".mode csv", ".import "+name+" ged")
}

// psqlCopy is "\copy" of the same file into a table of texts.
func psqlCopy(ctx context.Context, e *env, _ string) (sample, error) {
	name, err := statesGED(e)
	if err != nil {
		return sample{}, err
	}
	url, err := pgURL(ctx, e)
	if err != nil {
		return sample{}, err
	}
	f, err := os.Open(name)
	if err != nil {
		return sample{}, err
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, err := f.Read(head)
	if err != nil {
		return sample{}, err
	}
	columns, _, _ := strings.Cut(string(head[:n]), "\n")
	database, schema, _ := strings.Cut(url, "schema=")
	table := `"` + schema + `".ged`
	_, err = client(ctx, "psql", "-v", "ON_ERROR_STOP=1", "-qX", strings.TrimRight(database, "?&"), "-c", `CREATE SCHEMA "`+schema+`"`,
		"-c", "CREATE TABLE "+table+" ("+strings.ReplaceAll(strings.TrimSpace(columns), ",", " text, ")+" text)")
	if err != nil {
		return sample{}, err
	}
	s, err := client(ctx, "psql", "-v", "ON_ERROR_STOP=1", "-qX", strings.TrimRight(database, "?&"), "-c", `\copy `+table+` FROM '`+name+`' WITH (FORMAT csv, HEADER true)`)
	return s, errors.Join(err, sqlstore.Drop(ctx, url))
}

// client runs a program and says how long it took for all rows.
func client(ctx context.Context, name string, args ...string) (sample, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return sample{}, err
	}
	c := exec.CommandContext(ctx, path, args...)
	begun := time.Now()
	out, err := c.CombinedOutput()
	took := time.Since(begun)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w: %.300s", name, err, out)
	}
	return sample{rate: gedRows / took.Seconds(), p50: float64(took.Nanoseconds()) / 1e6}, nil
}

var _ = feed.Cells
