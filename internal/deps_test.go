// Package internal_test holds the rules of which package may import which, as
// a test: who breaks one reads why it is there.
package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/comity/comity/"

// layers are all packages, lowest first. A package imports only packages of
// lower layers and of its own tree (internal/web and what lies under it). A new
// package is added here, as low as it can stand.
var layers = [][]string{
	{"comity"},
	{"keys"},
	{"effect"},
	{"act"},
	{"casefile"},
	{"internal/memo"},
	{"internal/verified"},
	{"internal/atlas", "internal/blob", "internal/forecast", "internal/journal", "internal/leak", "internal/peer", "internal/person", "internal/seal", "internal/subtree", "internal/world"},
	{"internal/feed", "internal/witness"},
	{"internal/monitor"},
	{"internal/desk"},
	{"internal/watch"},
	{"internal/api", "internal/sqlstore", "internal/web"},
	{"internal/node"},
	{"internal/demo", "internal/simtest"},
	{"cmd"},
	{"test"}, // end to end; nothing imports it
}

// rules are what the layers do not say. Packages and imports are named by
// path; a name stands for what lies under it, too.
var rules = []struct {
	of     []string // these packages
	not    []string // import none of these
	only   []string // if set: of these, and of the standard library, all that they import
	except []string // but these packages may
	why    string
}{
	{of: []string{"comity"}, only: []string{},
		why: "the nouns are what everybody shares: an outsider takes them without taking anything else"},
	{of: []string{"effect", "act", "casefile"}, only: []string{"comity", "keys", "effect", "act", "github.com/go-json-experiment/json"},
		why: "an outsider verifies and replays a record with the public packages alone"},
	{of: []string{"keys"}, only: []string{"comity", "keys", "golang.org/x/mod/sumdb/note"},
		why: "an outsider checks a history of keys with the public packages alone"},
	{of: []string{"comity", "keys", "effect", "act", "casefile"}, not: []string{"net", "os", "database", "log", "math/rand", "crypto/rand", "path/filepath"},
		why: "state is a pure fold of acts: the same acts give the same file on every node, so there is no network, disk, log or chance in it"},
	{of: []string{"internal/journal", "internal/monitor", "internal/witness", "internal/peer", "internal/blob", "internal/subtree"}, not: []string{"act", "effect", "casefile"},
		why: "what carries and proves entries treats them as opaque bytes: a kind of act that this version does not know is carried like any other"},
	{of: []string{"internal/web", "internal/api"}, not: []string{"internal/sqlstore", "internal/monitor", "internal/blob", "internal/seal", "internal/node"},
		why: "pages and API ask the desk, which decides what a person may see; past it they would have to decide again"},
	{of: []string{""}, not: []string{"internal/sqlstore"}, except: []string{"internal/sqlstore", "internal/node"},
		why: "only the node names a database; everybody else states the interface that it needs"},
	{of: []string{""}, not: []string{"database/sql", "modernc.org", "github.com/jackc"}, except: []string{"internal/sqlstore", "bench", "test/litewitness"},
		why: "all SQL is written once, in sqlstore; a test writes into the database of a program of others"},
	{of: []string{""}, not: []string{"internal/demo"}, except: []string{"internal/demo", "cmd", "bench", "test"},
		why: "a node knows no demonstration: what it does there it does anywhere"},
	{of: []string{"internal/feed", "internal/forecast"}, not: []string{"act", "effect", "casefile"},
		why: "events and forecasts are facts about the world outside; what is made of them in the record people decide"},
	{of: []string{"internal/atlas"}, only: []string{},
		why: "shapes depend on nothing that this program does"},
	{of: []string{"internal/world"}, only: []string{"comity"},
		why: "reference facts depend on nothing that this program does"},
	{of: []string{"internal/forecast"}, only: []string{},
		why: "a forecast follows from the series that it is given and from nothing else: no clock, no network, no database, and no knowledge of places"},
	{of: []string{""}, not: []string{"github.com/spf13/cobra"}, except: []string{"cmd"},
		why: "a node is embedded by tests, the demonstration and others, without a command line"},
	{of: []string{""}, not: []string{"cel.dev"}, except: []string{"internal/watch"},
		why: "rules are written in CEL and nothing else is: what it can reach is decided in one place"},
	{of: []string{""}, not: []string{"testing", "github.com/google/go-cmp", "pgregory.net/rapid", "github.com/rogpeppe/go-internal", "github.com/chromedp/chromedp"}, except: []string{"*test"},
		why: "what only tests need stays out of the program; helpers for tests stand in packages whose name ends in test"},
}

