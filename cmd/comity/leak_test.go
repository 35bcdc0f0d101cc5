package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/leak"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/sqlstore/storetest"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web"
)

// What is sealed must stand nowhere but with those it is sealed to; and with
// them, not where people without a right to it look: logs, metrics, error
// pages, public answers, what a crash prints.

// reader is somebody who asks a node: without a person, anybody.
type reader struct {
	role    person.Role
	token   string // for the API
	session string // for the pages
}

// readers signs everybody in at a node: anybody, and a person of each role.
func (v *victim) readers() []reader {
	v.t.Helper()
	n, err := node.Open(v.t.Context(), node.Config{Dir: v.dir, Visit: true})
	if err != nil {
		v.t.Fatal(err)
	}
	defer n.Close()
	out := []reader{{}}
	for id, role := range map[string]person.Role{"o.bserver": person.Observer, "o.fficer": person.Officer, "r.elease": person.Releasing} {
		r := reader{role: role}
		link, err := n.People.IssueLink(v.t.Context(), id, role, time.Hour)
		if err == nil {
			r.session, err = n.SignIn(v.t.Context(), link)
		}
		if err == nil {
			r.token, err = n.People.IssueToken(v.t.Context(), id, role, time.Hour)
		}
		if err != nil {
			v.t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// ask sends a request as a reader, and returns the answer with its headers.
func (v *victim) ask(ctx context.Context, r reader, method, path, contentType, body string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, v.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if strings.HasPrefix(path, "/api/") && r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	} else if r.session != "" {
		req.AddCookie(&http.Cookie{Name: web.SessionCookie(v.domain), Value: r.session})
	}
	resp, err := http.DefaultTransport.RoundTrip(req) // a redirect is an answer
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	err = resp.Header.Write(&b)
	if _, e := io.Copy(&b, resp.Body); err == nil {
		err = e
	}
	return resp.StatusCode, b.Bytes(), err
}

var links = regexp.MustCompile(`href="(/[^"#]*)`)

// crawl reads everything that a reader finds at a node: pages, answers of the
// API and what they link to; a page of each kind of error, too.
func (v *victim) crawl(r reader, names []comity.ActName) map[string][]byte {
	v.t.Helper()
	todo := []string{"/", "/board", "/record", "/peers", "/find?q=convoy", "/inbox", "/drafts", "/compose", "/prove", "/about", "/nothing", "/acts/x/y", "/metrics", "/healthz",
		"/journal/checkpoint", "/journal/tile/entries/000", "/journal/tile/0/000", "/journal/blob/x",
		"/api/", "/api/v1/self", "/api/v1/peers", "/api/v1/digest", "/api/v1/record", "/api/v1/situations", "/api/v1/asks", "/api/v1/acts?limit=500", "/api/v1/acts?limit=x",
		"/api/v1/drafts", "/api/v1/drafts/1", "/api/v1/nothing",
		"/watch", "/watch?sort=exercise", "/watch/feeds", "/watch/feeds/own-amber-exercise", "/watch/rules", "/watch/rules/new", "/watch/rules/1", "/watch/outcomes", "/watch/drafts/1",
		"/watch/places/country/MLI?sort=exercise", "/watch/series/country/MLI?sort=exercise", "/watch/events/own-amber-exercise?key=4", "/watch/jobs/x", "/watch/nothing"}
	for _, o := range []comity.Domain{"un.example", "au.example", "las.example"} {
		todo = append(todo, "/mirror/"+o.Origin().Hash()+"/checkpoint", "/mirror/"+o.Origin().Hash()+"/tile/entries/000", "/api/v1/peers/"+string(o)+"/evidence")
		for n := range 8 {
			todo = append(todo, fmt.Sprintf("/mirror/%s/tile/entries/000.p/%d", o.Origin().Hash(), n), fmt.Sprintf("/journal/tile/entries/000.p/%d", n))
		}
	}
	for _, n := range names {
		for _, at := range []string{"/acts/", "/situations/", "/api/v1/acts/", "/api/v1/situations/"} {
			todo = append(todo, at+n.String(), at+n.String()+"/entry", at+n.String()+"/proof")
		}
	}
	got := map[string][]byte{}
	for len(todo) > 0 && len(got) < 300 {
		path := todo[0]
		todo = todo[1:]
		if _, ok := got[path]; ok || strings.Contains(path, "/stream") || strings.HasPrefix(path, "/static/") {
			continue
		}
		_, b, err := v.ask(v.t.Context(), r, "GET", path, "", "")
		if err != nil {
			v.t.Fatalf("%s%s: %v", v.url, path, err)
		}
		got[path] = b
		if !bytes.Contains(b, []byte("Content-Type: text/html")) {
			continue
		}
		for _, m := range links.FindAllSubmatch(b, -1) {
			todo = append(todo, html.UnescapeString(string(m[1])))
		}
	}
	return got
}

// listen collects what a node streams to a reader until stop is called.
func (v *victim) listen(r reader, path string) (stop func() []byte) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var b []byte
	wg.Go(func() { _, b, _ = v.ask(ctx, r, "GET", path, "", "") }) // it is cut off
	return func() []byte {
		cancel()
		wg.Wait()
		return b
	}
}

// memory is what a process has in its memory, where the system shows it.
func (s *server) memory() []byte {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", s.cmd.Process.Pid))
	if err != nil {
		return nil
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", s.cmd.Process.Pid))
	if err != nil {
		return nil
	}
	defer mem.Close()
	var all []byte
	for line := range strings.Lines(string(maps)) {
		at, rights, _ := strings.Cut(line, " ")
		from, to, _ := strings.Cut(at, "-")
		a, err1 := strconv.ParseUint(from, 16, 63)
		z, err2 := strconv.ParseUint(to, 16, 63)
		// Only what can be written: what cannot is the program. Not what is
		// mapped from a file, which is searched as one.
		if err1 != nil || err2 != nil || !strings.HasPrefix(rights, "rw") || strings.Contains(line, "/") || z-a > 256<<20 {
			continue
		}
		b := make([]byte, z-a)
		if n, _ := mem.ReadAt(b, int64(a)); n > 0 {
			all = append(all, b[:n]...)
		}
	}
	return all
}

// startDumping starts a node in a folder of its own, in which its core file would
// be. It crashes like a program that wants to leave one.
func (v *victim) startDumping() {
	v.t.Helper()
	cmd := comityCmd(v.t, append([]string{"serve"}, v.args...)...)
	cmd.Dir, cmd.Env = v.t.TempDir(), append(cmd.Env, "GOTRACEBACK=crash")
	v.server = start(v.t, cmd)
}

// cores are the names of the core files that a crashed process has left.
func (s *server) cores() []string {
	s.t.Helper()
	names, err := filepath.Glob(filepath.Join(s.cmd.Dir, "*core*"))
	if err != nil {
		s.t.Fatal(err)
	}
	return names
}

// core is what a crashed process has left that was allowed to; nil, and the log
// says why, where the system gives core files to somebody else.
func (s *server) core() []byte {
	s.t.Helper()
	names := s.cores()
	if len(names) == 0 {
		if why := noCore(); why != "" {
			s.t.Logf("no core file is searched: %s", why)
		} else {
			s.t.Errorf("the process left no core file: %v", s.cmd.ProcessState)
		}
		return nil
	}
	b, err := os.ReadFile(names[0])
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// dump ends the process as a crash does, with the stacks of all goroutines, and
// returns all that it has written to standard error.
func (s *server) dump() []byte {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		s.t.Fatal(err)
	}
	_ = s.cmd.Wait() // it says that it was killed
	if !bytes.Contains(s.log.Bytes(), []byte("goroutine ")) || !bytes.Contains(s.log.Bytes(), []byte("internal/node.(*Node).Serve")) {
		s.t.Fatalf("no stacks in what a crash wrote:\n%s", tail(&victim{server: s}))
	}
	return s.log.Bytes()
}

// files are all the bytes in a folder, and all rows of the database.
func (v *victim) files() map[string][]byte {
	v.t.Helper()
	kept := map[string][]byte{}
	if err := filepath.WalkDir(v.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		kept[strings.TrimPrefix(path, v.dir)] = b
		return err
	}); err != nil {
		v.t.Fatal(err)
	}
	n, err := node.Open(v.t.Context(), node.Config{Dir: v.dir, Visit: true})
	if err != nil {
		v.t.Fatal(err)
	}
	defer n.Close()
	if kept["database"], err = n.Dump(v.t.Context()); err != nil {
		v.t.Fatal(err)
	}
	return kept
}

// secrets are the texts of the sealed acts, one for each place where a text
// can stand.
var secrets = struct{ title, text, body, ask, source, organ, focal, file, marking string }{
	"Convoy leaves Brume at dawn", "Grenzübergang \"Nord\" <unguarded> & mined", "Silver Heron deployment", "Say if Falkenhorst may be told", "Annex Quicksilver, para 9",
	"Office of Umbrella Kestrel", "Point Nightjar Eleven", "plan-of-osprey-crossing.pdf", "HOUSE EYES OF MAGPIE",
}

var all = []string{secrets.title, secrets.text, secrets.body, secrets.ask, secrets.source, secrets.organ, secrets.focal, secrets.file, secrets.marking}

// nowhere fails for each text that stands in what was collected.
func nowhere(t *testing.T, at comity.Domain, what string, in map[string][]byte) (bytes int) {
	t.Helper()
	marks := leak.Of(all...)
	for _, name := range slices.Sorted(maps.Keys(in)) {
		bytes += len(in[name])
		for _, f := range marks.Find(in[name]) {
			t.Errorf("%s, %s, %s: holds %s", at, what, name, f)
		}
	}
	return bytes
}

func TestNoLeak(t *testing.T) {
	// As where an operator has allowed core files: processes inherit that.
	if err := allowCore(0); err != nil {
		t.Logf("no core files can be had here: %v", err)
	}
	t.Run("sqlite", func(t *testing.T) { noLeak(t, func(*testing.T) string { return "" }) })
	t.Run("postgres", func(t *testing.T) { noLeak(t, func(t *testing.T) string { return storetest.Postgres(t) }) })
}

func noLeak(t *testing.T, db func(*testing.T) string) {
	t.Parallel()
	// The issuer, the addressee, and one to whom nothing is sealed.
	un, au, las := newVictim(t, "un.example", db(t)), newVictim(t, "au.example", db(t)), newVictim(t, "las.example", db(t))
	nodes := []*victim{un, au, las}
	for _, v := range nodes {
		for _, o := range nodes {
			if v != o {
				v.pin(o)
			}
		}
	}
	streams := map[*victim][]func() []byte{}
	who := map[*victim][]reader{}
	for _, v := range nodes {
		v.args = append(v.args, "--verbose")
		v.startDumping()
	}
	for _, v := range nodes {
		v.ready()
		if v != au {
			if err := allowCore(v.cmd.Process.Pid); err != nil {
				t.Logf("no core files can be had here: %v", err)
			}
		}
		who[v] = v.readers()
		streams[v] = append(streams[v], v.listen(reader{}, "/journal/stream"))
		for _, r := range who[v] {
			if v == las || r.role == "" || r.role == person.Observer {
				streams[v] = append(streams[v], v.listen(r, "/api/v1/stream"))
			}
		}
	}

	names := issueSecrets(t, un, who[un])
	abuse(t, un, who[un])
	watchSecrets(t, un)
	l := &life{T: t, un: un, au: las}
	for _, v := range []*victim{au, las} {
		l.eventually(string(v.domain)+" holds it", func() error {
			_, b, err := v.ask(t.Context(), who[v][slices.IndexFunc(who[v], func(r reader) bool { return r.role == person.Officer })], "GET", "/api/v1/acts/"+names[len(names)-1].String(), "", "")
			if err != nil || !bytes.Contains(b, []byte(`"leaf"`)) || v == au && !bytes.Contains(b, []byte(secrets.organ)) {
				return fmt.Errorf("%.300s, %v", b, err)
			}
			return nil
		})
	}

	total := 0
	for _, v := range nodes {
		for _, r := range who[v] {
			// Whom it is sealed to may read it, but for observers.
			if v != las && r.role != "" && r.role != person.Observer {
				if _, b, err := v.ask(t.Context(), r, "GET", "/api/v1/acts/"+names[1].String(), "", ""); err != nil || !bytes.Contains(b, []byte(secrets.title)) {
					t.Errorf("%s: a person as %s cannot read what is sealed to them: %v", v.domain, r.role, err)
				}
				continue
			}
			total += nowhere(t, v.domain, "to "+cmp.Or(string(r.role), "anybody"), v.crawl(r, names))
		}
		heard := map[string][]byte{}
		for i, stop := range streams[v] {
			heard[fmt.Sprint("stream ", i)] = stop()
		}
		total += nowhere(t, v.domain, "streamed", heard)
		_, metrics, err := v.ask(t.Context(), reader{}, "GET", "/metrics", "", "")
		if err != nil || !bytes.Contains(metrics, []byte("comity_journal_size")) {
			t.Errorf("%s: metrics: %v", v.domain, err)
		}
		total += nowhere(t, v.domain, "metrics", map[string][]byte{"/metrics": metrics})
	}

	// What the one to whom nothing is sealed keeps, on disk and in memory; as it
	// runs, with the log that a database writes ahead, and after a crash.
	total += nowhere(t, las.domain, "running", las.files())
	memory := las.memory()
	if runtime.GOOS == "linux" && len(memory) == 0 {
		t.Log("the memory of a process cannot be read here")
	}
	total += nowhere(t, las.domain, "memory", map[string][]byte{"": memory})
	for _, v := range nodes {
		total += nowhere(t, v.domain, "log and crash", map[string][]byte{"standard error": v.dump()})
	}
	if names := au.cores(); len(names) > 0 {
		t.Errorf("a node that nobody allowed to leaves a core file: %s", names)
	}
	total += nowhere(t, las.domain, "crash", map[string][]byte{"core file": las.core()})
	if core := un.core(); core != nil && len(leak.Of(all...).Find(core)) == 0 {
		t.Error("the issuer's core file holds nothing of its own act: the search finds nothing there")
	}
	total += nowhere(t, las.domain, "after a crash", las.files())
	if b := un.files()["database"]; !bytes.Contains(b, []byte(secrets.title)) {
		t.Error("the issuer does not keep its own act: nothing was tested")
	}
	t.Logf("searched %d bytes", total)
}

// sealed is a document with all secrets in it.
func sealed(file comity.ActName, more map[string]any) string {
	doc := map[string]any{"kind": "request.v1", "date": time.Now().UTC().Format(time.RFC3339), "situation": file, "status": "exercise", "tlp": "AMBER", "lang": "de",
		"title": secrets.title, "text": secrets.text, "marking": secrets.marking, "by": map[string]any{"organ": secrets.organ},
		"to":     []any{map[string]any{"org": "au.example", "organ": secrets.organ, "focal_point": secrets.focal, "for": "answer"}},
		"ask":    map[string]any{"what": secrets.ask, "basis": "wish", "source": secrets.source},
		"body":   map[string]any{"needs": []any{map[string]any{"what": secrets.body, "n": 3}}, "note": secrets.body},
		"attach": []any{map[string]any{"name": secrets.file, "sha256": strings.Repeat("ab", 32), "type": "application/pdf", "size": 12}}}
	for k, v := range more {
		if doc[k] = v; v == nil {
			delete(doc, k)
		}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		panic(err) // the test's own
	}
	return string(b)
}

// issueSecrets issues a file, a sealed act in it, and one that a second person
// releases.
func issueSecrets(t *testing.T, un *victim, who []reader) (names []comity.ActName) {
	t.Helper()
	by := map[person.Role]reader{}
	for _, r := range who {
		by[r.role] = r
	}
	post := func(r reader, path, doc string) (name comity.ActName, draft int64) {
		t.Helper()
		var code int
		var b []byte
		(&life{T: t, un: un, au: un}).eventually("the issuer records", func() (err error) {
			if code, b, err = un.ask(t.Context(), r, "POST", path, "application/json", doc); err == nil && code == http.StatusServiceUnavailable {
				err = errors.New("not yet")
			}
			return err
		})
		var out struct {
			Act   comity.ActName
			Draft int64
		}
		_, body, _ := bytes.Cut(b, []byte("{"))
		if err := json.Unmarshal(append([]byte("{"), body...), &out); err != nil || code >= 300 {
			t.Fatalf("%d %s: %v", code, b, err)
		}
		return out.Act, out.Draft
	}
	open, _ := post(by[person.Officer], "/api/v1/acts", `{"kind":"situation.v1","date":"2003-04-11T08:30:00Z","status":"exercise","tlp":"CLEAR","lang":"en","title":"The situation in Alba"}`)
	a, _ := post(by[person.Officer], "/api/v1/acts", sealed(open, nil))
	_, draft := post(by[person.Officer], "/api/v1/acts", sealed(open, map[string]any{"kind": "deployment.v1", "body": map[string]any{"party": "un.example", "name": secrets.body}}))
	post(by[person.Officer], "/api/v1/acts", sealed(open, map[string]any{"kind": "report.v1", "states": []string{"MLI"}, "date": time.Now().UTC().Add(-time.Hour).Format(time.RFC3339),
		"where": map[string]any{"type": "Point", "coordinates": []float64{-4.1, 14.5}}, "body": map[string]any{"killed": 3, "note": secrets.body}}))
	b, _ := post(by[person.Releasing], fmt.Sprintf("/api/v1/drafts/%d/release", draft), "{}")
	return []comity.ActName{open, a, b}
}

// watchSecrets has the organization's own reports read, and what they tell drafted.
func watchSecrets(t *testing.T, un *victim) {
	t.Helper()
	n, err := node.Open(t.Context(), node.Config{Dir: un.dir, Visit: true})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	_, err = n.Feeds.ReadOwn(t.Context())
	if err == nil {
		_, err = n.Watch.PutRule(t.Context(), operator, watch.Rule{Name: "Any", Exercise: true, Level: watch.ByCountry, Places: []string{"MLI"}, Signal: "deaths.last(30)", Fire: 1, Rearm: 0.5, Gap: 30, Damp: 1, Deaths: 25, Months: 3, Lapse: 14})
	}
	if err != nil {
		t.Fatal(err)
	}
	night, err := n.Watch.RunNow(t.Context(), operator)
	if err != nil || night.Err != "" || night.Drafted != 1 {
		t.Fatalf("what the report tells is not drafted: %v, %+v", err, night)
	}
}

// abuse sends the secrets to their own node in ways that fail. Nothing of them
// may go into its log. A draft is left for everybody else not to find.
func abuse(t *testing.T, un *victim, who []reader) {
	t.Helper()
	file := comity.ActName{Domain: "un.example", Index: 1}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, sealed(file, nil))
	z.Close()
	form := url.Values{"title": {secrets.title}, "text": {secrets.text}, "tlp": {"AMBER"}, "situation": {"un.example/1"}, "f": {"preview"}}.Encode()
	for _, r := range who {
		for _, x := range []struct{ method, path, contentType, body string }{
			{"POST", "/api/v1/acts", "application/json", sealed(file, map[string]any{"kind": "unheard-of.v9", "effects": []any{map[string]any{"do": secrets.body}}})},
			{"POST", "/api/v1/acts", "application/json", sealed(comity.ActName{Domain: "un.example", Index: 999}, nil)},
			{"POST", "/api/v1/acts", "application/json", sealed(file, map[string]any{"tlp": secrets.marking})},
			{"POST", "/api/v1/acts", "application/json", sealed(file, map[string]any{"to": []any{map[string]any{"org": "nobody.example", "for": "answer"}}})},
			{"POST", "/api/v1/acts", "application/json", sealed(file, nil)[:200]},
			{"POST", "/api/v1/acts", "application/json", strings.Repeat(sealed(file, nil), 300)},
			{"POST", "/api/v1/acts", "application/json", packed.String()},
			{"POST", "/api/v1/acts", "text/" + url.PathEscape(secrets.title), sealed(file, nil)},
			{"POST", "/api/v1/preview", "application/json", sealed(file, nil)},
			{"POST", "/api/v1/acts", "application/json", sealed(file, map[string]any{"kind": "deployment.v1", "body": map[string]any{"party": "un.example", "name": secrets.body}})},
			{"POST", "/compose/note.v1", "application/x-www-form-urlencoded", form},
			{"POST", "/compose/request.v1", "application/x-www-form-urlencoded", form + "&%zz"},
			{"POST", "/compose/note.v1", "multipart/form-data; boundary=x", "--x\r\n" + secrets.text},
			{"GET", "/find?" + url.Values{"q": {secrets.title}}.Encode(), "", ""},
			{"GET", "/acts/un.example/" + url.PathEscape(secrets.title), "", ""},
			{"GET", "/api/v1/acts?" + url.Values{"limit": {secrets.title}}.Encode(), "", ""},
			{"GET", "/api/v1/" + url.PathEscape(secrets.title), "", ""},
			{"GET", "/journal/blob/" + url.PathEscape(secrets.title), "", ""},
			{"POST", "/watch/rules/new", "application/x-www-form-urlencoded", url.Values{"do": {"keep"}, "name": {secrets.title}, "level": {"cell"}, "signal": {secrets.text}, "fire": {secrets.body}}.Encode()},
			{"POST", "/watch/feeds", "application/x-www-form-urlencoded", url.Values{"name": {"x"}, "adapter": {secrets.title}, "from": {secrets.text}}.Encode()},
			{"POST", "/watch/feeds/x", "multipart/form-data; boundary=x", "--x\r\n" + secrets.text},
			{"POST", "/watch/drafts/1", "application/x-www-form-urlencoded", url.Values{"do": {secrets.title}, "why": {secrets.text}}.Encode()},
			{"POST", "/watch/jobs/" + url.PathEscape(secrets.title), "application/x-www-form-urlencoded", "do=stop"},
			{"GET", "/watch/places/country/" + url.PathEscape(secrets.title), "", ""},
			{"POST", "/mirror/add-entries", "application/octet-stream", secrets.title},
			{"POST", "/journal/witness/add-checkpoint", "text/plain", "old 0\n\n" + secrets.title + "\n"},
		} {
			if _, _, err := un.ask(t.Context(), r, x.method, x.path, x.contentType, x.body); err != nil {
				t.Errorf("%s %s as %q: %v", x.method, x.path, r.role, err)
			}
		}
	}
}

