package main

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/sqlstore"
)

// A measure takes one sample, with a fresh folder of its own.
type measure func(ctx context.Context, e *env, dir string) (sample, error)

// measures by name.
var measures = map[string]measure{
	"fdatasync":    fdatasync,
	"journal 1":    journalAppend(1),
	"journal 16":   journalAppend(16),
	"journal 256":  journalAppend(256),
	"tessera 256":  program("tessera", "-callers=256", "-batch=256", "-age=250ms", "-checkpoints=100ms"),
	"tessera 1":    program("tessera", "-callers=1", "-batch=1", "-age=1ms", "-checkpoints=100ms", "-provable", "-for=1.2s"),
	"tessera idle": program("tessera", "-callers=1", "-batch=1", "-age=1ms", "-checkpoints=100ms", "-provable", "-rest=110ms", "-for=1.2s"),

	"postgres 256":  journalPostgres(256),
	"postgres bare": insertPostgres,
	"postgres copy": copyPostgres,

	"acts 1":         issue(1),
	"acts 16":        issue(16),
	"acts 256":       issue(256),
	"acts postgres":  issuePostgres(256),
	"acts HTTP 16":   issueHTTP(16),
	"seal":           sealOnly,
	"acts sealed 16": issueSealed(16),

	"delivery":             delivery(false),
	"delivery sealed":      delivery(true),
	"delivery 100/s":       deliveryPaced,
	"delivery 256":         deliverySustained(256),
	"nats 100/s":           program("nats", "-every=10ms", "-for=5s"),
	"nats 256":             program("nats", "-callers=256"),
	"matrix 100/s":         matrix("-every=10ms", "-for=5s"),
	"matrix 10/s":          matrix("-every=100ms", "-for=5s"),
	"matrix 10/s on files": matrixOnFiles("-every=100ms", "-for=5s"),
	"matrix 16":            matrix("-callers=16", "-for=5s"),
	"matrix 16 on files":   matrixOnFiles("-callers=16", "-for=5s"),

	"catch-up verified": catchUpVerified,
	"catch-up stored":   catchUpStored,
	"catch-up folded":   catchUpFolded,
	"tessera fsck":      fsckTessera,

	"fan-out":      fanOutStream,
	"fan-out bare": fanOutBare,

	"seal 4 KB": seal4K,
	"age 4 KB":  age4K,

	"page": page,

	"parse events": parseGED,
	"parse csv":    parseCSV,

	"import sqlite":   importSQLite,
	"import postgres": importPostgres,
	"sqlite3 .import": sqlite3Import,
	"psql copy":       psqlCopy,
	"series kept":     seriesKept,
	"series grouped":  seriesGrouped,
	"series duckdb":   seriesGroupedDuckDB,
	"cells":           cells,
	"cells duckdb":    cellsDuckDB,

	"small start":  ofLarge(false, (*large).begin),
	"small append": ofLarge(false, (*large).issue),
	"small page":   ofLarge(false, (*large).page),
	"small memory": ofLarge(false, (*large).memory),
	"large start":  ofLarge(true, (*large).begin),
	"large append": ofLarge(true, (*large).issue),
	"large page":   ofLarge(true, (*large).page),
	"large read":   ofLarge(true, (*large).read),
	"large list":   ofLarge(true, (*large).list),
	"large memory": ofLarge(true, (*large).memory),

	"forecast":        forecastTime,
	"forecast memory": forecastMemory,
	"GiB":             gibibyte,

	"demo": demo,
}

const origin comity.Origin = "bench.example/journal"

// entry is 1 KB that nothing compresses.
func entry() []byte {
	b := make([]byte, 1024)
	rand.Read(b)
	return b
}

// fdatasync appends 4 KB to a file and waits for the disk.
func fdatasync(_ context.Context, e *env, dir string) (sample, error) {
	f, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		return sample{}, err
	}
	defer f.Close()
	b := make([]byte, 4096)
	rand.Read(b)
	return load(context.Background(), 1, e.each/2, func(context.Context, int) error {
		if _, err := f.Write(b); err != nil {
			return err
		}
		return datasync(f)
	})
}

// journalAppend appends opaque entries: durable, in the tree, and under a
// signed checkpoint when the call returns.
func journalAppend(callers int) measure {
	return func(ctx context.Context, e *env, dir string) (sample, error) {
		s, err := sqlstore.Open(ctx, "sqlite:"+filepath.Join(dir, "comity.db"), sqlstore.Options{})
		if err != nil {
			return sample{}, err
		}
		defer s.Close()
		if err := s.Reserve(ctx); err != nil { // as a node does when it starts
			return sample{}, err
		}
		return appendTo(ctx, e, s, callers)
	}
}

// appendTo appends to a journal in s.
func appendTo(ctx context.Context, e *env, s journal.Store, callers int) (sample, error) {
	skey, _, err := note.GenerateKey(rand.Reader, string(origin))
	if err != nil {
		return sample{}, err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return sample{}, err
	}
	j, err := journal.Open(ctx, journal.Config{Store: s, Origin: origin, Signer: signer})
	if err != nil {
		return sample{}, err
	}
	defer j.Close()
	b := entry()
	return warm(ctx, callers, e.each, func(ctx context.Context, _ int) error {
		_, err := j.Append(ctx, func(int64) ([]byte, error) { return b, nil })
		return err
	})
}

// warm is load after a moment that is not counted: files grow, statements are
// prepared, connections are opened.
func warm(ctx context.Context, callers int, d time.Duration, op func(ctx context.Context, caller int) error) (sample, error) {
	if _, err := load(ctx, callers, d/10, op); err != nil {
		return sample{}, err
	}
	return load(ctx, callers, d, op)
}
