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
	mdLink   = regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)
	codeSpan = regexp.MustCompile("`([^`\\s]+)`")
	goFile   = regexp.MustCompile(`^[\w./-]+/[\w-]+\.go$`)
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
			if !strings.Contains(m[1], ":") {
				exists(path.Join(path.Dir(doc), m[1]))
			}
		}
		for _, m := range codeSpan.FindAllStringSubmatch(string(b), -1) {
			if goFile.MatchString(m[1]) || folder.MatchString(m[1]) {
				exists(strings.TrimSuffix(m[1], "/"))
			}
		}
	}
}
