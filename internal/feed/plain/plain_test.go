package plain

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/feedtest"
)

const (
	file = "No,Date,End,Where,Lat,Lon,ISO2,Killed,Min,Max,By,Against,What,Said by,Link\n" +
		"007,11.4.2003,13.4.2003,Bouaké,7.69,-5.03,CI,3,2,5,Front,Villagers,attack,Radio,https://example.org/7\n"
	mapping = `{"columns": {"key": "No", "from": "date", "to": "End", "place": "Where", "latitude": "Lat", "longitude": "6", "country": "ISO2", "best": "Killed", "low": "Min",
		"high": "Max", "side_a": "By", "side_b": "Against", "violence": "What", "source": "Said by", "url": "Link"},
		"constants": {"grade": "B2", "category": "incident"}, "dates": ["dmy"], "countries": "iso2", "violence": {"attack": 3, "clash": 1}, "missing": ["-"]}`
)

var want = feed.Event{
	Key: "007", Title: "Front - Villagers", Category: "incident", Violence: feed.OneSided, From: feed.Date(2003, time.April, 11), To: feed.Date(2003, time.April, 13), DatePrec: 1,
	Located: true, Lat: 7.69, Lon: -5.03, Cell: feed.CellAt(7.69, -5.03), Place: "Bouaké", Country: "CIV", GW: 437, SideA: "Front", SideB: "Villagers",
	Low: 2, Best: 3, High: 5, Source: "Radio", Grade: "B2", URL: "https://example.org/7",
}

func read(t *testing.T, text, mapping string) ([]feed.Event, []*feed.Fault) {
	t.Helper()
	return feedtest.Read(t, CSV, strings.NewReader(text), feed.Options{Mapping: []byte(mapping)})
}

func TestEvent(t *testing.T) {
	for name, text := range map[string]string{
		"commas":     file,
		"semicolons": strings.ReplaceAll(file, ",", ";"),
		"tabs, CRLF": "\xef\xbb\xbf" + strings.ReplaceAll(strings.ReplaceAll(file, ",", "\t"), "\n", "\r\n"),
	} {
		events, faults := read(t, text, mapping)
		if len(faults) > 0 || len(events) != 1 || events[0] != want {
			t.Errorf("%s: %v\n got %+v\nwant %+v", name, faults, events, want)
		}
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		from, to string
		column   string // "": it is an event
		check    func(feed.Event) bool
	}{
		{",CI,", ",NA,", "", func(e feed.Event) bool { return e.Country == "NAM" }},
		{",CI,", ",XK,", "", func(e feed.Event) bool { return e.Country == "" }},
		{"Radio", "NA", "", func(e feed.Event) bool { return e.Source == "" }},
		{"Radio", " - ", "", func(e feed.Event) bool { return e.Source == "" }},
		{"13.4.2003", "", "", func(e feed.Event) bool { return e.To == e.From }},
		{",2,5,", ",,,", "", func(e feed.Event) bool { return e.Low == 3 && e.High == 3 }},
		{"https:", "javascript:", "", func(e feed.Event) bool { return e.URL == "" }},
		{"007", "", "no", nil},
		{"11.4.2003", "4/13/2003", "date", nil},
		{"13.4.2003", "10.4.2003", "end", nil},
		{"attack", "riot", "what", nil},
		{",3,2,5,", ",,,,", "killed", nil},
		{",3,2,5,", ",3,4,5,", "killed", nil},
		{",3,2,5,", ",3,x,5,", "min", nil},
		{"7.69,-5.03", "-95.03,7.69", "lat", nil},
		{"Bouaké", "Bouak\xe9", "where", nil},
		{"Bouaké", "Bouaké,", "", nil},
	} {
		head, row, _ := strings.Cut(file, "\n")
		changed := strings.Replace(row, c.from, c.to, 1)
		if changed == row {
			t.Fatalf("nothing says %s", c.from)
		}
		events, faults := read(t, head+"\n"+row+changed+row, mapping)
		switch {
		case c.check != nil:
			if len(events) != 3 || !c.check(events[1]) {
				t.Errorf("%s for %s: %+v, %v", c.to, c.from, events, faults)
			}
		case len(events) != 2 || len(faults) != 1 || !strings.EqualFold(faults[0].Column, c.column) || faults[0].Line != 3:
			t.Errorf("%s for %s: %v; want one of column %q", c.to, c.from, faults, c.column)
		}
	}
}

// Without a column for it, an event is known by what its row says, and rows that say
// the same are events of their own.
func TestNoKey(t *testing.T) {
	const m = `{"columns": {"from": "1", "best": "2"}, "no_header": true, "blank_is_zero": true}`
	const text = "2003-04-11,3,x\n2003-04-11,3,y\n2003-04-11,3,x\n2003,,\n"
	events, faults := read(t, text, m)
	if len(faults) > 0 || len(events) != 4 || events[2].Key != events[0].Key+"-2" || events[0].Key == events[1].Key {
		t.Fatalf("%+v, %v", events, faults)
	}
	if e := events[3]; e.Best != 0 || e.From != feed.Date(2003, time.January, 1) || e.To != feed.Date(2003, time.December, 31) || e.DatePrec != 5 {
		t.Errorf("%+v", e)
	}
}