// source is one file that is part of the program, with its imports.
type source struct {
	file, pkg string
	imports   []string
	tree      *ast.File
}

// program reads every Go file but tests. It reads the text rather than asking
// the go command, so that files for other systems count, too.
func program(t *testing.T) []source {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	var out []source
	err = fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			name := d.Name()
			if p != "." && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules") {
				return fs.SkipDir
			}
			if p == "bin" || p == "bench" || p == "internal/deps" { // bench is a module of its own
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(p) != ".go" || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(os.DirFS(root), p)
		if err != nil {
			return err
		}
		tree, err := parser.ParseFile(token.NewFileSet(), p, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		s := source{file: p, pkg: path.Dir(p), tree: tree}
		for _, i := range tree.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, strings.TrimPrefix(name, module))
		}
		out = append(out, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 100 {
		t.Fatalf("only %d files were found under %s", len(out), root)
	}
	return out
}

// under reports whether a package or import is name or lies under it. "" is
// everything; "*test" is every package whose name ends so.
func under(pkg, name string) bool {
	if suffix, ok := strings.CutPrefix(name, "*"); ok {
		return strings.HasSuffix(pkg, suffix)
	}
	return name == "" || pkg == name || strings.HasPrefix(pkg, name+"/")
}

func anyUnder(pkg string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return under(pkg, n) })
}

// layer of a package: its number and the name that stands in the table; -1 for
// none.
func layer(pkg string) (int, string) {
	for i, names := range layers {
		for _, n := range names {
			if under(pkg, n) {
				return i, n
			}
		}
	}
	return -1, ""
}

// own reports whether an import is of this module.
func own(name string) bool {
	i, _ := layer(name)
	return i >= 0 || strings.HasPrefix(name, "internal/")
}

// standard reports whether an import is of the standard library: the first
// part of its path has no dot.
func standard(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return !own(name) && !strings.Contains(first, ".")
}

func TestImportsRunOneWay(t *testing.T) {
	for _, s := range program(t) {
		at, tree := layer(s.pkg)
		if at < 0 {
			t.Errorf("%s: package %s stands in no layer; add it to the table here", s.file, s.pkg)
			continue
		}
		for _, name := range s.imports {
			if !own(name) {
				continue
			}
			if below, other := layer(name); below >= at && other != tree {
				t.Errorf("%s imports %s, which is not of a lower layer than %s", s.file, name, tree)
			}
		}
	}
}

func TestImportRules(t *testing.T) {
	sources := program(t)
	for _, rule := range rules {
		for _, s := range sources {
			if !anyUnder(s.pkg, rule.of) || anyUnder(s.pkg, rule.except) {
				continue
			}
			for _, name := range s.imports {
				if rule.only != nil && !standard(name) && !anyUnder(name, rule.only) {
					t.Errorf("%s imports %s: %s", s.file, name, rule.why)
				}
				if anyUnder(name, rule.not) && !anyUnder(s.pkg, []string{name}) {
					t.Errorf("%s imports %s: %s", s.file, name, rule.why)
				}
			}
		}
	}
}

// Where the clock is handed in, asking the machine's would make two nodes, or
// a replay, differ.
func TestNoClockInTheFold(t *testing.T) {
	for _, s := range program(t) {
		if !anyUnder(s.pkg, []string{"comity", "effect", "act", "casefile", "internal/world", "internal/seal"}) {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "After", "Sleep", "Tick", "NewTimer", "NewTicker"}, sel.Sel.Name) {
				t.Errorf("%s asks the clock (time.%s): time is an argument there", s.file, sel.Sel.Name)
			}
			return true
		})
	}
}

// No package but main does work before main runs: two nodes in one process
// share nothing, and importing a package changes nothing.
func TestNoInit(t *testing.T) {
	for _, s := range program(t) {
		for _, d := range s.tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function", s.file)
			}
		}
	}
}