// A text that did leak is found: in a file of the folder, in a row of the
// database, in a log.
func TestLeakIsFound(t *testing.T) {
	v := newVictim(t, "las.example", "")
	check := func(where string, in map[string][]byte) {
		t.Helper()
		found := leak.Of(all...).Find(bytes.Join(slices.Collect(maps.Values(in)), []byte("\n")))
		if len(found) == 0 {
			t.Errorf("planted in %s: not found", where)
		}
	}
	if err := os.WriteFile(filepath.Join(v.dir, "forgotten.gz"), func() []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		io.WriteString(z, `{"title":"`+secrets.title+`"}`)
		z.Close()
		return b.Bytes()
	}(), 0o600); err != nil {
		t.Fatal(err)
	}
	check("a file", v.files())
	if err := os.Remove(filepath.Join(v.dir, "forgotten.gz")); err != nil {
		t.Fatal(err)
	}
	if found := leak.Of(all...).Find(v.files()["database"]); len(found) > 0 {
		t.Fatalf("before it is planted: %v", found)
	}
	n, err := node.Open(t.Context(), node.Config{Dir: v.dir, Visit: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = n.People.AddPerson(t.Context(), "s.py", secrets.text, "Office", person.Observer)
	if err = errors.Join(err, n.Close()); err != nil {
		t.Fatal(err)
	}
	kept := v.files()
	check("a row", map[string][]byte{"": kept["database"]})
	delete(kept, "database")
	check("the pages of the database", kept)
	check("a log", map[string][]byte{"": fmt.Appendf(nil, "level=INFO msg=%q", secrets.text)})
}
