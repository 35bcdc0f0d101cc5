package api

import (
	"strings"
	"testing"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/keys"
)

const warningDoc = `{"kind":"situation.v1","date":"2003-04-11T08:00:00Z","status":"exercise","tlp":"CLEAR","title":"The situation in Alba"}`

// consequential is a document of a kind that a second person releases; title
// says what the fake desk makes of it.
func consequential(title string) string {
	return strings.Replace(doc("decision.v1", title, `"body":{"organ":"Security Council","outcome":"adopted"}`), `"by":{"organ":"Secretariat"}`, `"by":{"organ":"Security Council"}`, 1)
}

// TestEveryDocumentedAnswer asks for every answer that openapi.yaml documents,
// once at least; each is compared with its schema. Every member that is
// documented must occur in one of them.
func TestEveryDocumentedAnswer(t *testing.T) {
	s := newSite(t)
	tell(t, s.desk)
	doubt := keys.Doubt{Revocation: keys.Revocation{Role: keys.Log, Since: at("2003-04-10"), From: 1, To: 99}, Number: 2, Date: at("2003-04-12"), Reason: "the disk was stolen"}
	s.desk.doubts = keys.Doubts{ecowas: {doubt}, un: {doubt}, au: {doubt}}
	const a = "/api/v1/acts/ecowas.example/2"

	// Documentation.
	for _, path := range []string{"/api/", "/api/openapi.yaml", "/api/v1/digest", a + "/entry", "/api/v1/peers/au.example/evidence"} {
		w := s.want(200, "GET", path)
		s.want(304, "GET", path, header("If-None-Match", `"other", W/`+w.Header().Get("ETag")))
	}

	// Reading.
	for _, path := range []string{"self", "peers", "record", "situations", "situations/ecowas.example/0", "situations/ecowas.example/1",
		"asks", "asks?late=true&of=au.example", "asks?by=ecowas.example&open=1&late=0&of=", "acts?after=0&limit=500", "acts", "drafts"} {
		s.want(200, "GET", "/api/v1/"+path, as("officer"))
		s.want(200, "HEAD", "/api/v1/"+path, as("officer"))
	}
	s.want(200, "GET", a)
	s.want(200, "GET", a+"/proof")
	s.want(409, "GET", a+"/proof?policy=accepted")
	s.want(200, "HEAD", "/api/v1/stream", as("observer"))
	for range s.h.c.Streams {
		s.h.enter("observer7")
	}
	s.want(429, "GET", "/api/v1/stream", as("observer7"))
	for _, path := range []string{"acts/ecowas.example/999", "acts/ecowas.example/999/entry", "acts/ecowas.example/999/proof",
		"acts/nonsense/01", "situations/ecowas.example/999", "situations/ecowas.example/2", "drafts/999", "drafts/x", "peers/eu.example/evidence"} {
		s.want(404, "GET", "/api/v1/"+path, as("officer"))
	}

	// Writing.
	s.want(201, "POST", "/api/v1/acts", as("officer"), body(warningDoc))
	s.want(200, "POST", "/api/v1/preview", as("officer"), body(warningDoc))
	for _, title := range []string{"one", "two", "three", "closed meanwhile", "the disk fills"} {
		s.want(202, "POST", "/api/v1/acts", as("officer"), body(consequential(title)))
	}
	s.want(200, "GET", "/api/v1/drafts", as("officer"))
	s.want(200, "GET", "/api/v1/drafts/1", as("officer"))
	s.want(403, "POST", "/api/v1/drafts/1/release", as("officer2"))
	s.want(201, "POST", "/api/v1/drafts/1/release", as("releasing"))
	s.want(404, "POST", "/api/v1/drafts/1/release", as("releasing"))
	s.want(403, "DELETE", "/api/v1/drafts/2", as("officer2"))
	s.want(204, "DELETE", "/api/v1/drafts/2", as("officer"))
	s.want(404, "DELETE", "/api/v1/drafts/2", as("officer"))
	s.want(400, "POST", "/api/v1/drafts/4/release", as("releasing"))
	s.want(503, "POST", "/api/v1/drafts/5/release", as("releasing"))
	s.want(503, "POST", "/api/v1/acts", as("officer"), body(strings.Replace(warningDoc, "in Alba", "where the disk is full", 1)))
	for _, path := range []string{"/api/v1/acts", "/api/v1/preview"} {
		p := s.problem(s.want(400, "POST", path, as("officer"), body(`{"kind":"note.v1","date":"2003-04-11","status":"exercise","tlp":"CLEAR","title":"x","to":[{"org":"x","for":"answer"}],"re":[{"act":"","leaf":"","how":"cites"}]}`)))
		if len(p.Errors) != 2 || p.Errors[0].Field != "to" || p.Errors[1].Field != "re" || p.Field != "to" {
			t.Errorf("problem with two members: got %+v", p)
		}
		s.want(413, "POST", path, as("officer"), body(`"`+strings.Repeat("x", MaxBody)))
		s.want(415, "POST", path, as("officer"), body(warningDoc), header("Content-Type", "text/plain"))
		s.want(403, "POST", path, as("observer"), body(warningDoc))
	}
	for _, path := range []string{"/api/v1/drafts", "/api/v1/drafts/3"} {
		s.want(403, "GET", path, as("observer"))
	}

	// What every operation answers alike.
	for _, o := range s.spec.ops {
		if !strings.HasPrefix(o.path, "/api/v1/") {
			continue
		}
		path := strings.NewReplacer("{domain}/{index}", "ecowas.example/0", "{domain}", "au.example", "{id}", "3").Replace(o.path)
		s.want(400, o.method, path+"?lat=true", as("releasing"), body(warningDoc))
		s.want(401, o.method, path, as("forged"), body(warningDoc))
		s.want(401, o.method, path, header("Authorization", "Basic abc"), body(warningDoc))
		if o.method != "GET" {
			s.want(403, o.method, path, as("releasing"), body(warningDoc), header("Sec-Fetch-Site", "cross-site"))
			s.want(401, o.method, path, body(warningDoc))
		}
		p := s.problem(s.want(500, o.method, path, as("unlucky"), body(warningDoc)))
		s.wantSecret(p)
	}
	s.desk.broken = journal.ErrAmbiguous
	if p := s.problem(s.want(500, "POST", "/api/v1/acts", as("officer"), body(warningDoc))); p.Type != unknownOutcome.uri() {
		t.Errorf("an outcome that is not known: got the problem %s", p.Type)
	}

	for _, o := range s.spec.ops {
		for status := range o.responses {
			if key := o.id + " " + status; !s.spec.answers[key] {
				t.Errorf("documented and not tested: %s", key)
			}
		}
	}
	s.want(401, "GET", "/api/v1/stream")
	for name, schema := range s.spec.schemas() {
		for member := range s.spec.obj(s.spec.obj(schema)["properties"]) {
			if key := name + "." + member; !s.spec.members[key] && name != "Event" {
				t.Errorf("documented and in no answer: %s", key)
			}
		}
	}
}

// wantSecret: a failure of the node tells the caller nothing but a reference,
// under which the log tells all.
func (s *site) wantSecret(p Problem) {
	s.t.Helper()
	if p.Reference == "" || !strings.Contains(s.log.String(), p.Reference) {
		s.t.Errorf("the reference %q is not in the log", p.Reference)
	}
	if !strings.Contains(s.log.String(), "secret") {
		s.t.Error("the log does not say what failed")
	}
	if b, _ := encode(p); strings.Contains(string(b), "secret") {
		s.t.Errorf("the answer says what failed: %s", b)
	}
}
