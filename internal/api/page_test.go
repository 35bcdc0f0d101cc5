package api

import (
	"bytes"
	"flag"
	"fmt"
	"html/template"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "write page.html from openapi.yaml")

// TestPage writes the page at /api/ from openapi.yaml, or checks that it is
// the one that would be written.
func TestPage(t *testing.T) {
	want := renderPage(t, loadSpec(t))
	if *update {
		if err := os.WriteFile("page.html", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(pageHTML, want) {
		t.Error("page.html is not that of openapi.yaml; run: go test ./internal/api -run TestPage -update")
	}
}

// TestPageStandsAlone: the page loads nothing, runs nothing, and every link in
// it leads somewhere.
func TestPageStandsAlone(t *testing.T) {
	if *update {
		t.Skip("the page is being written")
	}
	root, err := html.Parse(bytes.NewReader(pageHTML))
	if err != nil {
		t.Fatal(err)
	}
	ids, links := map[string]bool{}, map[string]bool{}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if slices.Contains([]string{"script", "img", "link", "iframe", "object", "form"}, n.Data) {
			t.Errorf("the page has a <%s>", n.Data)
		}
		for _, a := range n.Attr {
			switch a.Key {
			case "id":
				if ids[a.Val] {
					t.Errorf("two elements have the id %s", a.Val)
				}
				ids[a.Val] = true
			case "href":
				links[a.Val] = true
			case "style", "src", "srcset":
				t.Errorf("<%s> has the attribute %s", n.Data, a.Key)
			}
		}
	}
	for l := range links {
		if l != "openapi.yaml" && !ids[strings.TrimPrefix(l, "#")] {
			t.Errorf("the link %s leads nowhere", l)
		}
	}
	for _, p := range problemTypes() {
		if _, id, _ := strings.Cut(p.uri(), "#"); !ids[id] {
			t.Errorf("the problem type %s is not on the page", p.uri())
		}
	}
	w := newSite(t).want(200, "GET", "/api/")
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "style-src 'sha256-") {
		t.Errorf("Content-Security-Policy: got %q", policy)
	}
}

type (
	pageData struct {
		Title, Summary, Version string
		Text                    []string
		Tags                    []pageTag
		Problems                []pageProblem
		Schemas                 []pageSchema
	}
	pageTag struct {
		Name, About string
		Operations  []pageOperation
	}
	pageOperation struct {
		ID, Method, Path, Summary string
		Text                      []string
		Parameters                []pageParameter
		Body                      template.HTML
		Responses                 []pageResponse
	}
	pageParameter struct {
		Name, In, About string
		Type            template.HTML
	}
	pageResponse struct {
		Status, About string
		Content       template.HTML
	}
	pageProblem struct {
		problemType
		About string
	}
	pageSchema struct {
		Name    string
		Text    []string
		Form    template.HTML
		Members []pageMember
	}
	pageMember struct {
		Name, About string
		Type        template.HTML
		Required    bool
	}
)

func (p pageProblem) ID() string    { return p.id }
func (p pageProblem) Status() int   { return p.status }
func (p pageProblem) Title() string { return p.title }

