package gdelt

import (
	"archive/zip"
	"bytes"
	"crypto/md5"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/feedtest"
)

// source is GDELT's server, as far as we ask it: a file each quarter of an hour.
type source struct {
	*httptest.Server
	files  map[string][]byte // by name
	list   []string          // lines of the list of all
	newest string            // line of the newest
	asked  []string
	status map[string]int // of a file, other than 200
	whole  bool           // the list of all is sent whole, whatever part is asked for
}

var t0 = time.Date(2025, time.May, 31, 23, 0, 0, 0, time.UTC)

// at is the time of a file, by its number.
func at(n int) string { return stamp(t0.Add(time.Duration(n) * step)) }

func publish(t *testing.T) *source {
	s := &source{files: map[string][]byte{}, status: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/gdeltv2/")
		s.asked = append(s.asked, name)
		switch {
		case s.status[name] != 0:
			w.WriteHeader(s.status[name])
		case name == "lastupdate.txt":
			fmt.Fprint(w, s.newest)
		case name == "masterfilelist.txt" && s.whole:
			fmt.Fprint(w, strings.Join(s.list, ""))
		case name == "masterfilelist.txt":
			http.ServeContent(w, r, name, t0, strings.NewReader(strings.Join(s.list, "")))
		case s.files[name] != nil:
			w.Write(s.files[name])
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	for n := range 200 { // of long ago, so that the list has more than its end
		s.list = append(s.list, fmt.Sprintf("150383 297a16b493de7cf6ca809a7cc31d0b93 http://data.gdeltproject.org/gdeltv2/%s.export.CSV.zip\n", at(n-10_000)))
	}
	return s
}

// add publishes the file of a number, with one row of that number.
func (s *source) add(t *testing.T, n int) {
	t.Helper()
	g := good(61)
	g[globalEventID], g[formats[61].added] = fmt.Sprint(1000+n), at(n)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(at(n) + ".export.CSV")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, row(61, g))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	name := at(n) + ".export.CSV.zip"
	s.files[name] = b.Bytes()
	line := fmt.Sprintf("%d %x http://data.gdeltproject.org/gdeltv2/%s\n", b.Len(), md5.Sum(b.Bytes()), name)
	others := strings.ReplaceAll(line, "export", "mentions") + strings.ReplaceAll(line, "export.CSV", "gkg.csv")
	s.newest = line + others
	s.list = append(s.list, s.newest)
}

func (s *source) fetch(t *testing.T, version string) ([]string, feed.Fetched, error) {
	t.Helper()
	s.asked = nil
	text, got, err := feedtest.Fetch(t, s.Client(), Events, s.URL+"/gdeltv2/lastupdate.txt", feed.Query{Version: version})
	events, faults := feedtest.Read(t, Events, strings.NewReader(text), feed.Options{})
	if len(faults) > 0 {
		t.Errorf("faults %v", faults)
	}
	var keys []string
	for _, e := range events {
		keys = append(keys, e.Key)
	}
	return keys, got, err
}

// TestFollow: a first reading takes the newest file, later ones each that came since,
// once and in order; what is missing is said.
func TestFollow(t *testing.T) {
	for _, whole := range []bool{false, true} {
		s := publish(t)
		s.whole = whole
		s.add(t, 0)
		s.add(t, 1)
		check := func(version string, wantVersion, note string, want ...string) {
			t.Helper()
			keys, got, err := s.fetch(t, version)
			if err != nil || !slices.Equal(keys, want) || got.Version != wantVersion || !strings.Contains(got.Note, note) || note == "" && got.Note != "" {
				t.Errorf("after %q: %v, %+v, %v; want %v, %s, %q", version, keys, got, err, want, wantVersion, note)
			}
		}
		check("", at(1), "", "1001")
		check(at(1), at(1), "")
		if !slices.Equal(s.asked, []string{"lastupdate.txt"}) {
			t.Errorf("asked %v", s.asked)
		}
		s.add(t, 2)
		check(at(1), at(2), "", "1002")
		if slices.Contains(s.asked, "masterfilelist.txt") {
			t.Error("the long list is asked for one file")
		}
		for n := 3; n < 40; n++ {
			if n != 5 && n != 6 {
				s.add(t, n)
			}
		}
		keys, got, err := s.fetch(t, at(2))
		if err != nil || len(keys) != 35 || keys[0] != "1003" || keys[34] != "1039" || got.Version != at(39) {
			t.Errorf("%v, %+v, %v", keys, got, err)
		}
		if want := "2 files of 15 minutes are missing: " + at(5) + ", " + at(6); got.Note != want {
			t.Errorf("%q, want %q", got.Note, want)
		}
		// One has not what its sum says, and one is not there: they are left out.
		s.files[at(37)+".export.CSV.zip"] = s.files[at(36)+".export.CSV.zip"]
		delete(s.files, at(38)+".export.CSV.zip")
		check(at(35), at(39), "2 files of 15 minutes are missing: "+at(37)+", "+at(38)+" (", "1036", "1039")
		// The newest is not what its sum says: it may be on its way.
		s.files[at(39)+".export.CSV.zip"] = []byte("PK")
		check(at(35), at(38), "goes on there the next time: "+at(39), "1036")
		if _, _, err := s.fetch(t, at(38)); err == nil || !strings.Contains(err.Error(), "not what GDELT lists: it has 2 bytes") {
			t.Errorf("a newest file that is another: %v", err)
		}
	}
}

// TestFollowWaits: what the source cannot give just now is asked for the next time, and
// what it has no list of is said to be missing.
func TestFollowWaits(t *testing.T) {
	s := publish(t)
	for n := range 6 {
		s.add(t, n)
	}
	s.status[at(3)+".export.CSV.zip"] = http.StatusBadGateway
	keys, got, err := s.fetch(t, at(0))
	if err != nil || !slices.Equal(keys, []string{"1001", "1002"}) || got.Version != at(2) || !strings.Contains(got.Note, "goes on there the next time") {
		t.Errorf("%v, %+v, %v", keys, got, err)
	}
	if _, _, err := s.fetch(t, at(2)); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("nothing that could be read: %v", err)
	}
	clear(s.status)
	s.status["masterfilelist.txt"] = http.StatusServiceUnavailable
	if _, _, err := s.fetch(t, at(0)); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("no list just now: %v", err)
	}
	s.status["masterfilelist.txt"] = http.StatusNotFound
	keys, got, err = s.fetch(t, at(0))
	if err != nil || !slices.Equal(keys, []string{"1005"}) || got.Version != at(5) || !strings.Contains(got.Note, "4 files of 15 minutes are missing") || !strings.Contains(got.Note, "404") {
		t.Errorf("no list at all: %v, %+v, %v", keys, got, err)
	}
	s.newest = "<!DOCTYPE html>"
	if _, _, err := s.fetch(t, at(0)); err == nil || !strings.Contains(err.Error(), "names 0 files of events") {
		t.Errorf("no list of the newest: %v", err)
	}
	s = publish(t)
	s.add(t, 0)
	s.add(t, mostFiles+5)
	for n := 2; n < mostFiles+5; n++ {
		s.list = append(s.list, fmt.Sprintf("1 297a16b493de7cf6ca809a7cc31d0b93 http://x/%s.export.CSV.zip\n", at(n)))
		s.status[at(n)+".export.CSV.zip"] = http.StatusGone
	}
	s.add(t, 1)
	delete(s.status, at(1)+".export.CSV.zip")
	s.add(t, mostFiles+5)
	keys, got, err = s.fetch(t, at(0))
	if err != nil || !slices.Equal(keys, []string{"1001"}) || got.Version != at(mostFiles) || !strings.Contains(got.Note, "wait: run it again") {
		t.Errorf("more than a reading takes: %v, %+v, %v", keys, got, err)
	}
}

// TestFollowsLists: any other address is that of a file.
func TestFollowsLists(t *testing.T) {
	for address, want := range map[string]bool{
		"http://data.gdeltproject.org/gdeltv2/lastupdate.txt": true, "https://data.gdeltproject.org/gdeltv2/lastupdate-translation.txt": true,
		"http://data.gdeltproject.org/gdeltv2/20250531230000.export.CSV.zip": false, "http://data.gdeltproject.org/events/20250531.export.CSV.zip": false,
	} {
		u, err := feed.ParseAddress(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := Events.API(u) != nil; got != want {
			t.Errorf("%s is followed: %t, want %t", address, got, want)
		}
	}
}

func FuzzList(f *testing.F) {
	f.Add([]byte("150383 297a16b493de7cf6ca809a7cc31d0b93 http://data.gdeltproject.org/gdeltv2/20150218230000.export.CSV.zip\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, l := range parseList(b) {
			if strings.ContainsAny(l.name, "/?#%") || l.size < 0 && !bytes.Contains(b, []byte("-")) {
				t.Fatalf("listed %+v", l)
			}
		}
	})
}
