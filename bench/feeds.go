package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/simulate"
	"github.com/comity/comity/internal/feed/ucdp"
)

// gedRows is how many events the file of them has.
const gedRows = 1_000_000

// gedFile is a file of made-up events in the format of UCDP, the same bytes in each run,
// which is written once. It is in the page cache when it is read.
var gedFile = struct {
	sync.Mutex
	of map[string]error // by path
}{of: map[string]error{}}

func openGED(e *env) (*os.File, error) {
	gedFile.Lock()
	defer gedFile.Unlock()
	name := filepath.Join(e.dir, "ged.csv")
	err, written := gedFile.of[name]
	if !written {
		err = writeGED(name)
		gedFile.of[name] = err
	}
	if err != nil {
		return nil, err
	}
	return os.Open(name)
}

func writeGED(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	err = simulate.Write(f, simulate.Options{Seed: 1, Places: simulate.Fictitious(180), Rate: 120, Rows: gedRows})
	return errors.Join(err, f.Close())
}

// parseGED reads all fields of all events of the file.
func parseGED(_ context.Context, e *env, _ string) (sample, error) {
	f, err := openGED(e)
	if err != nil {
		return sample{}, err
	}
	defer f.Close()
	begun := time.Now()
	r, err := ucdp.GED.Open(f, feed.Options{Version: "25.1"})
	if err != nil {
		return sample{}, err
	}
	var event feed.Event
	n := 0
	for ; ; n++ {
		if err := r.Next(&event); err == io.EOF {
			break
		} else if err != nil {
			return sample{}, err
		}
	}
	return rowsOf(n, begun)
}

// parseCSV splits the file into fields with encoding/csv, and does nothing with
// them.
func parseCSV(_ context.Context, e *env, _ string) (sample, error) {
	f, err := openGED(e)
	if err != nil {
		return sample{}, err
	}
	defer f.Close()
	begun := time.Now()
	r := csv.NewReader(f)
	r.ReuseRecord = true
	n := -1 // the header
	for ; ; n++ {
		if _, err := r.Read(); err == io.EOF {
			break
		} else if err != nil {
			return sample{}, err
		}
	}
	return rowsOf(n, begun)
}

func rowsOf(n int, begun time.Time) (sample, error) {
	took := time.Since(begun)
	if n != gedRows {
		return sample{}, fmt.Errorf("%d rows were read; want %d", n, gedRows)
	}
	return sample{rate: float64(n) / took.Seconds(), p50: float64(took.Nanoseconds()) / 1e6}, nil
}
