package web

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template/parse"

	"github.com/comity/comity/act"
	"github.com/comity/comity/internal/forecast"
	"github.com/comity/comity/internal/web/i18n"
)

// words collects every string of the interface: conversions to i18n.Key in Go,
// calls of t, th and n in templates, and the titles of the kinds of acts.
func words(t *testing.T) map[i18n.Key][]string {
	t.Helper()
	out := map[i18n.Key][]string{}
	note := func(k, where string) { out[i18n.Key(k)] = append(out[i18n.Key(k)], where) }
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			lit, ok := call.Args[0].(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if f := called(call.Fun); f == "i18n.Key" || f == "r.t" || f == "p.html" {
				k, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				note(k, name)
			}
			return true
		})
	}
	eachTemplate(t, func(name string, tree *parse.Tree) {
		walk(tree.Root, func(n parse.Node) {
			cmd, ok := n.(*parse.CommandNode)
			if !ok || len(cmd.Args) < 2 {
				return
			}
			id, ok := cmd.Args[0].(*parse.IdentifierNode)
			if !ok || !slices.Contains([]string{"t", "th", "n"}, id.Ident) {
				return
			}
			if s, ok := cmd.Args[1].(*parse.StringNode); ok {
				note(s.Text, name)
			}
		})
	})
	for _, s := range act.Kinds() {
		note(s.Title, "act."+string(s.Kind))
	}
	return out
}

func called(e ast.Expr) string {
	if sel, ok := e.(*ast.SelectorExpr); ok {
		if x, ok := sel.X.(*ast.Ident); ok {
			return x.Name + "." + sel.Sel.Name
		}
	}
	return ""
}

// eachTemplate parses every template on its own.
func eachTemplate(t *testing.T, f func(name string, tree *parse.Tree)) {
	t.Helper()
	stub := map[string]any{}
	for name := range (&printer{s: &site{files: newAssets()}}).funcs() {
		stub[name] = fmt.Sprint
	}
	for _, b := range []string{"eq", "ne", "and", "or", "not", "len", "index", "printf", "print", "ge", "gt", "lt", "le", "range", "slice", "html", "js", "call", "println", "urlquery"} {
		stub[b] = fmt.Sprint
	}
	err := fs.WalkDir(static, "static", func(p string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(p) != ".tmpl" {
			return err
		}
		b, err := static.ReadFile(p)
		if err != nil {
			return err
		}
		trees, err := parse.Parse(p, string(b), "{{", "}}", stub)
		if err != nil {
			return err
		}
		for _, tree := range trees {
			f(p, tree)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// walk visits every node of a template.
func walk(n parse.Node, f func(parse.Node)) {
	if n == nil {
		return
	}
	f(n)
	pipe := func(p *parse.PipeNode) {
		if p != nil {
			walk(p, f)
		}
	}
	list := func(l *parse.ListNode) {
		if l != nil {
			walk(l, f)
		}
	}
	branch := func(b *parse.BranchNode) { pipe(b.Pipe); list(b.List); list(b.ElseList) }
	switch n := n.(type) {
	case *parse.ListNode:
		for _, x := range n.Nodes {
			walk(x, f)
		}
	case *parse.ActionNode:
		pipe(n.Pipe)
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			walk(c, f)
		}
	case *parse.CommandNode:
		for _, a := range n.Args {
			walk(a, f)
		}
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	case *parse.TemplateNode:
		pipe(n.Pipe)
	}
}

// TestEveryWordHasArabic finds strings of the interface without an Arabic
// entry, and entries that nothing uses. A new string goes into i18n/ar.json.
func TestEveryWordHasArabic(t *testing.T) {
	langs, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	ar, ok := langs.For("ar")
	if !ok {
		t.Fatal("there is no Arabic catalogue")
	}
	used := words(t)
	var missing []string
	for k, where := range used {
		if k != "" && !ar.Has(k) {
			missing = append(missing, fmt.Sprintf("%q (%s)", k, where[0]))
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("%d strings have no entry in i18n/ar.json:\n%s", len(missing), strings.Join(missing, "\n"))
	}
	for _, k := range ar.Keys() {
		if _, ok := used[k]; !ok {
			t.Errorf("i18n/ar.json has an entry for %q, which nothing uses", k)
		}
	}
	if f := os.Getenv("WEB_WORDS"); f != "" {
		all := make([]string, 0, len(used))
		for k := range used {
			all = append(all, string(k))
		}
		slices.Sort(all)
		if err := os.WriteFile(f, []byte(strings.Join(all, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

var verbs = regexp.MustCompile(`%(\[\d\])?[sd]`)

// TestTranslationsTakeTheSameArguments compares the verbs of each translation
// with those of its key.
func TestTranslationsTakeTheSameArguments(t *testing.T) {
	langs, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	ar, _ := langs.For("ar")
	for _, k := range ar.Keys() {
		if strings.Contains(string(k), "|") {
			continue // plural forms may leave the number out
		}
		want := len(verbs.FindAllString(string(k), -1))
		args := make([]any, want)
		for i := range args {
			args[i] = "x"
			if strings.Contains(string(k), "%d") {
				args[i] = 1
			}
		}
		if got := ar.T(k, args...); want > 0 && strings.Contains(got, "%!") {
			t.Errorf("%q: the translation gives %q", k, got)
		}
	}
}

var (
	markup  = regexp.MustCompile(`(?s)<(style|script|code|pre|kbd)\b.*?</(style|script|code|pre|kbd)>|<[^>]*>|&[a-z]+;`)
	spoken  = regexp.MustCompile(`\p{L}{2,}`)
	allowed = []string{"API", "Comity"}
	said    = regexp.MustCompile(`(?:aria-label|placeholder|title|alt)="([^"{]*)"`)
)

// TestNoWordsOutsideTheCatalogue finds text that stands in a template as it is.
func TestNoWordsOutsideTheCatalogue(t *testing.T) {
	action := regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	err := fs.WalkDir(static, "static", func(p string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(p) != ".tmpl" {
			return err
		}
		b, err := static.ReadFile(p)
		if err != nil {
			return err
		}
		src := action.ReplaceAllString(string(b), "")
		for _, m := range said.FindAllStringSubmatch(src, -1) {
			if spoken.MatchString(m[1]) {
				t.Errorf("%s: %s stands outside the catalogue", p, m[0])
			}
		}
		for _, w := range spoken.FindAllString(markup.ReplaceAllString(src, " "), -1) {
			if !slices.Contains(allowed, w) {
				t.Errorf("%s: the word %q stands outside the catalogue", p, w)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestEveryMemberHasAName finds members of the bodies of known kinds that are
// shown by their bare name. A new one goes into fieldWords.
func TestEveryMemberHasAName(t *testing.T) {
	var check func(k act.Kind, list []Member)
	check = func(k act.Kind, list []Member) {
		for _, m := range list {
			if _, ok := fieldWords[m.Name]; !ok {
				t.Errorf("%s: the member %q has no entry in fieldWords", k, m.Name)
			}
			for _, g := range m.Groups {
				check(k, g)
			}
		}
	}
	for _, s := range act.Kinds() {
		check(s.Kind, members(s.Example().Body))
	}
}

// TestEveryPartIsExplained finds parts of forecasts that are shown by their bare
// name. A new one goes into engineWords.
func TestEveryPartIsExplained(t *testing.T) {
	for _, name := range forecast.PartNames() {
		if engineWords[name] == "" {
			t.Errorf("the part %q of a forecast has no explanation", name)
		}
	}
}
