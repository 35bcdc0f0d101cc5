package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// A row of what is printed.
type row struct {
	name  string
	of    string // the measure
	wants []want // none: a limit, printed for comparison
}

// A want compares one metric of the row's measure with the same of another
// measure in the same turn, or with a number.
type want struct {
	metric  metric
	of      string  // measure to divide by; "" if the figure stands for itself
	called  string  // what that measure is called
	atLeast float64 // one of the two is set
	atMost  float64
}

type metric string

const (
	rate metric = "rate"
	p50  metric = "p50"
	p99  metric = "p99"
)

// rows in the order in which they are printed. What is wanted of appends and
// whole acts beside Tessera and the disk is what the project set itself; the
// other limits are where an officer begins to wait.
var rows = []row{
	{"4 KB append and fdatasync (the disk's limit)", "fdatasync", nil},

	{"journal append, 1 KB, 1 caller", "journal 1", []want{{p50, "fdatasync", "one fdatasync", 0, 1.6}}},
	{"journal append, 1 KB, 16 callers", "journal 16", []want{{rate, "journal 1", "1 caller", 4, 0}}},
	{"journal append, 1 KB, 256 callers", "journal 256", []want{{rate, "tessera 256", "Tessera", 1.5, 0}}},
	{"Tessera POSIX v1.0.4, 1 KB, 256 callers (peer)", "tessera 256", nil},
	{"journal append to provable, 1 KB, 1 caller", "journal 1", []want{{p50, "tessera 1", "Tessera", 0, 1. / 80}}},
	{"Tessera POSIX v1.0.4 to provable, 1 KB, 1 caller (peer)", "tessera 1", nil},
	{"Tessera POSIX v1.0.4 to provable, after a rest (peer)", "tessera idle", nil},

	{"journal append on PostgreSQL, 1 KB, 256 callers", "postgres 256", []want{{rate, "postgres bare", "bare unnest", 0.7, 0}}},
	{"bare INSERT of unnest, the same batches (limit)", "postgres bare", nil},
	{"bare COPY, the same batches (limit)", "postgres copy", nil},

	{"whole acts, 1 KB, 1 caller", "acts 1", []want{{p50, "fdatasync", "one fdatasync", 0, 3}}},
	{"whole acts, 1 KB, 16 callers", "acts 16", []want{{rate, "acts 1", "1 caller", 4, 0}}},
	{"whole acts, 1 KB, 256 callers", "acts 256", []want{{rate, "tessera 256", "Tessera", 0.4, 0}}},
	{"whole acts on PostgreSQL, 1 KB, 256 callers", "acts postgres", nil},
	{"whole acts by HTTP POST, 1 KB, 16 callers", "acts HTTP 16", []want{{rate, "acts 16", "the same without HTTP", 0.4, 0}}},
	{"two boxes sealed to 3 keys (the processor's limit)", "seal", nil},
	{"sealed acts to 2 recipients, 1 KB, 16 callers", "acts sealed 16", []want{{rate, "seal", "sealing alone", 0.4, 0}}},
	{"4 KB sealed to 7 addressees and ourselves, 1 caller", "seal 4 KB", []want{{p50, "age 4 KB", "age alone", 0, 1.1}}},
	{"age alone, 4 KB to the same 8 keys (limit)", "age 4 KB", nil},

	{"POST at A to readable at B, act of 1 KB", "delivery", []want{{p50, "", "", 0, 20}, {p99, "", "", 0, 60}}},
	{"POST at A to readable at B, sealed", "delivery sealed", []want{{p50, "", "", 0, 30}, {p99, "", "", 0, 90}}},
	{"POST at A to readable at B, paced 100/s", "delivery 100/s", []want{{p50, "nats 100/s", "NATS", 0, 2}, {p99, "nats 100/s", "NATS", 0, 3}}},
	{"NATS JetStream v2.15.2, hub to mirror at a leaf, paced 100/s (peer)", "nats 100/s", nil},
	{"act at A to readable at B, 256 callers", "delivery 256", []want{{rate, "nats 256", "NATS", 2.5, 0}}},
	{"NATS JetStream v2.15.2, hub to mirror at a leaf, 256 callers (peer)", "nats 256", nil},
	// Dendrite carries fifteen to fifty messages a second: at the same pace they wait for each other, at a tenth of it none does.
	{"POST at A to readable at B, paced 100/s, beside Matrix", "delivery 100/s", []want{{p50, "matrix 100/s", "Matrix", 0, 1. / 30}, {p50, "matrix 10/s", "Matrix at 10/s", 0, 1. / 30}}},
	{"Matrix, two Dendrite v0.13.8 servers, one room, paced 100/s (peer)", "matrix 100/s", nil},
	{"Matrix, two Dendrite v0.13.8 servers, one room, paced 10/s (peer)", "matrix 10/s", nil},
	{"the same on SQLite instead of PostgreSQL, paced 10/s (peer)", "matrix 10/s on files", nil},
	{"act at A to readable at B, 256 callers, beside Matrix", "delivery 256", []want{{rate, "matrix 16", "Matrix", 100, 0}}},
	{"Matrix, two Dendrite v0.13.8 servers, one room, 16 callers (peer)", "matrix 16", nil},
	{"the same on SQLite instead of PostgreSQL, 16 callers (peer)", "matrix 16 on files", nil},

	{"catch-up of 200,000 entries, verified only", "catch-up verified", []want{{rate, "tessera fsck", "Tessera fsck", 1.5, 0}}},
	{"catch-up of 200,000 entries, verified and durable", "catch-up stored", []want{{rate, "tessera fsck", "Tessera fsck", 0.3, 0}}},
	{"catch-up of 200,000 entries, verified, durable and folded", "catch-up folded", []want{{rate, "tessera fsck", "Tessera fsck", 0.12, 0}}},
	{"Tessera fsck v1.0.4 of the same journal, verify only (peer)", "tessera fsck", nil},

	{"fan-out of heads to 50 followers, events", "fan-out", []want{{rate, "fan-out bare", "bare net/http", 0.3, 0}}},
	{"bare net/http server-sent events to 50 (limit)", "fan-out bare", nil},

	{"page of a file of 40 acts", "page", []want{{p50, "", "", 0, 20}}},
	{"node with many acts (200,000; 1,000,000 with -full): start", "large start", []want{{p50, "", "", 0, 5000}}},
	{"node with many acts: append, 1 caller", "large append", []want{{p50, "small append", "with 10,000", 0, 1.2}}},
	{"node with many acts: page of a file of 100 acts, at random", "large page", []want{{p50, "small page", "with 10,000", 0, 1.5}}},
	{"node with many acts: such a file read from the disk and folded", "large read", nil},
	{"node with many acts: the list of all situations", "large list", nil},
	{"node with many acts: memory, MB", "large memory", []want{{p50, "small memory", "with 10,000", 0, 1.5}}},
	{"node with 10,000 acts: start", "small start", nil},

	{"1,000,000 events of UCDP's format read, checked, normalised", "parse events", []want{{p50, "parse csv", "encoding/csv", 0, 1.5}}},
	{"Go encoding/csv on the same file, nothing done with it (limit)", "parse csv", nil},

	{"1,000,000 events imported into SQLite", "import sqlite", []want{{p50, "sqlite3 .import", "sqlite3 .import", 0, 1}}},
	{"sqlite3 .import of the same file, nothing checked (peer)", "sqlite3 .import", nil},
	{"1,000,000 events imported into PostgreSQL", "import postgres", []want{{p50, "psql copy", "psql \\copy", 0, 1.3}}},
	{"psql \\copy of the same file, nothing checked (peer)", "psql copy", nil},
	{"series by month of all countries, 1,000,000 events (10,000,000 with -full, of which 1/50 is wanted)", "series kept", []want{{p50, "series duckdb", "DuckDB", 0, 1. / 50}, {p50, "series grouped", "sqlite3", 0, 1. / 50}}},
	{"GROUP BY country and month on the same rows, DuckDB v1.5.6, in memory (peer)", "series duckdb", nil},
	{"GROUP BY country and month on the same rows, sqlite3 (limit)", "series grouped", nil},
	{"map of the same events, a screen of squares at any zoom, 95th percentile", "cells", []want{{p50, "", "", 0, 50}}},
	{"GROUP BY square on the same rows, DuckDB v1.5.6, in memory, 95th percentile (peer)", "cells duckdb", nil},

	{"comity forecast run, 191 countries, 12 months, 1,000 draws", "forecast", []want{{p50, "", "", 0, 20_000}}},
	{"comity forecast run: memory at its peak, MB", "forecast memory", []want{{p50, "GiB", "1 GiB", 0, 1}}},

	{"comity demo, start to ready", "demo", []want{{p50, "", "", 0, 3000}}},
}

