package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
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

// counted is a database with many events, and the same rows bare: what series and
// maps are measured on. It is made once.
type counted struct {
	s    *sqlstore.Store
	rows string // a CSV file
	bare string // the same as the table event of sqlite3
}

var countedOnce struct {
	sync.Mutex
	*counted
	err error
}

func countedEvents(ctx context.Context, e *env) (*counted, error) {
	countedOnce.Lock()
	defer countedOnce.Unlock()
	if countedOnce.counted == nil && countedOnce.err == nil {
		countedOnce.counted, countedOnce.err = makeCounted(ctx, e)
	}
	return countedOnce.counted, countedOnce.err
}

func makeCounted(ctx context.Context, e *env) (*counted, error) {
	n := 1_000_000
	if e.full {
		n *= 10
	}
	dir, err := os.MkdirTemp(e.dir, "counted-")
	if err != nil {
		return nil, err
	}
	c := &counted{rows: filepath.Join(dir, "rows.csv"), bare: filepath.Join(dir, "bare.db")}
	if c.s, err = sqlstore.Open(ctx, "sqlite:"+filepath.Join(dir, "comity.db"), sqlstore.Options{}); err != nil {
		return nil, err
	}
	e.atEnd = append(e.atEnd, c.s.Close)
	if err := c.s.PutFeed(ctx, watch.Feed{Name: "made", Adapter: "none", From: "none", TLP: comity.Clear}); err != nil {
		return nil, err
	}
	w, err := world.Load()
	if err != nil {
		return nil, err
	}
	in, err := c.s.Begin(ctx, watch.Run{Feed: "made"}, nil)
	if err != nil {
		return nil, err
	}
	f, err := os.Create(c.rows)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(out, "country,month,violence,low,best,high,day,lat,lon")
	states, r := w.States(), rand.New(rand.NewPCG(1, 1))
	rows := make([]watch.Row, 0, 8192)
	for i := range n {
		x := madeEvent(r, states, i)
		rows = append(rows, watch.Row{Event: x, Line: int64(i)})
		fmt.Fprintf(out, "%s,%d,%d,%d,%d,%d,%d,%.4f,%.4f\n", x.Country, x.Month(), x.Violence, x.Low, x.Best, x.High, x.To, x.Lat, x.Lon)
		if len(rows) == cap(rows) || i == n-1 {
			if err := in.Put(ctx, rows); err != nil {
				return nil, err
			}
			rows = rows[:0]
		}
	}
	if _, err := in.Close(ctx, watch.Run{}, true); err != nil {
		return nil, err
	}
	if err := errors.Join(out.Flush(), f.Close()); err != nil {
		return nil, err
	}
	_, err = client(ctx, "sqlite3", c.bare, "CREATE TABLE event (country TEXT, month INTEGER, violence INTEGER, low INTEGER, best INTEGER, high INTEGER, day INTEGER, lat REAL, lon REAL)",
		".mode csv", ".import --skip 1 "+c.rows+" event")
	return c, err
}

// madeEvent is near one of a State's towns, of which few have most of the events.
func madeEvent(r *rand.Rand, states []world.State, i int) feed.Event {
	s := states[min(r.IntN(len(states)), r.IntN(len(states)))]
	day := feed.Date(1989, 1, 1) + feed.Day(r.Int32N(36*365))
	e := feed.Event{Key: strconv.Itoa(i), Version: "1", Title: "Government against front", Violence: feed.Violence(1 + r.UintN(3)),
		From: day, To: day, DatePrec: 1, Country: string(s.ID), Low: r.Int32N(4), Source: "agency"}
	e.Best = e.Low + r.Int32N(3)
	e.High = e.Best + r.Int32N(5)
	if s.At != (world.Point{}) {
		town := min(r.IntN(60), r.IntN(60))
		e.Located, e.WherePrec = true, 1
		e.Lat = max(-89, min(89, s.At.Latitude+float64(town%8)/2-2+r.Float64()/3))
		e.Lon = max(-179, min(179, s.At.Longitude+float64(town/8)/2-2+r.Float64()/3))
		e.Cell = feed.CellAt(e.Lat, e.Lon)
	}
	return e
}

// seriesKept reads the series by month of all countries.
func seriesKept(ctx context.Context, e *env, _ string) (sample, error) {
	c, err := countedEvents(ctx, e)
	if err != nil {
		return sample{}, err
	}
	return load(ctx, 1, e.each, func(ctx context.Context, _ int) error {
		all, err := c.s.AllSeries(ctx, watch.SeriesQuery{Place: watch.Place{Level: watch.ByCountry}})
		if err == nil && len(all) < 150 {
			err = fmt.Errorf("series of %d countries", len(all))
		}
		return err
	})
}

// seriesGrouped sums the same rows with GROUP BY.
func seriesGrouped(ctx context.Context, e *env, _ string) (sample, error) {
	c, err := countedEvents(ctx, e)
	if err != nil {
		return sample{}, err
	}
	s, err := client(ctx, "sqlite3", c.bare, "SELECT country, month, count(*), sum(low), sum(best), sum(high) FROM event GROUP BY country, month")
	return sample{p50: s.p50}, err
}

// seriesGroupedDuckDB has DuckDB sum them.
func seriesGroupedDuckDB(ctx context.Context, e *env, dir string) (sample, error) {
	s, err := duckdb(ctx, e, dir)
	return sample{p50: s.p50}, err
}

// cellsDuckDB asks DuckDB for screens as cells does.
func cellsDuckDB(ctx context.Context, e *env, dir string) (sample, error) {
	s, err := duckdb(ctx, e, dir, "-cells")
	return sample{p50: s.p95}, err
}

// cells asks for what a screen shows, 64 by 40 squares, at all zooms, of all times
// or of three years. The figure is the 95th percentile.
func cells(ctx context.Context, e *env, _ string) (sample, error) {
	c, err := countedEvents(ctx, e)
	if err != nil {
		return sample{}, err
	}
	r := rand.New(rand.NewPCG(2, 2))
	var took []time.Duration
	for begun := time.Now(); time.Since(begun) < 3*e.each; {
		q := watch.CellQuery{Degrees: []float64{0.5, 1, 2, 4, 8}[r.IntN(5)]}
		high, wide := min(180, 40*q.Degrees), min(360, 64*q.Degrees)
		q.South, q.West = -90+r.Float64()*(180-high), -180+r.Float64()*(360-wide)
		q.North, q.East = q.South+high, q.West+wide
		if r.IntN(2) == 0 {
			q.From = feed.Date(1990+r.IntN(30), 1, 1)
			q.To = q.From + 3*365
		}
		asked := time.Now()
		if _, err := c.s.Cells(ctx, q); err != nil {
			return sample{}, err
		}
		took = append(took, time.Since(asked))
	}
	slices.Sort(took)
	return sample{p50: float64(took[len(took)*95/100].Nanoseconds()) / 1e6}, nil
}
