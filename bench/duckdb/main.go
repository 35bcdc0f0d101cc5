// Command duckdb groups events with DuckDB and prints, as JSON, how often a
// second, and how many milliseconds its caller waited:
//
//	{"rate": 2.2, "p50": 450, "p95": 500, "p99": 520}
//
// The events are those of a CSV file with the columns country, month, violence,
// low, best, high, day, lat, lon, and lie in a table in memory before anything is
// measured. Without -cells they are grouped by country and month; with it, those
// of a screen of 64 by 40 squares are, at all zooms, of all times or of three
// years. All rows of the answer are read.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
)

func main() {
	flag.String("dir", "", "not used: nothing is written")
	file := flag.String("rows", "", "the file of events")
	cells := flag.Bool("cells", false, "group by squares of the map")
	d := flag.Duration("for", time.Second, "how long")
	flag.Parse()
	if err := run(context.Background(), *file, *cells, *d); err != nil {
		fmt.Fprintln(os.Stderr, "duckdb:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, file string, cells bool, d time.Duration) (err error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1) // the database is that of its connection
	if _, err := db.ExecContext(ctx, "CREATE TABLE event AS SELECT * FROM read_csv(?)", file); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	ask := byMonth
	if cells {
		ask = screen(rand.New(rand.NewPCG(2, 2)))
	}
	var took []time.Duration
	begun := time.Now()
	for len(took) < 5 || time.Since(begun) < d {
		query, args := ask()
		at := time.Now()
		n, err := answers(ctx, db, query, args)
		if err != nil {
			return err
		}
		if n == 0 && !cells {
			return errors.New("the answer has no rows")
		}
		took = append(took, time.Since(at))
	}
	over := time.Since(begun)
	slices.Sort(took)
	ms := func(q int) float64 { return float64(took[len(took)*q/100].Nanoseconds()) / 1e6 }
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"rate": float64(len(took)) / over.Seconds(), "p50": ms(50), "p95": ms(95), "p99": ms(99)})
}

// answers reads the rows of a query: two keys and four sums.
func answers(ctx context.Context, db *sql.DB, query string, args []any) (n int, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var keys [2]any
	var sums [4]float64
	for ; rows.Next(); n++ {
		if err := rows.Scan(&keys[0], &keys[1], &sums[0], &sums[1], &sums[2], &sums[3]); err != nil {
			return n, err
		}
	}
	return n, rows.Err()
}

func byMonth() (string, []any) {
	return "SELECT country, month, count(*), sum(low), sum(best), sum(high) FROM event GROUP BY country, month", nil
}

// screen asks for screens of the map chosen at random, as bench does of Comity.
func screen(r *rand.Rand) func() (string, []any) {
	return func() (string, []any) {
		degrees := []float64{0.5, 1, 2, 4, 8}[r.IntN(5)]
		high, wide := min(180, 40*degrees), min(360, 64*degrees)
		south, west := -90+r.Float64()*(180-high), -180+r.Float64()*(360-wide)
		query := `SELECT floor(lat / ?)::INT AS y, floor(lon / ?)::INT AS x, count(*), sum(low), sum(best), sum(high) FROM event
			WHERE lat >= ? AND lat < ? AND lon >= ? AND lon < ?`
		args := []any{degrees, degrees, south, south + high, west, west + wide}
		if r.IntN(2) == 0 {
			from := int((time.Date(1990+r.IntN(30), 1, 1, 0, 0, 0, 0, time.UTC).Unix()) / (24 * 60 * 60))
			query += " AND day >= ? AND day <= ?"
			args = append(args, from, from+3*365)
		}
		return query + " GROUP BY y, x", args
	}
}
