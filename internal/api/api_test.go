package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

func TestSealedActsShowNothingToOthers(t *testing.T) {
	s := newSite(t)
	file := s.desk.says(t, ecowas, doc("situation.v1", "The situation in Alba", ""))
	sealed := s.desk.seals(t, ecowas, doc("note.v1", "The mediator is Ms Secret", fmt.Sprintf(`"situation":%q`, file.Name)), true, false)
	hidden := s.desk.seals(t, ecowas, doc("situation.v1", "The situation nobody knows of", ""), true, false)

	for _, who := range []change{func(*http.Request) {}, as("observer")} {
		a := read[Act](t, s.want(200, "GET", "/api/v1/acts/"+sealed.Name.String(), who))
		if a.Readable || a.Document != nil || a.Sealed == nil || a.Why != "sealed to others" || a.Actor != "" || !a.Situation.IsZero() {
			t.Errorf("sealed act: got %+v", a)
		}
		s.want(404, "GET", "/api/v1/situations/"+hidden.Name.String(), who)
		for _, path := range []string{"acts", "situations", "asks", "situations/" + file.Name.String(), "acts/" + sealed.Name.String() + "/entry"} {
			if w := s.want(200, "GET", "/api/v1/"+path, who); strings.Contains(w.Body.String(), "Ms Secret") || strings.Contains(w.Body.String(), "nobody knows") {
				t.Errorf("%s shows a sealed text: %s", path, w.Body)
			}
		}
	}
	a := read[Act](t, s.want(200, "GET", "/api/v1/acts/"+sealed.Name.String(), as("officer")))
	if !a.Readable || !strings.Contains(string(a.Document), "Ms Secret") || a.Situation != file.Name {
		t.Errorf("sealed act, to an officer: got %+v", a)
	}
	s.want(200, "GET", "/api/v1/situations/"+hidden.Name.String(), as("officer"))
}

// TestFailuresShowNothing: what went wrong inside is for the log, whether it
// came as an error or as a panic.
func TestFailuresShowNothing(t *testing.T) {
	s := newSite(t)
	s.desk.broken = errors.New("the secret database is gone")
	for _, o := range s.spec.ops {
		if !strings.HasPrefix(o.path, "/api/v1/") {
			continue
		}
		path := strings.NewReplacer("{domain}/{index}", "ecowas.example/0", "{domain}", "au.example", "{id}", "3").Replace(o.path)
		s.wantSecret(s.problem(s.want(500, o.method, path, as("releasing"), body(warningDoc))))
	}
}

func TestActsArePagedByPosition(t *testing.T) {
	s := newSite(t)
	tell(t, s.desk)
	held := s.desk.Held()
	var names []comity.ActName
	for next := int64(0); ; {
		page := read[Acts](t, s.want(200, "GET", fmt.Sprintf("/api/v1/acts?limit=7&after=%d", next)))
		if page.Held != held || len(page.Acts) > 7 {
			t.Fatalf("page after %d: %d acts, held %d; want at most 7, held %d", next, len(page.Acts), page.Held, held)
		}
		for i, a := range page.Acts {
			if a.Position != next+int64(i)+1 {
				t.Fatalf("page after %d: act %d has the position %d", next, i, a.Position)
			}
			names = append(names, a.Name)
		}
		if len(page.Acts) == 0 {
			if page.Next != next {
				t.Errorf("empty page after %d: next is %d", next, page.Next)
			}
			break
		}
		next = page.Next
	}
	if int64(len(names)) != held || names[0] != s.desk.order[0].Name || names[held-1] != s.desk.order[held-1].Name {
		t.Errorf("paged through %d of %d acts", len(names), held)
	}
	for _, bad := range []string{"after=-1", "after=x", "limit=0", "limit=501", "limit=1&limit=2", "page=1", "after=%zz"} {
		p := s.problem(s.want(400, "GET", "/api/v1/acts?"+bad))
		if name, _, _ := strings.Cut(bad, "="); p.Field != name && bad != "after=%zz" {
			t.Errorf("%s: the problem is about %q", bad, p.Field)
		}
	}
}

// TestLongActsMakeShortPages: a page is bounded in bytes too.
func TestLongActsMakeShortPages(t *testing.T) {
	s := newSite(t)
	long := doc("note.v1", "Long", fmt.Sprintf(`"text":%q`, strings.Repeat("x", 60_000)))
	for range 100 {
		s.desk.says(t, ecowas, long)
	}
	page := read[Acts](t, s.want(200, "GET", "/api/v1/acts?limit=500"))
	if n := len(page.Acts); n < 60 || n > 70 || page.Next != int64(n) {
		t.Errorf("page of long acts: %d of them, next %d", n, page.Next)
	}
}