func TestDates(t *testing.T) {
	day := feed.Date(2015, time.March, 19)
	for s, styles := range map[string][]Style{
		"2015-03-19": {ISO}, "2015-03-19T10:00:00Z": {ISO, DMY}, "19/3/15": {ISO, DMY}, "19.03.2015": {DMY}, "19-03-2015 10:30": {DMY}, "3/19/15": {MDY},
		"2015/3/19": {YMD}, "20150319": {Compact}, "42082": {Excel}, "March 19, 2015": {DMY, Words}, "19 March 2015": {Words},
	} {
		if got, ok := parseDate(s, styles); !ok || got != (span{day, day, 1}) {
			t.Errorf("%q as %v is %s, %v", s, styles, got.from, ok)
		}
	}
	for s, style := range map[string]Style{
		"": ISO, "2015-13": ISO, "2015-3": ISO, "215": ISO, "31/4/2015": DMY, "19/3/2015": MDY, "19/3": DMY, "19/3/015": DMY, "20151319": Compact, "1.5": Excel, "15/3/19": YMD,
	} {
		if got, ok := parseDate(s, []Style{style}); ok {
			t.Errorf("%q as %s is taken for %s", s, style, got.from)
		}
	}
	if got, ok := parseDate("2015-02", nil); !ok || got != (span{feed.Date(2015, time.February, 1), feed.Date(2015, time.February, 28), 4}) {
		t.Errorf("a month is %+v", got)
	}
	if got, _ := parseDate("1/1/70", []Style{DMY}); got.from != 0 {
		t.Errorf("1/1/70 is %s", got.from)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "needs a mapping",
		"{":                                    "the mapping",
		`{} {}`:                                "behind it",
		`{"columns": {}}`:                      "no column is the date",
		`{"columns": {"from": "a", "x": "b"}}`: `no field "x"`,
		`{"colums": {"from": "a"}}`:            "unknown field",
		`{"columns": {"from": "a", "latitude": "b"}}`:                           "go together",
		`{"columns": {"from": "a"}, "dates": ["dmy", "mdy"]}`:                   "not with either",
		`{"columns": {"from": "a"}, "dates": ["x"]}`:                            "no date style",
		`{"columns": {"from": "a"}, "countries": "fips"}`:                       "fips",
		`{"columns": {"from": "a"}, "delimiter": "x"}`:                          "separated",
		`{"columns": {"from": "a", "grade": "b"}, "constants": {"grade": "x"}}`: "both",
		`{"columns": {"from": "a"}, "constants": {"key": "x"}}`:                 "differs",
		`{"columns": {"from": "a"}, "violence": {"x": 4}}`:                      "no type",
		`{"columns": {"from": "a"}, "skip": -1}`:                                "skipped",
		strings.Repeat(" ", maxMapping+1):                                       "longer",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v; want %q", text, err, want)
		}
	}
	for m, want := range map[string]string{
		`{"columns": {"from": "Day"}}`: `no column "Day"`,
		`{"columns": {"from": "16"}}`:  `no column "16"`,
		`{"columns": {"from": "A"}}`:   "2 columns",
	} {
		if _, err := CSV.Open(strings.NewReader("a,A,b\n"), feed.Options{Mapping: []byte(m)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", m, err, want)
		}
	}
}