func renderPage(t *testing.T, s *spec) []byte {
	info := s.obj(s.doc["info"])
	data := pageData{Title: info["title"].(string), Summary: info["summary"].(string), Version: info["version"].(string), Text: paragraphs(info)}
	for _, x := range s.doc["tags"].([]any) {
		tag := pageTag{Name: s.obj(x)["name"].(string), About: s.obj(x)["description"].(string)}
		for _, r := range (&Handler{}).routes() { // in the order of the routes
			o, _ := s.operation(r.method, strings.TrimSuffix(r.path, "{$}"))
			if o.op["tags"].([]any)[0] == tag.Name {
				tag.Operations = append(tag.Operations, s.pageOperation(o))
			}
		}
		for _, o := range s.node {
			if o.op["tags"].([]any)[0] == tag.Name {
				tag.Operations = append(tag.Operations, s.pageOperation(o))
			}
		}
		data.Tags = append(data.Tags, tag)
	}
	for _, p := range problemTypes() {
		data.Problems = append(data.Problems, pageProblem{p, s.obj(s.doc["x-problems"])[p.id].(string)})
	}
	for _, name := range slices.Sorted(maps.Keys(s.schemas())) {
		sc := s.obj(s.schemas()[name])
		out := pageSchema{Name: name, Text: paragraphs(sc)}
		properties := s.obj(sc["properties"])
		if properties == nil {
			out.Form = s.form(sc)
		}
		required, _ := sc["required"].([]any)
		for _, member := range slices.Sorted(maps.Keys(properties)) {
			about, _ := properties[member].(map[string]any)["description"].(string)
			out.Members = append(out.Members, pageMember{member, about, s.form(properties[member]), slices.Contains(required, any(member))})
		}
		slices.SortStableFunc(out.Members, func(a, b pageMember) int { return rank(required, a.Name) - rank(required, b.Name) })
		data.Schemas = append(data.Schemas, out)
	}
	tmpl, err := template.New("page.tmpl").ParseFiles("testdata/page.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := tmpl.Execute(&b, data); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rank puts required members first, in their order.
func rank(required []any, name string) int {
	if i := slices.Index(required, any(name)); i >= 0 {
		return i
	}
	return len(required)
}

func (s *spec) pageOperation(o operation) pageOperation {
	out := pageOperation{ID: o.id, Method: o.method, Path: o.path, Summary: o.op["summary"].(string), Text: paragraphs(o.op)}
	for _, p := range s.parameters(o) {
		out.Parameters = append(out.Parameters, pageParameter{p["name"].(string), p["in"].(string), p["description"].(string), s.form(p["schema"])})
	}
	if b := s.obj(o.op["requestBody"]); b != nil {
		out.Body = s.content(b) + template.HTML(". "+template.HTMLEscapeString(b["description"].(string)))
	}
	for _, status := range slices.Sorted(maps.Keys(o.responses)) {
		r := s.obj(o.responses[status])
		if status == "default" {
			status = "5xx"
		}
		out.Responses = append(out.Responses, pageResponse{status, r["description"].(string), s.content(r)})
	}
	return out
}

// content names every media type, in the order of their names.
func (s *spec) content(of map[string]any) template.HTML {
	var out []string
	content := s.obj(of["content"])
	for _, media := range slices.Sorted(maps.Keys(content)) {
		one := "<code>" + media + "</code>"
		schema := s.obj(content[media])["schema"]
		if ref, _ := schema.(map[string]any); ref["$ref"] != nil {
			one += ", " + string(s.form(schema))
		}
		out = append(out, one)
	}
	return template.HTML(strings.Join(out, " or "))
}

// form is a schema in a few words.
func (s *spec) form(schema any) template.HTML {
	m := schema.(map[string]any)
	if ref, ok := m["$ref"].(string); ok {
		name := ref[strings.LastIndex(ref, "/")+1:]
		return template.HTML(fmt.Sprintf(`<a href="#schema-%s">%s</a>`, name, name))
	}
	escape := template.HTMLEscapeString
	out := escape(m["type"].(string))
	if items := m["items"]; items != nil {
		out = "list of " + string(s.form(items))
	}
	if enum, ok := m["enum"].([]any); ok {
		var l []string
		for _, v := range enum {
			l = append(l, "<code>"+escape(fmt.Sprint(v))+"</code>")
		}
		out = strings.Join(l, ", ")
	}
	for _, limit := range []struct{ key, words string }{{"minimum", "at least %v"}, {"maximum", "at most %v"}, {"default", "default %v"},
		{"maxLength", "at most %v characters"}, {"pattern", "<code>%v</code>"}} {
		if v := m[limit.key]; v != nil {
			out += ", " + fmt.Sprintf(limit.words, escape(fmt.Sprint(v)))
		}
	}
	return template.HTML(out)
}

func paragraphs(of map[string]any) []string {
	text, _ := of["description"].(string)
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSpace(text), "\n\n")
}