func TestEntryByteForByte(t *testing.T) {
	s := newSite(t)
	entry := []byte("<script>\x00\xff")
	h := s.desk.add(au, entry)
	w := s.want(200, "GET", "/api/v1/acts/"+h.Name.String()+"/entry")
	if !bytes.Equal(w.Body.Bytes(), entry) || comity.LeafHash(w.Body.Bytes()) != h.Leaf {
		t.Errorf("entry: got %q, want %q", w.Body, entry)
	}
	if c := w.Header().Get("Content-Disposition"); c != `attachment; filename="au.example-0.entry"` {
		t.Errorf("Content-Disposition: got %s", c)
	}
	if a := read[Act](t, s.want(200, "GET", "/api/v1/acts/"+h.Name.String())); a.Readable || a.Why == "" || a.Document != nil {
		t.Errorf("an entry that is no act: got %+v", a)
	}
}

func TestIssue(t *testing.T) {
	s := newSite(t)
	w := s.want(201, "POST", "/api/v1/acts", as("officer"), body(warningDoc), header("Content-Type", "application/json; charset=UTF-8"))
	out := read[Issued](t, w)
	if got := w.Header().Get("Location"); got != "/api/v1/acts/ecowas.example/0" || out.Act.String() != "ecowas.example/0" || out.Leaf.IsZero() {
		t.Errorf("issued: got %s, %+v", got, out)
	}
	a := read[Act](t, s.want(200, "GET", w.Header().Get("Location")))
	if a.Leaf != out.Leaf || !strings.HasPrefix(string(a.Document), `{"domain":"ecowas.example","recorded":"2003-04-21T09:00:00Z","kind":"situation.v1"`) {
		t.Errorf("issued act: got %+v, %s", a, a.Document)
	}

	w = s.want(202, "POST", "/api/v1/acts", as("officer"), body(consequential("Adopted")))
	draft := w.Header().Get("Location")
	if draft != "/api/v1/drafts/1" || read[Issued](t, w).Draft != 1 {
		t.Errorf("draft: got %s, %s", draft, w.Body)
	}
	if d := read[Draft](t, s.want(200, "GET", draft, as("officer2"))); d.Title != "Adopted" || d.By != "officer" || d.Document == nil {
		t.Errorf("draft: got %+v", d)
	}
	if w = s.want(201, "POST", draft+"/release", as("releasing")); w.Header().Get("Location") != "/api/v1/acts/ecowas.example/1" {
		t.Errorf("released: got %s", w.Header().Get("Location"))
	}
	s.want(202, "POST", "/api/v1/acts", as("releasing"), body(consequential("My own")))
	p := s.problem(s.want(403, "POST", "/api/v1/drafts/2/release", as("releasing")))
	if !strings.Contains(p.Detail, "another person") {
		t.Errorf("who drafted releases: got %q", p.Detail)
	}
}

// TestBadDocuments: each is refused with what is wrong, and nothing is
// recorded.
func TestBadDocuments(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		name, document, field string
		status                int
	}{
		{"nothing", "", "", 400},
		{"no JSON", "hello", "", 400},
		{"a list", "[]", "", 400},
		{"a member twice", `{"kind":"note.v1","kind":"note.v1"}`, "", 400},
		{"not UTF-8", "{\"kind\":\"\xff\"}", "", 400},
		{"no kind", `{}`, "kind", 400},
		{"a number for a date", `{"kind":"note.v1","date":5}`, "date", 400},
		{"no status", `{"kind":"note.v1","date":"2003-04-11"}`, "status", 400},
		{"a wrong mark", `{"kind":"note.v1","date":"2003-04-11","status":"actual","tlp":"WHITE","title":"x"}`, "tlp", 400},
		{"a wrong body", doc("warning.v1", "x", `"body":{"urgency":"soon","severity":"Severe","certainty":"Likely"}`), "body", 400},
		{"too large", doc("note.v1", "x", fmt.Sprintf(`"text":%q`, strings.Repeat("x", act.MaxDocument))), "", 413},
	} {
		for _, path := range []string{"/api/v1/acts", "/api/v1/preview"} {
			p := s.problem(s.want(c.status, "POST", path, as("officer"), body(c.document)))
			if p.Field != c.field || p.Detail == "" || p.Status != c.status {
				t.Errorf("%s: got %+v, want the field %q", c.name, p, c.field)
			}
		}
	}
	for _, change := range []change{header("Content-Type", "text/json"), header("Content-Type", ""), header("Content-Encoding", "gzip"),
		header("Content-Type", "application/json; charset=latin1"), header("Content-Type", "multipart/form-data; boundary=x")} {
		s.want(415, "POST", "/api/v1/acts", as("officer"), body(warningDoc), change)
	}
	if s.desk.Held() != 0 || s.desk.lastDraft != 0 {
		t.Errorf("a refused document was recorded")
	}
}

