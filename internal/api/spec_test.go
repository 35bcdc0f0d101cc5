package api

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// spec is openapi.yaml as far as the tests need it.
type spec struct {
	doc  map[string]any
	ops  []operation // of this package
	node []operation // outside /api/: internal/node tests that they are there

	mu       sync.Mutex
	patterns map[string]*regexp.Regexp
	answers  map[string]bool // "operationId status" that occurred
	members  map[string]bool // "Schema.member" that occurred in an answer
}

// operation is one method of one path.
type operation struct {
	id, method, path string
	matches          *regexp.Regexp
	responses        map[string]any
	op               map[string]any
}

func loadSpec(t testing.TB) *spec {
	t.Helper()
	s := &spec{patterns: map[string]*regexp.Regexp{}, answers: map[string]bool{}, members: map[string]bool{}}
	if err := yaml.Unmarshal(openAPI, &s.doc); err != nil {
		t.Fatal(err)
	}
	for path, item := range s.obj(s.doc["paths"]) {
		for method, op := range s.obj(item) {
			if method == "parameters" {
				continue
			}
			o := s.obj(op)
			pattern := regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(path), "[^/]+")
			ops := &s.ops
			if !strings.HasPrefix(path, "/api/") {
				ops = &s.node
			}
			*ops = append(*ops, operation{o["operationId"].(string), strings.ToUpper(method), path,
				regexp.MustCompile("^" + pattern + "$"), s.obj(o["responses"]), o})
		}
	}
	for _, ops := range [][]operation{s.ops, s.node} {
		slices.SortFunc(ops, func(a, b operation) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	}
	return s
}

// obj is v as an object; references are followed.
func (s *spec) obj(v any) map[string]any {
	m, _ := v.(map[string]any)
	ref, ok := m["$ref"].(string)
	if !ok {
		return m
	}
	var at any = s.doc
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		at = at.(map[string]any)[part]
	}
	if at == nil {
		panic("openapi.yaml: nothing at " + ref)
	}
	return s.obj(at)
}

func (s *spec) schemas() map[string]any {
	return s.obj(s.obj(s.doc["components"])["schemas"])
}

func (s *spec) operation(method, path string) (operation, bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	// A path without parameters comes before one that has some.
	for _, exact := range []bool{true, false} {
		for _, o := range s.ops {
			if o.method == method && (o.path == path || !exact && o.matches.MatchString(path)) {
				return o, true
			}
		}
	}
	return operation{}, false
}

// check compares an answer with what is documented.
func (s *spec) check(method, path string, status int, header http.Header, body []byte) []string {
	media, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	o, ok := s.operation(method, path)
	if !ok {
		if status != http.StatusNotFound && status != http.StatusMethodNotAllowed && status != http.StatusForbidden {
			return []string{fmt.Sprintf("%s %s is not documented and answers %d", method, path, status)}
		}
		return s.checkBody(map[string]any{"$ref": "#/components/schemas/Problem"}, media, body)
	}
	key := fmt.Sprint(status)
	response, ok := o.responses[key]
	if !ok {
		if key = "default"; status < 500 || o.responses[key] == nil {
			return []string{fmt.Sprintf("%s does not document the status %d", o.id, status)}
		}
		response = o.responses[key]
	}
	s.mu.Lock()
	s.answers[o.id+" "+key] = true
	s.mu.Unlock()
	content := s.obj(s.obj(response)["content"])
	if len(content) == 0 || method == http.MethodHead {
		if len(body) > 0 {
			return []string{fmt.Sprintf("%s %d has a body", o.id, status)}
		}
		return nil
	}
	m, ok := content[media]
	if !ok {
		return []string{fmt.Sprintf("%s %d: content type %q is not documented", o.id, status, media)}
	}
	for name := range s.obj(s.obj(response)["headers"]) {
		if header.Get(name) == "" {
			return []string{fmt.Sprintf("%s %d: no header %s", o.id, status, name)}
		}
	}
	return s.checkBody(s.obj(m)["schema"], media, body)
}

func (s *spec) checkBody(schema any, media string, body []byte) []string {
	if !strings.HasSuffix(media, "json") {
		return nil
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return []string{"body: " + err.Error()}
	}
	return s.validate(schema, v, "body")
}

// validate is a small JSON Schema: what openapi.yaml uses, and stricter in
// that an object has no members that are not listed.
func (s *spec) validate(schema any, v any, at string) (wrong []string) {
	sc := s.obj(schema)
	bad := func(format string, args ...any) { wrong = append(wrong, at+": "+fmt.Sprintf(format, args...)) }
	if enum, ok := sc["enum"].([]any); ok && !slices.Contains(enum, v) {
		bad("%v is not one of %v", v, enum)
	}
	switch kind := sc["type"]; kind {
	case "string":
		x, ok := v.(string)
		if !ok {
			bad("%v is no string", v)
			break
		}
		if p, ok := sc["pattern"].(string); ok && !s.pattern(p).MatchString(x) {
			bad("%q does not match %s", x, p)
		}
	case "integer":
		x, ok := v.(float64)
		if !ok || x != math.Trunc(x) {
			bad("%v is no whole number", v)
			break
		}
		if low, ok := sc["minimum"].(int); ok && x < float64(low) {
			bad("%v is less than %d", x, low)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			bad("%v is neither true nor false", v)
		}
	case "array":
		l, ok := v.([]any)
		if !ok {
			bad("%v is no list", v)
		}
		for i, x := range l {
			wrong = append(wrong, s.validate(sc["items"], x, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case "object":
		wrong = append(wrong, s.validateObject(schema, sc, v, at)...)
	default:
		bad("the schema's type is %v", kind)
	}
	return wrong
}

func (s *spec) pattern(p string) *regexp.Regexp {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.patterns[p] == nil {
		s.patterns[p] = regexp.MustCompile(p)
	}
	return s.patterns[p]
}

func (s *spec) validateObject(schema any, sc map[string]any, v any, at string) (wrong []string) {
	m, ok := v.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s: %v is no object", at, v)}
	}
	ref, _ := schema.(map[string]any)["$ref"].(string)
	_, name, _ := strings.Cut(ref, "schemas/")
	properties := s.obj(sc["properties"])
	for member, x := range m {
		p, ok := properties[member]
		if !ok {
			if sc["additionalProperties"] != true {
				wrong = append(wrong, fmt.Sprintf("%s: the member %s is not documented", at, member))
			}
			continue
		}
		s.mu.Lock()
		s.members[name+"."+member] = true
		s.mu.Unlock()
		wrong = append(wrong, s.validate(p, x, at+"."+member)...)
	}
	required, _ := sc["required"].([]any)
	for _, r := range required {
		if _, ok := m[r.(string)]; !ok {
			wrong = append(wrong, fmt.Sprintf("%s: the member %s is missing", at, r))
		}
	}
	return wrong
}