func TestTags(t *testing.T) {
	for in, want := range map[string]string{"#adm1": "#adm1", " #Adm1 + Name+code ": "#adm1+code+name", "adm1": "", "#": "", "#adm1+": "", "#a,b": "", "#1 thing!": ""} {
		if got := tag(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	const hxl = "A report\n\nWhen,Where\n#date +reported,#adm1+name\n2003-04-11,Bouaké\n"
	events, faults := read(t, hxl, `{"columns": {"from": "#date+reported", "place": "Where"}}`)
	if len(faults) > 0 || len(events) != 1 || events[0].Place != "Bouaké" {
		t.Errorf("%+v, %v", events, faults)
	}
}

func TestGuess(t *testing.T) {
	for _, c := range []struct {
		text  string
		want  string // its JSON
		doubt string
	}{
		{"event_id,event_date,latitude,longitude,country,fatalities,notes\n1,13/04/2003,1,2,Mali,3,x\n2,01/05/2003,1,2,Niger,0,y\n",
			`{"columns":{"key":"event_id","from":"event_date","latitude":"latitude","longitude":"longitude","country":"country","best":"fatalities","title":"notes"},"dates":["dmy"],"countries":"name"}`, ""},
		{"Id;Day;Iso2;Dead\n1;04/05/2003;NA;3\n2;05/05/2003;XK;3\n",
			`{"delimiter":";","columns":{"key":"Id","from":"Day","country":"Iso2","best":"Dead"},"dates":["dmy"],"countries":"iso2"}`, "day or with the month"},
		{"a,b\n1,2003-04-11\n2,2003-04-12\n", `{"columns":{"from":"b"}}`, "number of an event"},
		{"x,#y\nCuándo,Dónde\n#date+start,#country+code+v_iso3\n2003-04-11,SYR\n", `{"columns":{"from":"#date+start","country":"#country+code+v_iso3"}}`, "deaths"},
	} {
		p, err := Guess(strings.NewReader(c.text))
		if err != nil {
			t.Fatal(err)
		}
		got, _ := json.Marshal(p.Mapping)
		var want Mapping
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			t.Fatal(err)
		}
		wantText, _ := json.Marshal(want)
		if string(got) != string(wantText) {
			t.Errorf("%q\n got %s\nwant %s", c.text, got, wantText)
		}
		if doubts := strings.Join(p.Doubts, " "); c.doubt == "" && doubts != "" || !strings.Contains(doubts, c.doubt) {
			t.Errorf("%q: doubts %q; want %q", c.text, doubts, c.doubt)
		}
		if m, err := Parse(p.Mapping.JSON()); err != nil || len(m.Columns) != len(want.Columns) {
			t.Errorf("the mapping is not read again: %v", err)
		}
		if events, faults := read(t, c.text, string(p.Mapping.JSON())); len(events) == 0 || len(faults) > 0 {
			t.Errorf("%q is not read with it: %v", c.text, faults)
		}
	}
	if _, err := Guess(strings.NewReader("")); err == nil {
		t.Error("an empty file has a mapping")
	}
}

// Files of HXL of which some column is a date are read with the mapping that is
// guessed, each row an event or a fault; of the others no date is found.
func TestSamples(t *testing.T) {
	root := feedtest.Sample(t, "samples", "hxl")
	rows := map[string][2]int{ // events and faults, counted by another program; faults are rows without a date, or with one of another style
		"HXLStandard_libhxl-python__add-output-before.csv":  {8, 0},
		"HXLStandard_libhxl-python__add-output-headers.csv": {8, 0},
		"HXLStandard_libhxl-python__input-date.csv":         {7, 1},
		"HXLStandard_libhxl-python__input-valid.csv":        {1, 3},
		"HXLStandard_libhxl-python__output-valid.csv":       {1, 3},
	}
	all, err := filepath.Glob(filepath.Join(root, "*.csv"))
	if err != nil || len(all) == 0 {
		t.Fatal(err)
	}
	for _, name := range all {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Guess(f)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f.Close()
		want, dated := rows[filepath.Base(name)]
		if !dated {
			if from := p.Mapping.Columns[From]; from != "" && !strings.Contains(name, "wide-tagging") {
				t.Errorf("%s: %s is taken for a date", name, from)
			}
			continue
		}
		events, faults := feedtest.ReadFile(t, CSV, name, feed.Options{Mapping: p.Mapping.JSON()})
		if len(events) != want[0] || len(faults) != want[1] {
			t.Errorf("%s with %s: %d events, faults %v; want %v", name, p.Mapping.JSON(), len(events), faults, want)
		}
	}
}

func FuzzCSV(f *testing.F) {
	feedtest.Fuzz(f, CSV, feed.Options{Mapping: []byte(`{"columns": {"from": "1", "best": "2", "latitude": "3", "longitude": "4", "country": "5"}, "dates": ["iso", "dmy", "words", "excel"], "countries": "name"}`)},
		"date,dead,lat,lon,country\n2003-04-11,3,7.69,-5.03,Mali\n1/2/03,0,,,\n", "a;b;c;d;e\n#date;#x;#y;#z;#v\n19 March 2015;1;1;1;Niger\n")
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(mapping), []byte(file))
	f.Add([]byte(`{"columns":{"from":"1"},"no_header":true,"skip":1}`), []byte("\n\n2003,4\n"))
	f.Fuzz(func(t *testing.T, m, text []byte) {
		if r, err := CSV.Open(strings.NewReader(string(text)), feed.Options{Mapping: m}); err == nil {
			_ = r.Next(&feed.Event{})
		}
		if p, err := Guess(strings.NewReader(string(text))); err == nil {
			if _, err := Parse(p.Mapping.JSON()); err != nil && slices.Index(p.Doubts, "No column looks like a date.") < 0 {
				t.Fatalf("guessed %s: %v", p.Mapping.JSON(), err)
			}
		}
	})
}

func TestMend(t *testing.T) {
	feedtest.Mend(t, CSV, file+strings.Replace(strings.SplitN(file, "\n", 2)[1], "11.4.", "31.4.", 1), feed.Options{Mapping: []byte(mapping)}, "31.4.", "11.4.", want)
	const hxl = "A report\n\nWhen,Where\n#date +reported,#adm1+name\nyesterday,Bouaké\n"
	o := feed.Options{Mapping: []byte(`{"columns": {"from": "#date+reported", "place": "Where"}}`)}
	events, _ := feedtest.Read(t, CSV, strings.NewReader(strings.Replace(hxl, "yesterday", "2003-04-11", 1)), o)
	feedtest.Mend(t, CSV, hxl, o, "yesterday", "2003-04-11", events[0])
}