// TestOversizedBodyIsNotRead: the reader stops at the limit.
func TestOversizedBodyIsNotRead(t *testing.T) {
	s := newSite(t)
	r := &endless{}
	s.want(413, "POST", "/api/v1/acts", as("officer"), header("Content-Type", "application/json"), func(q *http.Request) { q.Body = r })
	if r.read > 4*MaxBody {
		t.Errorf("read %d bytes of an endless document", r.read)
	}
	r = &endless{}
	s.want(401, "POST", "/api/v1/acts", header("Content-Type", "application/json"), func(q *http.Request) { q.Body = r })
	if r.read > 0 {
		t.Errorf("read %d bytes of a stranger's document", r.read)
	}
}

type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	e.read += len(b)
	return len(b), nil
}
func (e *endless) Close() error { return nil }

// TestNoAnswerIsNotYes: a request that is cut off, by the caller or by a server
// that stops, is not answered with an empty 200.
func TestNoAnswerIsNotYes(t *testing.T) {
	s := newSite(t)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	s.desk.broken = ctx.Err()
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("a request that was cut off: got %v, want the connection to be", p)
		}
	}()
	w := s.do("POST", "/api/v1/acts", as("officer"), body(warningDoc), func(r *http.Request) { *r = *r.WithContext(ctx) })
	t.Errorf("answered with %d", w.Code)
}

func TestUnknownAddressesAndMethods(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/api/v2/acts", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/acts/", "/api/v1/acts/ecowas.example", "/api/x", "/"} {
		if p := s.problem(s.want(404, "GET", path)); p.Type != notFound.uri() {
			t.Errorf("%s: got %+v", path, p)
		}
	}
	for _, c := range [][3]string{{"DELETE", "/api/v1/acts", "GET, POST, HEAD"}, {"GET", "/api/v1/preview", "POST"}, {"PUT", "/api/v1/drafts/1", "DELETE, GET, HEAD"},
		{"OPTIONS", "/api/v1/self", "GET, HEAD"}, {"POST", "/api/", "GET, HEAD"}, {"PATCH", "/api/v1/drafts/1/release", "POST"}} {
		if w := s.want(405, c[0], c[1]); w.Header().Get("Allow") != c[2] {
			t.Errorf("%s %s: Allow: got %q, want %q", c[0], c[1], w.Header().Get("Allow"), c[2])
		}
	}
}

// TestOtherSitesCannotAct: a browser that is signed in does not act for a page
// of another site, and neither caches nor scripts get what is not theirs.
func TestOtherSitesCannotAct(t *testing.T) {
	s := newSite(t)
	s.want(202, "POST", "/api/v1/acts", as("officer"), body(consequential("Adopted")))
	for _, c := range []change{header("Sec-Fetch-Site", "cross-site"), header("Origin", "https://evil.example")} {
		if p := s.problem(s.want(403, "POST", "/api/v1/drafts/1/release", as("releasing"), c)); p.Type != crossSite.uri() {
			t.Errorf("from another site: got %+v", p)
		}
		s.want(403, "DELETE", "/api/v1/drafts/1", as("releasing"), c)
		s.want(200, "GET", "/api/v1/drafts", as("releasing"), c) // reading is the browser's to guard
	}
	w := s.want(200, "GET", "/api/v1/drafts", as("releasing"), header("Origin", "https://evil.example"))
	if w.Header().Get("Access-Control-Allow-Origin") != "" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("headers of what is not public: %v", w.Header())
	}
	s.want(201, "POST", "/api/v1/drafts/1/release", as("releasing"), header("Sec-Fetch-Site", "same-origin"))
}

func TestDigestIsPublic(t *testing.T) {
	s := newSite(t)
	w := s.want(200, "GET", "/api/v1/digest")
	before := w.Header().Get("ETag")
	s.desk.seals(t, ecowas, doc("note.v1", "Sealed", ""), true, false)
	s.want(304, "GET", "/api/v1/digest", as("officer"), header("If-None-Match", before)) // sealed acts are not in it
	s.desk.says(t, ecowas, doc("note.v1", "Public", ""))
	w = s.want(200, "GET", "/api/v1/digest", header("If-None-Match", before))
	if d := read[Digest](t, w); comity.Hash(d.SHA256) != s.desk.public.Digest().SHA256 || d.Acts != 1 || w.Header().Get("Cache-Control") != "public, no-cache" {
		t.Errorf("digest: got %+v, %v", d, w.Header())
	}
}

