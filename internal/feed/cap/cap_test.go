package cap

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/feedtest"
)

// alert is one of our own, in 1.2.
const alert = `<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
 <identifier>EX-1</identifier><sender>desk@example.org</sender><sent>2003-04-11T10:00:00-05:00</sent>
 <status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
 <info><language>fr-FR</language><category>Met</category><event>Crue</event><urgency>Expected</urgency><severity>Severe</severity><certainty>Likely</certainty><headline>Crue à Bouaké</headline></info>
 <info><language>en-GB</language><category>Met</category><category>Safety</category><event>Flood</event><urgency>Expected</urgency><severity>Severe</severity><certainty>Likely</certainty>
  <onset>2003-04-12T00:00:00-05:00</onset><expires>2003-04-14T00:00:00-05:00</expires><senderName>Example Met Office</senderName><headline>Flood at
  Bouaké</headline><web>https://example.org/flood</web>
  <area><areaDesc>Bouaké</areaDesc><polygon/><polygon>7,-6 8,-6 8,-5 7,-5 7,-6</polygon><polygon>0,0 0,0.1 0.1,0.1 0,0</polygon></area>
  <area><areaDesc>Katiola</areaDesc><circle>1,1 10</circle></area>
 </info>
</alert>`

const declaration = `<?xml version="1.0" encoding="UTF-8"?>`

var want = feed.Event{
	Key: "desk@example.org,EX-1", Version: "2003-04-11T10:00:00-05:00", Title: "Flood at Bouaké", Category: "Met, Safety: Flood, Severe, Expected",
	From: feed.Date(2003, time.April, 12), To: feed.Date(2003, time.April, 14), DatePrec: 1, Located: true, Lat: 7.5, Lon: -5.5, Cell: feed.CellAt(7.5, -5.5),
	Country: "CIV", CountryBy: feed.ByPoint, GW: 437,
	Place: "Bouaké; Katiola", Source: "Example Met Office", Grade: "Likely", URL: "https://example.org/flood",
}

func TestAlert(t *testing.T) {
	latin, err := charmap.ISO8859_1.NewEncoder().String(`<?xml version='1.0' encoding='ISO-8859-1'?>` + alert)
	if err != nil {
		t.Fatal(err)
	}
	prefixed := regexp.MustCompile(`(</?)([a-zA-Z])`).ReplaceAllString(strings.Replace(alert, "xmlns=", "xmlns:cap=", 1), "${1}cap:$2")
	for name, text := range map[string]string{
		"1.2":                 declaration + alert,
		"1.0, no declaration": strings.Replace(alert, "urn:oasis:names:tc:emergency:cap:1.2", "http://www.incident.com/cap/1.0", 1),
		"mark":                "\xef\xbb\xbf" + declaration + alert,
		"ISO-8859-1":          latin,
		"prefixed":            prefixed,
		"in alerts":           "<alerts>" + alert + "</alerts>",
		"in Atom":             `<feed xmlns="http://www.w3.org/2005/Atom"><id>x</id><entry><id>y</id><title>no</title><content type="text/xml">` + alert + `</content></entry></feed>`,
		"in RSS":              `<rss><channel><item><guid>y</guid>` + alert + `</item></channel></rss>`,
	} {
		events, faults := feedtest.Read(t, Alerts, strings.NewReader(text), feed.Options{})
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
		{"<status>Actual", "<status>Exercise", "", func(e feed.Event) bool { return strings.HasPrefix(e.Title, "EXERCISE: ") }},
		{"<msgType>Alert", "<msgType>Cancel", "", func(e feed.Event) bool { return strings.HasPrefix(e.Category, "Cancel: ") }},
		{"7,-6 8,-6 8,-5 7,-5 7,-6", "-1,179 1,179 1,-179 -1,-179 -1,179", "", func(e feed.Event) bool { return e.Lat == 0 && (e.Lon == 180 || e.Lon == -180) }},
		{"7,-6 8,-6 8,-5 7,-5 7,-6", "-1,-178 1,-178 1,-184 -1,-184 -1,-178", "", func(e feed.Event) bool { return e.Lat == 0 && e.Lon == 179 }},
		{"7,-6 8,-6 8,-5 7,-5 7,-6", "", "", func(e feed.Event) bool { return e.Lat < 0.1 && e.Located }},
		{"en-GB", "de-DE", "", func(e feed.Event) bool {
			return e.Title == "Crue à Bouaké" && !e.Located && e.From == feed.Date(2003, time.April, 11)
		}},
		{"https://example.org/flood", "javascript:alert(1)", "", func(e feed.Event) bool { return e.URL == "" }},
		{"<identifier>EX-1</identifier>", "", "identifier", nil},
		{"7,-6 8,-6", "97,-6 8,-6", "polygon", nil},
		{"7,-6 8,-6", "7;-6 8,-6", "polygon", nil},
		{"<expires>2003-04-14", "<expires>2003-04-01", "expires", nil},
		{"<expires>2003-04-14", "<expires>2199-04-14", "expires", nil},
		{"<onset>2003-04-12T00:00:00-05:00", "<onset>tomorrow", "sent", nil},
	} {
		text := strings.Replace(alert, c.from, c.to, 1)
		if text == alert {
			t.Fatalf("nothing says %s", c.from)
		}
		events, faults := feedtest.Read(t, Alerts, strings.NewReader("<alerts>\n"+alert+"\n"+text+alert+"</alerts>"), feed.Options{})
		switch {
		case c.column == "":
			if len(events) != 3 || !c.check(events[1]) {
				t.Errorf("%s for %s: %+v, %v", c.to, c.from, events, faults)
			}
		case len(events) != 2 || len(faults) != 1 || faults[0].Column != c.column || faults[0].Line != 13 || faults[0].Raw != text:
			t.Errorf("%s for %s: %v; want one of line 13, element %s", c.to, c.from, faults, c.column)
		}
	}
}

