package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/comity/comity/internal/web/i18n"
)

// toldIn collects what the packages in a folder tell an officer, by where it stands.
// A value is written as it is in toldForms.
func toldIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasSuffix(p, "test") { // watchtest, feedtest
			return fs.SkipDir
		}
		if err != nil || filepath.Ext(p) != ".go" || strings.HasSuffix(p, "_test.go") {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, p, nil, 0)
		if err != nil {
			return err
		}
		note := func(e ast.Expr) {
			if s := saidBy(t, e); strings.Trim(s, "%s") != "" {
				out[s] = set.Position(e.Pos()).String()
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				for _, s := range reasonsOf(n) {
					note(s)
				}
			case *ast.CallExpr:
				switch name := nameOf(n.Fun); {
				case name == "invalid":
					note(n.Args[0])
				case name == "Fault" && len(n.Args) == 2, name == "bad" && len(n.Args) > 1: // reader.Fault, Rule.check
					note(n.Args[1])
				}
			case *ast.KeyValueExpr:
				if k, ok := n.Key.(*ast.Ident); ok && (k.Name == "Reason" || k.Name == "Text" || k.Name == "Note") {
					note(n.Value)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// reasonsOf are the texts that a function returns which says why a row is no event:
// the last of its results, which is called reason or stands after a column.
func reasonsOf(f *ast.FuncDecl) (out []ast.Expr) {
	if f.Body == nil || f.Type.Results == nil {
		return nil
	}
	results := f.Type.Results.List
	last := results[len(results)-1]
	if nameOf(last.Type) != "string" || f.Type.Results.NumFields() == 1 && (len(last.Names) == 0 || last.Names[0].Name != "reason") && f.Name.Name != "Doubt" {
		return nil
	}
	if first := nameOf(results[0].Type); f.Type.Results.NumFields() > 1 && !slices.Contains([]string{"string", "column", "Field", "int"}, first) {
		return nil
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) > 0 {
			out = append(out, r.Results[len(r.Results)-1])
		}
		return true
	})
	return out
}

func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

var anyVerb = regexp.MustCompile(`%[.\d]*[a-z]`)

// saidBy is the text of an expression, with %s for what is known only when it runs.
func saidBy(t *testing.T, e ast.Expr) string {
	t.Helper()
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		if err != nil {
			t.Fatal(err)
		}
		return anyVerb.ReplaceAllString(s, "%s")
	case *ast.BinaryExpr:
		return saidBy(t, e.X) + saidBy(t, e.Y)
	case *ast.CallExpr:
		if nameOf(e.Fun) == "Sprintf" {
			return saidBy(t, e.Args[0])
		}
	}
	return "%s"
}

// TestWhatIsToldHasArabic finds what feeds and watch tell an officer that has no form
// in toldForms, in which it could be told in another language.
func TestWhatIsToldHasArabic(t *testing.T) {
	langs, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	ar, _ := langs.For("ar")
	p := &printer{words: ar}
	for _, dir := range []string{"../feed", "../watch"} {
		all := toldIn(t, dir)
		if len(all) < 20 {
			t.Fatalf("%s: only %d texts were found", dir, len(all))
		}
		for s, where := range all {
			if text := strings.ReplaceAll(s, "%s", "7"); p.told(text) == p.foreign(text) {
				t.Errorf("%s: %q has no form in toldForms", where, s)
			}
		}
	}
}

func TestTold(t *testing.T) {
	langs, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	ar, _ := langs.For("ar")
	for text, want := range map[string]string{
		"is no number of deaths":         "ليس عددا للوفيات",
		`is no number of deaths: "a: b"`: `ليس عددا للوفيات: <bdi lang="en" dir="ltr">&#34;a: b&#34;</bdi>`,
		"has 3 columns; want 49":         `عدد أعمدته <bdi dir="auto">3</bdi>؛ والمطلوب <bdi dir="auto">49</bdi>`,
		"<b>: something else":            `<bdi lang="en" dir="ltr">&lt;b&gt;: something else</bdi>`,
		"40: want 1 to 36":               `<bdi dir="auto">40</bdi>: المطلوب من 1 إلى 36`,
		"5000 days: want 0 to 365":       `عدد الأيام <bdi dir="auto">5000</bdi>: المطلوب من <bdi dir="auto">0</bdi> إلى <bdi dir="auto">365</bdi>`,
		"2 of 5 countries in the column \"c\" are no State as iso3. They would have none.": `من البلدان في العمود <bdi dir="auto">&#34;c&#34;</bdi>، وعددها <bdi dir="auto">5</bdi>، لا يدل <bdi dir="auto">2</bdi> على أي دولة بصيغة <bdi dir="auto">iso3</bdi>. وستبقى بلا دولة.`,
	} {
		if got := string((&printer{words: ar}).told(text)); got != want {
			t.Errorf("%q is told as\n%s; want\n%s", text, got, want)
		}
		if got, want := (&printer{words: langs[0]}).told(text), (&printer{}).foreign(text); got != want {
			t.Errorf("%q is told in English as %s; want %s", text, got, want)
		}
	}
}
