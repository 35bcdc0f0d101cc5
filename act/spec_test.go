package act

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"

	"github.com/comity/comity/effect"
)

const specFile = "../doc/spec/acts.md"

// The tables of the specification are those of the code.
func TestSpecificationTables(t *testing.T) {
	doc, err := os.ReadFile(specFile)
	if err != nil {
		t.Fatal(err)
	}
	got := doc
	for name, table := range map[string]string{"kinds": kindsTable(t), "effects": effectsTable(t)} {
		begin, end := []byte("<!-- table: "+name+" -->\n"), []byte("<!-- end -->")
		front, rest, ok := bytes.Cut(got, begin)
		_, back, ok2 := bytes.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("%s has no place for the table of %s", specFile, name)
		}
		got = slices.Concat(front, begin, []byte(table), end, back)
	}
	if bytes.Equal(got, doc) {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the code says (-file +code); go test ./act -update writes it:\n%s", specFile, diff.Diff(string(doc), string(got)))
	}
	if err := os.WriteFile(specFile, got, 0o644); err != nil {
		t.Fatal(err)
	}
}

func row(b *strings.Builder, cells ...string) {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(c, "|", `\|`)
	}
	fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
}

// kindsTable lists every kind with the effects that its golden cases have,
// without those that many kinds have alike.
func kindsTable(t *testing.T) string {
	var b strings.Builder
	row(&b, "kind", "called", "what it says", "effects", "second person")
	row(&b, "---", "---", "---", "---", "---")
	for _, s := range Kinds() {
		var does []string
		for _, c := range cases(s) {
			a := s.Example()
			c.change(a)
			decoded, err := Decode(must(Encode(a)))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range decoded.Effects {
				do := "`" + e.Do() + "`"
				switch e.(type) {
				case effect.Ask, effect.Concern:
					continue
				case effect.Answer:
					if s.Kind != "answer.v1" {
						continue
					}
				}
				if !slices.Contains(does, do) {
					does = append(does, do)
				}
			}
		}
		if s.Kind == "correction.v1" {
			does = []string{"`correct`", "those of the corrected kind"}
		}
		releases := ""
		if s.Consequential {
			releases = "yes"
		}
		row(&b, "`"+string(s.Kind)+"`", s.Title, s.About, strings.Join(does, ", "), releases)
	}
	return b.String()
}

// effectsTable lists every effect with the comment of its type, its members
// and its rule.
func effectsTable(t *testing.T) string {
	about := effectComments(t)
	var b strings.Builder
	row(&b, "`do`", "what it does", "members", "who may", "because")
	row(&b, "---", "---", "---", "---", "---")
	for _, e := range effect.All() {
		typ := reflect.TypeOf(e)
		text, ok := about[typ.Name()]
		if !ok {
			t.Fatalf("effect.%s has no comment", typ.Name())
		}
		var members []string
		for i := range typ.NumField() {
			name, opt, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if opt != "" {
				name = "[" + name + "]"
			}
			members = append(members, "`"+name+"`")
		}
		r := effect.RuleFor(e)
		row(&b, "`"+e.Do()+"`", text, cmp.Or(strings.Join(members, " "), "none"), r.Who.String(), r.Why)
	}
	return b.String()
}

// effectComments reads the comments of the types of effect.go, without the
// type's name, which stands in another column.
func effectComments(t *testing.T) map[string]string {
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "effect", "effect.go"), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.TypeSpec)
		if !ok || s.Doc == nil {
			return true
		}
		text := strings.Join(strings.Fields(s.Doc.Text()), " ")
		text = strings.TrimPrefix(text, s.Name.Name+" ")
		out[s.Name.Name] = strings.ToUpper(text[:1]) + text[1:]
		return true
	})
	return out
}