func TestHeads(t *testing.T) {
	const atom = `<feed xmlns="http://www.w3.org/2005/Atom" xmlns:cap="urn:oasis:names:tc:emergency:cap:1.1" xmlns:georss="http://www.georss.org/georss">
<entry><id>urn:1</id><updated>2003-04-11T10:00:00Z</updated><title>Flood at Bouaké</title><link href="https://example.org/1"/><link href="https://example.org/1.cap" type="application/cap+xml"/>
<cap:event>Flood</cap:event><cap:expires>2003-04-12T00:00:00Z</cap:expires><cap:areaDesc>Bouaké</cap:areaDesc><cap:polygon/><georss:point>7.69 -5.03</georss:point></entry>
<entry><updated>2003-04-11T10:00:00Z</updated><title>no id</title></entry></feed>`
	events, faults := feedtest.Read(t, Alerts, strings.NewReader(atom), feed.Options{})
	want := feed.Event{Key: "urn:1", Version: "2003-04-11T10:00:00Z", Title: "Flood at Bouaké", Category: "Flood", From: feed.Date(2003, time.April, 11), To: feed.Date(2003, time.April, 12),
		DatePrec: 1, Located: true, Lat: 7.69, Lon: -5.03, Cell: feed.CellAt(7.69, -5.03), Country: "CIV", CountryBy: feed.ByPoint, GW: 437, Place: "Bouaké", URL: "https://example.org/1.cap"}
	if len(events) != 1 || events[0] != want || len(faults) != 1 || faults[0].Column != "id" {
		t.Errorf("%v\n got %+v\nwant %+v", faults, events, want)
	}
	const rss = `<rss><channel><pubDate>x</pubDate><item><title>T</title><link>https://example.org/2</link><guid>2</guid><pubDate>Fri, 11 Apr 2003 22:39:00 PDT</pubDate></item></channel></rss>`
	events, faults = feedtest.Read(t, Alerts, strings.NewReader(rss), feed.Options{})
	if len(faults) > 0 || len(events) != 1 || events[0].Key != "2" || events[0].From != feed.Date(2003, time.April, 11) || events[0].URL != "https://example.org/2" {
		t.Errorf("%+v, %v", events, faults)
	}
}

// Nothing outside of the file is read, and nothing within grows.
func TestEntities(t *testing.T) {
	for _, dtd := range []string{
		`<!DOCTYPE alert [<!ENTITY xxe SYSTEM "file:///etc/passwd">]>`,
		`<!DOCTYPE alert [<!ENTITY a "aaaaaaaaaa"><!ENTITY xxe "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>`,
		`<!DOCTYPE alert PUBLIC "-//A//EN" "http://127.0.0.1/x.dtd" [<!ENTITY % r SYSTEM "http://127.0.0.1/y"> %r;]>`,
	} {
		events, faults := feedtest.Read(t, Alerts, strings.NewReader(declaration+dtd+strings.ReplaceAll(alert, "Flood at", "Flood &xxe; at")), feed.Options{})
		if len(faults) > 0 || len(events) != 1 || events[0].Title != "Flood &xxe; at Bouaké" {
			t.Errorf("%s: %+v, %v", dtd, events, faults)
		}
	}
}

