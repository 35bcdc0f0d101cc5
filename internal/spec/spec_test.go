// Package spec_test writes and checks the test vectors of doc/spec/vectors:
// what another implementation of the pages in doc/spec must come to, made by
// ours. A test here fails when the code or a vector changes. What changes with
// a reason is written anew:
//
//	go test ./internal/spec -update
package spec_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write doc/spec/vectors anew")

const vectors = "../../doc/spec/vectors"

// same compares a vector with what the code makes of it now.
func same(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join(vectors, file)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs: got\n%s\nwant\n%s", path, got, want)
	}
}

// sameJSON is same for a value in its JSON form.
func sameJSON(t *testing.T, file string, v any) {
	t.Helper()
	same(t, file, text(t, v))
}

// text is a value as it stands in a file of vectors.
func text(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
