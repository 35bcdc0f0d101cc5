package sqlstore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/person"
)

// Whatever is read as an export makes a database that has the same export, or
// none at all: after an error the database is as empty as it was.
func FuzzImport(f *testing.F) {
	f.Add([]byte("{}\n"))
	dir := f.TempDir()
	s, err := Open(f.Context(), "sqlite:"+filepath.Join(dir, "comity.db"), Options{})
	if err != nil {
		f.Fatal(err)
	}
	if err := s.AddPerson(f.Context(), person.Person{ID: "amina", Name: "Amina", Office: "Desk", Role: person.Officer, Since: comity.TimeOf(time.Unix(0, 0))}); err != nil {
		f.Fatal(err)
	}
	_, err = s.AddDraft(f.Context(), person.Draft{Document: []byte("{}"), Kind: "note.v1", Title: "t", By: "amina", At: time.Unix(0, 0)})
	var all strings.Builder
	if err == nil {
		_, err = s.Export(f.Context(), &all)
	}
	if err = errors.Join(err, s.Close()); err != nil {
		f.Fatal(err)
	}
	good := all.String()
	f.Add([]byte(good))
	f.Add([]byte(good[:len(good)/2]))
	f.Add([]byte(strings.Replace(good, `"table":"`, `"table":"x\"; DROP TABLE person; --`, 1)))
	f.Add([]byte(strings.Replace(good, `amina`, `'; DROP TABLE person; --`, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		own, err := os.MkdirTemp(dir, "") // the name of a test's own may have a '#', which no address may
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(own)
		url := "sqlite:" + filepath.Join(own, "comity.db")
		n, err := Import(t.Context(), url, strings.NewReader(string(b)), Options{})
		if err != nil {
			if n != 0 {
				t.Errorf("%d rows, and %v", n, err)
			}
			if _, err := Import(t.Context(), url, strings.NewReader(good), Options{}); err != nil {
				t.Errorf("the database is not empty after a failure: %v", err)
			}
			return
		}
		s, err := Open(t.Context(), url, Options{})
		if err != nil {
			t.Fatalf("what was imported cannot be opened: %v", err)
		}
		defer s.Close()
		var out strings.Builder
		if rows, err := s.Export(t.Context(), &out); err != nil || rows < n {
			t.Errorf("%d rows were imported, and %d exported: %v", n, rows, err)
		}
	})
}
