package internal_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	mdLink   = regexp.MustCompile(`\]\(([^)#\s]*)(#[^)\s]+)?[^)]*\)`)
	codeSpan = regexp.MustCompile("`([^`\\s]+)`")
	goFile   = regexp.MustCompile(`^[\w./-]+/[\w-]+\.go$`)
	testName = regexp.MustCompile("`([\\w/]+)\\.((?:Test|Fuzz)\\w+)`")
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	folder   = regexp.MustCompile(`^(act|casefile|cmd|comity|effect|internal|doc|scripts)/[\w/-]*/$`)
)

// A guide that names files which no longer exist misleads those who need it
// most.
func TestDocumentsNameWhatExists(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	tree := os.DirFS(root)
	var docs []string
	for _, pattern := range []string{"*.md", "doc/*.md", "doc/*/*.md"} {
		found, err := fs.Glob(tree, pattern)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, found...)
	}
	if len(docs) < 5 {
		t.Fatalf("only %d documents were found: %v", len(docs), docs)
	}
	for _, doc := range docs {
		b, err := fs.ReadFile(tree, doc)
		if err != nil {
			t.Fatal(err)
		}
		exists := func(name string) {
			if _, err := fs.Stat(tree, path.Clean(name)); err != nil {
				t.Errorf("%s names %s: %v", doc, name, err)
			}
		}
		for _, m := range mdLink.FindAllStringSubmatch(string(b), -1) {
			if strings.Contains(m[1], ":") {
				continue
			}
			to := doc
			if m[1] != "" {
				to = path.Join(path.Dir(doc), m[1])
				exists(to)
			}
			if m[2] != "" && !hasHeading(tree, to, m[2][1:]) {
				t.Errorf("%s names %s%s: there is no such heading", doc, to, m[2])
			}
		}
		for _, m := range codeSpan.FindAllStringSubmatch(string(b), -1) {
			if goFile.MatchString(m[1]) || folder.MatchString(m[1]) {
				exists(strings.TrimSuffix(m[1], "/"))
			}
		}
	}
}

// hasHeading reports whether a document has a heading that links name so.
func hasHeading(tree fs.FS, doc, anchor string) bool {
	b, err := fs.ReadFile(tree, doc)
	if err != nil {
		return false
	}
	for _, m := range heading.FindAllStringSubmatch(string(b), -1) {
		slug := strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")
		if slug == anchor {
			return true
		}
	}
	return false
}

// The threat model names a test for each defence: one that was renamed or
// removed must be missed here.
func TestThreatsNameTests(t *testing.T) {
	b, err := os.ReadFile("../doc/security.md")
	if err != nil {
		t.Fatal(err)
	}
	named := testName.FindAllStringSubmatch(string(b), -1)
	if len(named) < 100 {
		t.Fatalf("only %d tests are named", len(named))
	}
	tests := map[string]string{} // by folder, the text of its tests
	for _, m := range named {
		text, ok := tests[m[1]]
		if !ok {
			files, err := filepath.Glob(filepath.Join("..", m[1], "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				text += string(b)
			}
			tests[m[1]] = text
		}
		if !strings.Contains(text, "\nfunc "+m[2]+"(") {
			t.Errorf("doc/security.md names %s.%s, which does not exist", m[1], m[2])
		}
	}
}
