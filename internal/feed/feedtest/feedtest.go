// Package feedtest is what the tests of adapters share.
package feedtest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/internal/feed"
)

// Sample returns the path of a real file, by its parts: "samples", "ucdp", …. The
// files are not in the repository: they lie in the folder that COMITY_SAMPLES
// names, or in shared beside the repository. Without it, the test is skipped and
// says so.
func Sample(t testing.TB, parts ...string) string {
	t.Helper()
	root := os.Getenv("COMITY_SAMPLES")
	if root == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for !exists(filepath.Join(dir, "go.mod")) {
			if dir == filepath.Dir(dir) {
				t.Fatal("the test runs outside of the module")
			}
			dir = filepath.Dir(dir)
		}
		root = filepath.Join(dir, "..", "shared")
	}
	name := filepath.Join(append([]string{root}, parts...)...)
	if !exists(name) {
		t.Skipf("real file %s is missing; COMITY_SAMPLES names the folder of such files", filepath.Join(parts...))
	}
	return name
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// Read returns all events and faults of a source.
func Read(t testing.TB, a feed.Adapter, src io.Reader, o feed.Options) (events []feed.Event, faults []*feed.Fault) {
	t.Helper()
	r, err := a.Open(src, o)
	if err != nil {
		t.Fatal(err)
	}
	for {
		var e feed.Event
		var f *feed.Fault
		switch err := r.Next(&e); {
		case err == io.EOF:
			return events, faults
		case errors.As(err, &f):
			faults = append(faults, f)
		case err != nil:
			t.Fatal(err)
		default:
			events = append(events, e)
		}
	}
}

// ReadFile is Read of a file.
func ReadFile(t testing.TB, a feed.Adapter, name string, o feed.Options) ([]feed.Event, []*feed.Fault) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return Read(t, a, f, o)
}

// Fetch asks the API of an adapter at an address, as a reading does, but does not wait.
func Fetch(t testing.TB, c *http.Client, a feed.Adapter, address string, q feed.Query) (string, feed.Fetched, error) {
	t.Helper()
	u, err := feed.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	q.Address = u
	if q.Now.IsZero() {
		q.Now = time.Date(2025, time.June, 1, 0, 0, 0, 0, time.UTC)
	}
	var out strings.Builder
	web := &feed.Web{Client: c, Most: 1 << 20, Idle: 5 * time.Second, Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	got, err := a.API(u).Fetch(t.Context(), web, q, &out)
	return out.String(), got, err
}

// Mend checks that the one fault of a file becomes the event that is wanted when
// its row is read again with the change made.
func Mend(t testing.TB, a feed.Adapter, file string, o feed.Options, wrong, right string, want feed.Event) {
	t.Helper()
	_, faults := Read(t, a, strings.NewReader(file), o)
	if len(faults) != 1 || !strings.Contains(faults[0].Raw, wrong) {
		t.Fatalf("%s: faults %v; want one with %q", a.Name, faults, wrong)
	}
	o.Row = strings.Replace(faults[0].Raw, wrong, right, 1)
	events, faults := Read(t, a, strings.NewReader(file), o)
	if len(faults) > 0 || len(events) != 1 || events[0] != want {
		t.Errorf("%s: a row that was mended is %v\n got %+v\nwant %+v", a.Name, faults, events, want)
	}
}

// Fuzz feeds an adapter with anything: it must come to an end without a panic,
// and what it gives must be sound.
func Fuzz(f *testing.F, a feed.Adapter, o feed.Options, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := a.Open(strings.NewReader(string(b)), o)
		if err != nil {
			return
		}
		for n := 0; ; n++ {
			if n > len(b)+1 {
				t.Fatalf("%d bytes have more rows than that", len(b))
			}
			e := feed.Event{Key: "left over", From: 1, To: -1}
			var bad *feed.Fault
			switch err := r.Next(&e); {
			case errors.As(err, &bad):
				if bad.Reason == "" || bad.Line < 1 || len(bad.Raw) > feed.MaxRaw {
					t.Fatalf("a fault of line %d with %d bytes and reason %q", bad.Line, len(bad.Raw), bad.Reason)
				}
			case err != nil:
				return
			default:
				sound(t, &e)
			}
		}
	})
}

func sound(t *testing.T, e *feed.Event) {
	t.Helper()
	for _, s := range []string{e.Key, e.Version, e.Title, e.Category, e.Place, e.Country, e.SideA, e.SideB, e.Source, e.Grade, e.URL} {
		if len(s) > feed.MaxText || strings.ToValidUTF8(s, "") != s || strings.Contains(s, "\x00") {
			t.Fatalf("no text: %.100q", s)
		}
	}
	if e.Key == "" || len(e.Key) > feed.MaxKey || e.From > e.To || e.Low < 0 || e.Best < 0 || e.High < 0 || e.Violence > 3 ||
		e.Located != (e.Cell != 0) || e.Located && e.Cell != feed.CellAt(e.Lat, e.Lon) || e.Country != "" && len(e.Country) != 3 {
		t.Fatalf("no sound event: %+v", e)
	}
}
