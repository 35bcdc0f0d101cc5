package watch_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed/feedtest"
	"github.com/comity/comity/internal/feed/sources"
	"github.com/comity/comity/internal/watch"
)

// noEvents are the samples of these kinds that hold none.
var noEvents = []string{"gdelt/gdelt2_mentions_sample.mentions.CSV", "gdelt/GDELT2_column_labels.csv"}

// TestEverySample: of every file of the manifest that holds events, as many rows
// are imported or put into quarantine as a count that knows nothing of the
// adapter finds; what was new is there, and a second run changes nothing. A file
// that is added to the manifest is tested with the others.
func TestEverySample(t *testing.T) {
	manifest := feedtest.Sample(t, "samples", "manifest.tsv")
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = '\t', true, -1
	lines, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]struct {
		adapter string
		count   func([]byte) (int, error)
	}{
		"ucdp":      {"ucdp-ged", recordsBelowHeader},
		"acled":     {"acled", recordsBelowHeader},
		"gdelt":     {"gdelt", linesOf},
		"cap":       {"cap", alertsOf},
		"atom-cap":  {"cap", alertsOf},
		"edxl":      {"cap", alertsOf},
		"reliefweb": {"reliefweb", itemsOf},
	}
	seen := map[string]int{}
	for _, l := range lines[1:] {
		name, kind := l[0], kinds[l[1]]
		if kind.adapter == "" || slices.Contains(noEvents, name) {
			continue
		}
		seen[l[1]]++
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(filepath.Dir(manifest), filepath.FromSlash(name))
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want, err := kind.count(b)
			if err != nil {
				t.Fatal(err)
			}
			imports(t, kind.adapter, path, int64(want))
		})
	}
	for kind := range kinds {
		if seen[kind] == 0 {
			t.Errorf("the manifest lists no file of the kind %s", kind)
		}
	}
}

// TestSyriaIsWhole: the file of GED of one country, which no manifest lists.
func TestSyriaIsWhole(t *testing.T) {
	path := feedtest.Sample(t, "forecast", "ged_syria_19.1.csv")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := recordsBelowHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	imports(t, "ucdp-ged", path, int64(want))
}

// imports reads a file twice as a feed, and compares with the rows that it has.
func imports(t *testing.T, adapter, path string, want int64) {
	t.Helper()
	f := open(t)
	f.Adapters = sources.All()
	if err := f.Add(t.Context(), watch.Feed{Name: "sample", Adapter: adapter, From: path, TLP: comity.Green}, nil); err != nil {
		t.Fatal(err)
	}
	r := run(t, f, "sample")
	if r.Rows != want || r.New+r.Changed+r.Same+r.Quarantined != want {
		t.Errorf("%d rows: %d new, %d changed, %d the same, %d in quarantine; the file has %d", r.Rows, r.New, r.Changed, r.Same, r.Quarantined, want)
	}
	var events int64
	for q := (watch.EventQuery{Feed: "sample", Limit: 1000}); ; {
		page, err := f.Store.Events(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			events, q.Before = events+1, e.ID
		}
		if len(page) < q.Limit {
			break
		}
	}
	bad, err := f.Store.Quarantined(t.Context(), "sample", 0, 1000)
	if err != nil || events != r.New || int64(len(bad)) != r.Quarantined {
		t.Errorf("%d were new and %d bad; there are %d events and %d rows in quarantine, %v", r.New, r.Quarantined, events, len(bad), err)
	}
	again := run(t, f, "sample")
	if again.New != 0 || again.Rows != want {
		t.Errorf("read again, %d of %d rows are new", again.New, again.Rows)
	}
}

// recordsBelowHeader counts with encoding/csv.
func recordsBelowHeader(b []byte) (int, error) {
	all, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff")))).ReadAll()
	return len(all) - 1, err
}

// linesOf counts lines that are not empty: GDELT quotes nothing.
func linesOf(b []byte) (n int, err error) {
	for l := range bytes.Lines(b) {
		if len(bytes.TrimSpace(l)) > 0 {
			n++
		}
	}
	return n, nil
}

// itemsOf counts what the answer of an API lists as its data.
func itemsOf(b []byte) (int, error) {
	var answer struct{ Data []json.RawMessage }
	err := json.Unmarshal(b, &answer)
	return len(answer.Data), err
}

// alertsOf counts the elements called alert, wherever they stand; the entries of
// a list in which there are none. Charset and strictness do not matter to it.
func alertsOf(b []byte) (int, error) {
	plain := bytes.Clone(b)
	for i, c := range plain {
		if c >= 0x80 {
			plain[i] = '?'
		}
	}
	d := xml.NewDecoder(bytes.NewReader(plain))
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	alerts, entries := 0, 0
	for {
		token, err := d.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, err
		}
		if e, ok := token.(xml.StartElement); ok {
			switch e.Name.Local {
			case "alert":
				alerts++
			case "entry", "item":
				entries++
			}
		}
	}
	if alerts == 0 {
		return entries, nil
	}
	return alerts, nil
}