func TestBounds(t *testing.T) {
	for name, text := range map[string]string{
		"deep":     "<alert>" + strings.Repeat("<a>", maxDepth+10),
		"many":     "<alert>" + strings.Repeat("<a/>", maxElements+10) + "</alert>",
		"long":     "<alert><identifier>" + strings.Repeat("x", maxBytes+10) + "</identifier></alert>",
		"long tag": "<alerts><" + strings.Repeat("x", maxBytes+10),
	} {
		r, err := Alerts.Open(strings.NewReader(text), feed.Options{})
		if err == nil {
			err = r.Next(&feed.Event{})
		}
		if err == nil || !strings.Contains(err.Error(), "an alert") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// One as large as NOAA's is read, and so are many.
	big := strings.Replace(alert, "7,-6 8,-6", strings.Repeat("7,-6 ", 400_000)+"8,-6", 1)
	if events, faults := feedtest.Read(t, Alerts, strings.NewReader("<alerts>"+strings.Repeat(big, 6)+"</alerts>"), feed.Options{}); len(events) != 6 {
		t.Errorf("%d of 6 large alerts, %v", len(events), faults)
	}
	for _, text := range []string{"", "plain text", "<html><body/></html>", `<?xml version="1.0" encoding="Shift_JIS"?><alert/>`} {
		if _, err := Alerts.Open(strings.NewReader(text), feed.Options{}); err == nil {
			t.Errorf("%q is taken for a file of alerts", text)
		}
	}
}

func TestNewer(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"2003-04-11T10:00:00-05:00", "2003-04-11T14:59:59+00:00", true},
		{"2003-04-11T10:00:00-05:00", "2003-04-11T15:00:00+00:00", false},
		{"2003-04-11T10:00:00Z", "Fri", true}, {"Fri", "2003-04-11T10:00:00Z", false}, {"", "", false},
	} {
		if got := newer(c.a, c.b); got != c.want {
			t.Errorf("newer(%q, %q) is %v", c.a, c.b, got)
		}
	}
}

var (
	startOfAlert = regexp.MustCompile(`<(?:\w+:)?alert[\s>]`)
	startOfEntry = regexp.MustCompile(`<(?:entry|item)[\s>]`)
)

// Every alert of every sample, and every entry of a feed without alerts, is an event
// or one of the faults that are known.
func TestSamples(t *testing.T) {
	faulty := map[string]string{
		"AT-backbone_Cap-PHP-library__template.cap":         "identifier is missing",
		"KDE_foss-public-alert-server__test_cap_data_1.xml": "expires is more than a year after",
		"sahana_eden__Flood.xml":                            "expires is before",
		"sahana_eden__Myanmar_Flood_Multiple_Area.xml":      "expires is before",
		"sahana_eden__landslide.xml":                        "expires is before",
		"google_cap-library__no_id.atom":                    "id is missing",
	}
	files, alerts := 0, 0
	for _, dir := range []string{"cap", "atom-cap", "edxl"} {
		root := feedtest.Sample(t, "samples", dir)
		all, err := os.ReadDir(root)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			name := filepath.Join(root, f.Name())
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			n := len(startOfAlert.FindAll(text, -1))
			if n == 0 {
				n = len(startOfEntry.FindAll(text, -1))
			}
			events, faults := feedtest.ReadFile(t, Alerts, name, feed.Options{})
			if len(events)+len(faults) != n {
				t.Errorf("%s has %d alerts: %d events, faults %v", f.Name(), n, len(events), faults)
			}
			for _, bad := range faults {
				if w, ok := faulty[f.Name()]; !ok || !strings.HasPrefix(bad.Column+" "+bad.Reason, w) {
					t.Errorf("%s: %v", f.Name(), bad)
				}
			}
			if faulty[f.Name()] != "" && len(faults) != 1 {
				t.Errorf("%s: %d faults; want one: %s", f.Name(), len(faults), faulty[f.Name()])
			}
			for i, e := range events {
				if e.Title == "" || strings.Contains(fmt.Sprintf("%+v", e), "root:") {
					t.Errorf("%s: alert %d is %+v", f.Name(), i+1, e)
				}
			}
			files++
			alerts += n
		}
	}
	if files != 63 || alerts != 248 { // counted by another program
		t.Errorf("%d files with %d alerts", files, alerts)
	}
}

func FuzzAlerts(f *testing.F) {
	feedtest.Fuzz(f, Alerts, feed.Options{}, declaration+alert, "<alerts>"+alert+"</alerts>", `<feed><entry><id>y</id><content>`+alert+`</content></entry><entry><id>1</id><updated>2003-04-11</updated></entry></feed>`,
		`<rss><channel><item><guid>2</guid><pubDate>Fri, 11 Apr 2003 22:39:00 PDT</pubDate></item></channel></rss>`, `<?xml version='1.0' encoding='latin1'?><!DOCTYPE alert [<!ENTITY x SYSTEM "y">]><alert>&x;`)
}

func TestMend(t *testing.T) {
	feedtest.Mend(t, Alerts, "<alerts>"+alert+strings.Replace(alert, "7,-6 8,-6", "97,-6 8,-6", 1)+"</alerts>", feed.Options{}, "97,-6", "7,-6", want)
}
