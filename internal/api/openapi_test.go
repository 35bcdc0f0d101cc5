package api

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

func TestRoutesAreDocumented(t *testing.T) {
	s := loadSpec(t)
	var routed, documented []string
	for _, r := range New(Config{Desk: newFakeDesk(), Log: slog.New(slog.DiscardHandler), Who: func(*http.Request) (desk.Who, error) { return desk.Who{}, nil }}).routes() {
		routed = append(routed, r.method+" "+strings.TrimSuffix(r.path, "{$}"))
	}
	for _, o := range s.ops {
		documented = append(documented, o.method+" "+o.path)
	}
	slices.Sort(routed)
	slices.Sort(documented)
	if !slices.Equal(routed, documented) {
		t.Errorf("routed and documented differ:\n got %q\nwant %q", routed, documented)
	}
}

func TestDescriptionIsSound(t *testing.T) {
	s := loadSpec(t)
	if s.doc["openapi"] != "3.1.1" {
		t.Errorf("openapi: got %v, want 3.1.1", s.doc["openapi"])
	}
	ids := map[string]bool{}
	for _, o := range slices.Concat(s.ops, s.node) {
		if ids[o.id] {
			t.Errorf("operationId %s stands twice", o.id)
		}
		ids[o.id] = true
		if s.obj(o.op)["summary"] == nil || len(o.op["tags"].([]any)) != 1 {
			t.Errorf("%s has no summary, or not one tag", o.id)
		}
		var inPath []string
		for _, m := range regexp.MustCompile(`\{([a-z]+)\}`).FindAllStringSubmatch(o.path, -1) {
			inPath = append(inPath, m[1])
		}
		var declared []string
		for _, p := range s.parameters(o) {
			if p["in"] == "path" {
				declared = append(declared, p["name"].(string))
			}
		}
		if !slices.Equal(inPath, declared) {
			t.Errorf("%s: parameters of the path: got %q, want %q", o.id, declared, inPath)
		}
	}

	// Everything referred to is there (obj panics), and nothing is there unused.
	used := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				s.obj(v)
				used[strings.TrimPrefix(ref, "#/components/")] = true
			}
			if text, ok := v["description"].(string); ok && !strings.HasSuffix(strings.TrimSpace(text), ".") {
				t.Errorf("a description does not end: %q", text)
			}
			for _, x := range v {
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		case nil:
			t.Error("a member has no value: a text with a comma or colon needs quotes")
		}
	}
	walk(s.doc)
	for _, kind := range []string{"parameters", "requestBodies", "responses", "schemas"} {
		for name := range s.obj(s.obj(s.doc["components"])[kind]) {
			// The data of server-sent events has no place in a response.
			if key := kind + "/" + name; !used[key] && key != "schemas/Event" {
				t.Errorf("%s is described and not used", key)
			}
		}
	}
}

// parameters of an operation and its path.
func (s *spec) parameters(o operation) []map[string]any {
	var out []map[string]any
	for _, from := range []any{s.obj(s.obj(s.doc["paths"])[o.path])["parameters"], o.op["parameters"]} {
		l, _ := from.([]any)
		for _, p := range l {
			out = append(out, s.obj(p))
		}
	}
	return out
}

func TestProblemsAreDocumented(t *testing.T) {
	var got []string
	for _, p := range problemTypes() {
		got = append(got, p.id)
	}
	slices.Sort(got)
	if want := slices.Sorted(maps.Keys(loadSpec(t).obj(loadSpec(t).doc["x-problems"]))); !slices.Equal(got, want) {
		t.Errorf("problems:\n got %q\nwant %q (x-problems of openapi.yaml)", got, want)
	}
}