func TestAsksAreFiltered(t *testing.T) {
	s := newSite(t)
	tell(t, s.desk)
	for _, c := range []struct {
		query string
		want  int
	}{{"", 3}, {"?by=ecowas.example", 3}, {"?by=un.example", 0}, {"?of=CARICOM", 1}, {"?of=au.example", 3}, {"?of=au.example&late=true", 1}, {"?late=1&of=CARICOM", 0}} {
		if got := read[Asks](t, s.want(200, "GET", "/api/v1/asks"+c.query)); len(got.Asks) != c.want {
			t.Errorf("asks%s: got %d, want %d", c.query, len(got.Asks), c.want)
		}
	}
	for _, bad := range []string{"by=nobody", "of=a..b", "late=yes", "open=2"} {
		name, _, _ := strings.Cut(bad, "=")
		if p := s.problem(s.want(400, "GET", "/api/v1/asks?"+bad)); p.Field != name {
			t.Errorf("%s: the problem is about %q", bad, p.Field)
		}
	}
}

// TestEmptyListsAreLists: no answer has null.
func TestEmptyListsAreLists(t *testing.T) {
	s := newSite(t)
	s.desk.says(t, ecowas, doc("situation.v1", "Empty", ""))
	for _, path := range []string{"acts", "situations", "situations/ecowas.example/0", "asks", "drafts", "peers", "record", "acts/ecowas.example/0"} {
		if w := s.want(200, "GET", "/api/v1/"+path, as("officer")); strings.Contains(w.Body.String(), "null") {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
}

// TestExample runs the example of the package comment.
func TestExample(t *testing.T) {
	s := newSite(t)
	s.desk.says(t, ecowas, doc("situation.v1", "The situation in Alba", ""))
	w := s.want(200, "GET", "/api/v1/acts?after=0")
	if got := w.Body.String(); !strings.HasPrefix(got, `{"acts":[{"position":1,"name":"ecowas.example/0",`) || !strings.HasSuffix(got, `],"next":1,"held":1}`+"\n") {
		t.Errorf("first page: got %s", got)
	}
	if got, want := s.want(200, "GET", "/api/v1/acts?after=1").Body.String(), `{"acts":[],"next":1,"held":1}`+"\n"; got != want {
		t.Errorf("second page: got %s, want %s", got, want)
	}
}

// TestProblems: errors of the layers below become the right problems.
func TestProblems(t *testing.T) {
	for _, c := range []struct {
		err  error
		want problemType
	}{
		{fmt.Errorf("x: %w", desk.ErrNotFound), notFound},
		{fmt.Errorf("x: %w", desk.ErrForbidden), forbidden},
		{desk.ErrSignIn, signIn},
		{desk.ErrNoProof, noProof},
		{&desk.Invalid{Err: errors.New("tlp: x")}, invalid},
		{errors.New("x"), internal},
	} {
		if p := problemOf(c.err); p.Type != c.want.uri() || p.Status != c.want.status || p.Title != c.want.title {
			t.Errorf("%v: got %+v, want %s", c.err, p, c.want.id)
		}
	}
}

// TestKey: the caller's name for a request reaches the desk, or is refused.
func TestKey(t *testing.T) {
	s := newSite(t)
	s.want(201, "POST", "/api/v1/acts", as("officer"), body(warningDoc), header("Idempotency-Key", "8e03978e-40d5"))
	if s.desk.key != "8e03978e-40d5" {
		t.Errorf("the desk was given the key %q", s.desk.key)
	}
	held := s.desk.Held()
	for _, key := range []string{"", " ", "a\x01b", "sch\u00f6n", strings.Repeat("k", 256)} {
		if p := s.problem(s.want(400, "POST", "/api/v1/acts", as("officer"), body(warningDoc), header("Idempotency-Key", key))); p.Field != "Idempotency-Key" {
			t.Errorf("the key %q: got %+v", key, p)
		}
	}
	if s.desk.Held() != held {
		t.Error("a refused request was recorded")
	}
}

// Evidence is a file for everybody; there is none of an honest journal.
func TestEvidence(t *testing.T) {
	s := newSite(t)
	w := s.want(200, "GET", "/api/v1/peers/au.example/evidence")
	if w.Body.String() != evidenceFile || w.Header().Get("Content-Disposition") != `attachment; filename="au.example.evidence.json"` {
		t.Errorf("%s %s", w.Header(), w.Body)
	}
	s.want(404, "GET", "/api/v1/peers/un.example/evidence")
	s.want(404, "GET", "/api/v1/peers/UN/evidence")
}

// hinted is a failure of the database, as the store reports it.
type hinted struct{ error }

func (hinted) Hint() string { return "the server at secret-host is gone" }

// TestDatabaseGone: it is said that it may pass, and nothing else.
func TestDatabaseGone(t *testing.T) {
	s := newSite(t)
	s.desk.broken = fmt.Errorf("read: %w", hinted{errors.New("no route to secret-host")})
	w := s.want(503, "GET", "/api/v1/drafts", as("officer"))
	if p := s.problem(w); p.Type != unavailable.uri() || p.Reference == "" || strings.Contains(w.Body.String(), "secret") || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %+v", p)
	}
}