// needed measures of rows, each once, in order.
func needed(rows []row) []string {
	var out []string
	add := func(n string) {
		if n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	for _, r := range rows {
		add(r.of)
		for _, w := range r.wants {
			add(w.of)
		}
	}
	return out
}

// A line is a row with its figures.
type line struct {
	Name    string   `json:"name"`
	Rate    float64  `json:"rate,omitempty"` // a second
	P50     float64  `json:"p50_ms,omitempty"`
	P99     float64  `json:"p99_ms,omitempty"`
	Figure  string   `json:"figure"`
	Ratio   *float64 `json:"ratio,omitempty"` // to what was wanted of another measure; the first of several
	Wanted  string   `json:"wanted"`
	Verdict string   `json:"verdict"` // ok, short; a limit or a peer is ok if it could be measured
}

func lineOf(r row, results map[string]*result) line {
	own := results[r.of]
	l := line{Name: r.name}
	if own.err == nil {
		l.Rate, l.P50, l.P99 = own.median(rate), own.median(p50), own.median(p99)
	}
	var figures, wanted []string
	ok := own.err == nil
	for _, w := range r.wants {
		f, good := w.judge(own, results[w.of])
		ok = ok && good
		wanted = append(wanted, w.String())
		if own.err != nil {
			continue
		}
		if base := results[w.of]; base != nil && base.err != nil {
			figures = append(figures, fmt.Sprintf("%s: not measured: %s", w.called, oneLine(base.err)))
			continue
		}
		figures = append(figures, w.format(f))
		if w.of != "" && l.Ratio == nil {
			l.Ratio = &f
		}
	}
	switch {
	case own.err != nil:
		l.Figure = "not measured: " + oneLine(own.err)
	case len(figures) > 0:
		l.Figure = strings.Join(figures, ", ")
	case l.Rate >= 1000:
		l.Figure = fmt.Sprintf("%s/s", thousands(l.Rate))
	default:
		l.Figure = fmt.Sprintf("p50 %s", ms(l.P50))
	}
	if l.Wanted = strings.Join(wanted, ", "); l.Wanted == "" {
		l.Wanted = "for comparison"
	}
	if l.Verdict = "ok"; !ok {
		l.Verdict = "short"
	}
	return l
}

// judge returns the figure and whether it is what was wanted.
func (w want) judge(own, base *result) (float64, bool) {
	if own.err != nil || base != nil && base.err != nil {
		return 0, false
	}
	f := own.median(w.metric)
	if base != nil {
		f = own.ratio(base, w.metric)
	}
	return f, f > 0 && f >= w.atLeast && (w.atMost == 0 || f <= w.atMost)
}

func (w want) format(f float64) string {
	switch {
	case w.of != "" && f > 0 && f < 0.1:
		return fmt.Sprintf("1/%.0f of %s", 1/f, w.called)
	case w.of != "":
		return fmt.Sprintf("%.2fx %s", f, w.called)
	case w.metric == rate:
		return thousands(f) + "/s"
	}
	return fmt.Sprintf("%s %s", w.metric, ms(f))
}

// String says what is wanted.
func (w want) String() string {
	limit, sign := w.atLeast, ">="
	if w.atMost > 0 {
		limit, sign = w.atMost, "<="
	}
	switch {
	case w.of != "" && limit < 0.1:
		return fmt.Sprintf("%s 1/%.0f", sign, 1/limit)
	case w.of != "":
		return fmt.Sprintf("%s %.4gx", sign, limit)
	case w.metric == rate:
		return fmt.Sprintf("%s %s/s", sign, thousands(limit))
	}
	return fmt.Sprintf("%s %s", sign, ms(limit))
}

// printTable prints the rows in aligned columns.
func printTable(out io.Writer, rows []row, results map[string]*result) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MEASURE\tRATE\tP50\tP99\tFIGURE\tWANTED\t")
	for _, r := range rows {
		l := lineOf(r, results)
		rate := "-"
		if l.Rate > 0 {
			rate = thousands(l.Rate) + "/s"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Name, rate, ms(l.P50), ms(l.P99), l.Figure, l.Wanted, l.Verdict)
	}
	return w.Flush()
}

// printJSON prints one object a row.
func printJSON(out io.Writer, rows []row, results map[string]*result) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, r := range rows {
		if err := enc.Encode(lineOf(r, results)); err != nil {
			return err
		}
	}
	return nil
}

// ms writes milliseconds with three digits.
func ms(f float64) string {
	switch {
	case f == 0:
		return "-"
	case f >= 1000:
		return fmt.Sprintf("%.2f s", f/1000)
	case f >= 100:
		return fmt.Sprintf("%.0f ms", f)
	case f >= 10:
		return fmt.Sprintf("%.1f ms", f)
	}
	return fmt.Sprintf("%.2f ms", f)
}

// thousands writes a number with a comma before each three digits.
func thousands(f float64) string {
	if f < 100 {
		return fmt.Sprintf("%.1f", f)
	}
	s := fmt.Sprintf("%.0f", f)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func oneLine(err error) string {
	s, _, more := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	if more {
		s += " …"
	}
	return s
}