// TestSchemasAreTheTypes: each object has exactly the members of its Go type,
// and requires those that are always written.
func TestSchemasAreTheTypes(t *testing.T) {
	types := map[string]any{
		"Acts": Acts{}, "Act": Act{}, "Sealed": Sealed{}, "Commitment": Commitment{}, "Refusal": Refusal{}, "Issued": Issued{},
		"Preview": Preview{}, "Recipient": Recipient{}, "Event": Event{}, "Situations": Situations{}, "SituationSummary": SituationSummary{},
		"Situation": Situation{}, "Effort": Effort{}, "Seizure": Seizure{}, "Referral": Referral{}, "Addressed": Addressed{},
		"Operation": Operation{}, "Item": Item{}, "Need": Need{}, "NeedLine": NeedLine{}, "Undertaking": Undertaking{}, "Mandate": Mandate{},
		"Relation": Relation{}, "Score": Score{}, "TimelineEntry": TimelineEntry{}, "Asks": Asks{}, "Ask": Ask{}, "Addressee": Addressee{},
		"TakeUp": TakeUp{}, "Answer": Answer{}, "Deed": Deed{}, "Drafts": Drafts{}, "Draft": Draft{}, "Self": Self{}, "Peers": Peers{},
		"Peer": Peer{}, "Following": Following{}, "Receipt": Receipt{}, "Digest": Digest{}, "Record": Record{}, "Cosignature": Cosignature{},
		"Problem": Problem{}, "FieldError": FieldError{}, "Repinned": Repinned{}, "Doubt": Doubt{},
	}
	nouns := []string{"Domain", "Party", "ActName", "Hash", "Time", "Status", "TLP", "Document", "Evidence", "EvidenceSide"} // the last two are a file of monitor
	s := loadSpec(t)
	for name, schema := range s.schemas() {
		v, ok := types[name]
		if !ok {
			if !slices.Contains(nouns, name) {
				t.Errorf("the schema %s has no Go type", name)
			}
			continue
		}
		sc := s.obj(schema)
		members, always := jsonMembers(reflect.TypeOf(v))
		properties := s.obj(sc["properties"])
		if got, want := slices.Sorted(maps.Keys(properties)), slices.Sorted(maps.Keys(members)); !slices.Equal(got, want) {
			t.Errorf("%s: properties:\n got %q\nwant %q", name, got, want)
			continue
		}
		var required []string
		l, _ := sc["required"].([]any)
		for _, r := range l {
			required = append(required, r.(string))
		}
		slices.Sort(required)
		if !slices.Equal(required, always) {
			t.Errorf("%s: required:\n got %q\nwant %q", name, required, always)
		}
		for member, kind := range members {
			if got := s.obj(properties[member])["type"]; got != kind {
				t.Errorf("%s.%s: type: got %v, want %s", name, member, got, kind)
			}
		}
	}
	for name := range types {
		if s.schemas()[name] == nil {
			t.Errorf("%s has no schema", name)
		}
	}
}

// jsonMembers lists the members of a type with their JSON types, and those
// that are written even if empty, sorted.
func jsonMembers(t reflect.Type) (members map[string]string, always []string) {
	members = map[string]string{}
	for f := range t.Fields() {
		if f.Anonymous {
			more, alwaysMore := jsonMembers(f.Type)
			maps.Copy(members, more)
			always = append(always, alwaysMore...)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		members[name] = jsonType(f.Type)
		if options == "" {
			always = append(always, name)
		}
	}
	slices.Sort(always)
	return members, always
}

func jsonType(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[document]():
		return "object"
	case t == reflect.TypeFor[comity.ActName](), t == reflect.TypeFor[comity.Time](), t == reflect.TypeFor[comity.Hash](), t.Kind() == reflect.String:
		return "string"
	case t.Kind() == reflect.Pointer:
		return jsonType(t.Elem())
	case t.Kind() == reflect.Slice:
		return "array"
	case t.Kind() == reflect.Struct:
		return "object"
	case t.Kind() == reflect.Bool:
		return "boolean"
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		return "integer"
	}
	panic("no JSON type for " + t.String())
}

func TestEnumsAreComplete(t *testing.T) {
	s := loadSpec(t)
	for _, c := range []struct {
		at     any
		values any
	}{
		{s.schemas()["TLP"], comity.TLPs()},
		{s.schemas()["Status"], comity.Statuses()},
		{s.obj(s.obj(s.schemas()["Addressee"])["properties"])["standing"], casefile.Standings()},
	} {
		if got, want := fmt.Sprint(s.obj(c.at)["enum"]), fmt.Sprint(c.values); got != want {
			t.Errorf("enum:\n got %s\nwant %s", got, want)
		}
	}
}
