package world

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"
)

// meetingDay is the day of the Council's meeting with regional organizations.
var meetingDay = Day(2003, time.April, 11)

func facts(t testing.TB) *World {
	t.Helper()
	w, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestCounts(t *testing.T) {
	w := facts(t)
	for _, c := range []struct {
		what      string
		got, want int
	}{
		{"States", len(w.States()), 195},
		{"organizations", len(w.Organizations()), 50},
		{"memberships", len(w.memberships), 1045},
		{"suspensions", len(w.suspensions), 43},
		{"organs", len(w.organs), 38},
		{"elected terms", len(w.terms), 141},
		{"presidencies", len(w.presidencies), 324},
		{"duties", len(w.Duties()), 62},
		{"instruments", len(w.Instruments()), 59},
		{"statuses", len(w.status), 2405},
		{"chronology", len(w.Chronology()), 242},
		{"States by ID", len(w.stateAt), 195},
		{"organizations by ID", len(w.orgAt), 50},
		{"instruments by ID", len(w.instrumentAt), 59},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.what, c.got, c.want)
		}
	}
}

// The files are clean UTF-8: no byte order mark, no doubly encoded letters,
// no control characters, no stray spaces.
func TestEncoding(t *testing.T) {
	mojibake := regexp.MustCompile(`Ã[\x{80}-\x{BF}]|Â[\x{80}-\x{BF}]|\x{FFFD}|â€`)
	err := fs.WalkDir(files, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		s := strings.ReplaceAll(string(b), "\r\n", "\n")
		if !utf8.ValidString(s) || strings.Contains(s, "\ufeff") || mojibake.MatchString(s) || !strings.HasSuffix(s, "\n") {
			t.Errorf("%s: not clean UTF-8 text", path)
		}
		for _, r := range s {
			if r < ' ' && r != '\n' && r != '\t' {
				t.Errorf("%s: control character %U", path, r)
			}
		}
		if strings.HasSuffix(path, ".tsv") && regexp.MustCompile(`(?m) (\t|$)|\t `).MatchString(s) {
			t.Errorf("%s: a value starts or ends with a space", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[StateID]Names{
		"CIV": {EN: "Côte d'Ivoire", RU: "Кот-д'Ивуар"},
		"TUR": {EN: "Türkiye", ZH: "土耳其"},
		"AFG": {EN: "Afghanistan", AR: "أفغانستان"},
	} {
		s, _ := facts(t).State(id)
		if s.Names.EN != want.EN || want.RU != "" && strings.ReplaceAll(s.Names.RU, "’", "'") != want.RU ||
			want.ZH != "" && s.Names.ZH != want.ZH || want.AR != "" && s.Names.AR != want.AR {
			t.Errorf("%s: %+v", id, s.Names)
		}
	}
}

// Every fact says how well it is known.
func TestConfidence(t *testing.T) {
	w := facts(t)
	n := map[Grade]int{}
	for _, e := range w.Chronology() {
		n[e.Confidence.Grade()]++
	}
	if n[Verified] != 216 || n[Known] != 26 {
		t.Errorf("chronology: %v", n)
	}
	for c, want := range map[Confidence]Grade{
		"verified":                               Verified,
		"verified in part: Pact text":            VerifiedInPart,
		"known; date unsure":                     Known,
		"unsure: year":                           Unsure,
		"name and title verified by a newspaper": Unsure,
		"":                                       Unsure,
	} {
		if c.Grade() != want {
			t.Errorf("%q: %q, want %q", c, c.Grade(), want)
		}
	}
}

func TestStateCodes(t *testing.T) {
	w := facts(t)
	nam, ok := w.State("NAM")
	if !ok || nam.ISO2 != "NA" || nam.M49 != "516" || nam.Capital != "Windhoek" {
		t.Errorf("Namibia: %+v", nam)
	}
	m49, iso2 := regexp.MustCompile(`^\d{3}$`), regexp.MustCompile(`^[A-Z]{2}$`)
	zeros, members := 0, 0
	for _, s := range w.States() {
		if !m49.MatchString(s.M49) || !iso2.MatchString(s.ISO2) || len(s.ID) != 3 {
			t.Errorf("%s: M49 %q, ISO2 %q", s.ID, s.M49, s.ISO2)
		}
		if s.M49[0] == '0' {
			zeros++
		}
		if s.Status == MemberState {
			members++
		}
		if s.ID.Party().Valid() != nil || s.OrderKey != strings.ToUpper(s.OrderKey) {
			t.Errorf("%s: %q", s.ID, s.OrderKey)
		}
		for _, lang := range []string{"en", "fr", "es", "ru", "zh-Hans", "ar"} {
			if s.Names.In(lang) == "" {
				t.Errorf("%s has no name in %s", s.ID, lang)
			}
		}
	}
	if zeros != 24 || members != 193 {
		t.Errorf("%d M49 codes with a leading zero, %d Members", zeros, members)
	}
	if s, ok := w.State("ESH"); ok {
		t.Errorf("ESH is no row of the table of States: %+v", s)
	}
}

// The names of 11 April 2003 that differ from those of 2026, and names that
// changed within the years of the chronology.
func TestNameOn(t *testing.T) {
	w := facts(t)
	want := map[StateID]string{
		"BOL": "Bolivia", "CPV": "Cape Verde", "CZE": "Czech Republic", "LBY": "Libyan Arab Jamahiriya",
		"MKD": "The former Yugoslav Republic of Macedonia", "MNE": "", "NLD": "Netherlands", "PSE": "Palestine",
		"SRB": "Serbia and Montenegro", "SSD": "", "SWZ": "Swaziland", "TUR": "Turkey", "VEN": "Venezuela",
	}
	for _, s := range w.States() {
		name, differs := want[s.ID]
		if !differs {
			name = s.Names.EN
		}
		if got := s.NameOn(meetingDay); got != name {
			t.Errorf("%s on 2003-04-11: %q, want %q", s.ID, got, name)
		}
		if got := s.NameOn(Day(2026, time.June, 30)); got != s.Names.EN || s.OrderKeyOn(Day(2026, time.June, 30)) != s.OrderKey {
			t.Errorf("%s in 2026: %q, want %q", s.ID, got, s.Names.EN)
		}
		spells := s.NamesOverTime()
		for i := 1; i < len(spells); i++ {
			if spells[i].From != spells[i-1].To || !spells[len(spells)-1].To.IsZero() {
				t.Errorf("%s: names do not follow each other: %v", s.ID, spells)
			}
		}
	}
	for _, c := range []struct {
		id              StateID
		on, name, order string
	}{
		{"SRB", "2003-02-03", "Yugoslavia", "YUGOSLAVIA"},
		{"SRB", "2003-02-04", "Serbia and Montenegro", "SERBIA AND MONTENEGRO"},
		{"TLS", "2002-05-17", "East Timor", "EAST TIMOR"},
		{"TLS", "2002-09-27", "Timor-Leste", "TIMOR LESTE"},
		{"MKD", "2019-02-13", "The former Yugoslav Republic of Macedonia", "THE FORMER YUGOSLAV REPUBLIC OF MACEDONIA"},
		{"MKD", "2019-02-14", "North Macedonia", "NORTH MACEDONIA"},
		{"TUR", "2022-05-31", "Turkey", "TURKEY"},
		{"TUR", "2022-06-01", "Türkiye", "TURKIYE"},
		{"CIV", "2003-01-01", "Côte d'Ivoire", "COTE DIVOIRE"},
	} {
		s, _ := w.State(c.id)
		if on := day(t, c.on); s.NameOn(on) != c.name || s.OrderKeyOn(on) != c.order {
			t.Errorf("%s on %s: %q %q", c.id, c.on, s.NameOn(on), s.OrderKeyOn(on))
		}
	}
}

// A damaged table is refused, and the error says where.
func TestDamage(t *testing.T) {
	good := fstest.MapFS{}
	err := fs.WalkDir(files, ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			var b []byte
			b, err = fs.ReadFile(files, path)
			good[path] = &fstest.MapFile{Data: b}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, file, old, new, want string }{
		{"missing file", "duties.tsv", "", "", "duties.tsv"},
		{"short row", "states.tsv", "\tNA\t", "\t", "states.tsv line"},
		{"bad date", "organizations.tsv", "\t1945-06-26\t", "\t1945-06-31\t", `organizations.tsv line 2, column "founded"`},
		{"unknown kind", "chronology.tsv", "\tmandate_renewal\t", "\tmandate\t", `column "kind"`},
		{"column gone", "organs.tsv", "\tquorum\t", "\tquorums\t", `column "quorum"`},
		{"column new", "organs.tsv", "\n", "\textra\n", "organs.tsv line 2"},
		{"no such organization", "memberships.tsv", "\nOAS\t", "\nOAZ\t", `no organization "OAZ"`},
		{"no such State", "presidencies.tsv", "\tMEX\t", "\tMXE\t", "MXE"},
		{"gap of a month", "presidencies.tsv", "\n2003-04\t", "\n2003-05\t", "2003-05"},
		{"no such source", "status_sources.tsv", "UNTC-2015", "UNTC-2016", "UNTC-2015"},
		{"not a number", "chronology.tsv", "\t15\t0\t0\t", "\tx\t0\t0\t", "not a number"},
		{"off the globe", "states.tsv", "\t34.5281\t", "\t134.5281\t", "angle"},
		{"unknown field", "meeting_4739.json", `"agenda"`, `"agendum"`, "agendum"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := fstest.MapFS{}
			for k, v := range good {
				bad[k] = v
			}
			path := "data/" + c.file
			if c.old == "" {
				delete(bad, path)
			} else {
				b := strings.Replace(string(good[path].Data), c.old, c.new, 1)
				if b == string(good[path].Data) {
					t.Fatalf("%q is not in %s", c.old, c.file)
				}
				bad[path] = &fstest.MapFile{Data: []byte(b)}
			}
			if _, err := read(bad); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
	crlf := fstest.MapFS{}
	for k, v := range good {
		crlf[k] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(v.Data), "\n", "\r\n"))}
	}
	if _, err := read(crlf); err != nil {
		t.Errorf("line ends of another system: %v", err)
	}
}

// What a caller does to a list it got changes nothing for others.
func TestListsAreCopies(t *testing.T) {
	w := facts(t)
	states, orgs, rows, m := w.States(), w.Organizations(), w.Chronology(), w.Meeting4739()
	states[0], orgs[0], rows[0], m.Members[0] = State{}, Organization{}, Entry{}, Speaker{}
	slices.Reverse(states)
	if w.States()[0].ID != "AFG" || w.Organizations()[0].ID != "UN" || w.Chronology()[0].Seq != 1 || w.Meeting4739().Members[0].State != "AGO" {
		t.Error("a caller changed the facts")
	}
}

func BenchmarkRead(b *testing.B) {
	for b.Loop() {
		if _, err := read(files); err != nil {
			b.Fatal(err)
		}
	}
}
