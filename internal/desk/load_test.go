package desk_test

import (
	"fmt"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

// Reading a file of 100 acts that is not kept in memory.
func BenchmarkSituationFromDisk(b *testing.B) {
	h := newHouse(b, "un.example")
	h.options = desk.LedgerOptions{FileBytes: 1}
	h.reopen()
	var files []comity.Ref
	for range 2 {
		f := h.issue(situation("A file"))
		for i := range 99 {
			h.issue(in(f, "note.v1", fmt.Sprint("Note ", i)))
		}
		files = append(files, f)
	}
	for i := 0; b.Loop(); i++ {
		v, err := h.desk.Situation(b.Context(), officer, files[i%2].Act)
		if err != nil || v.Acts != 100 {
			b.Fatal(v.Acts, err)
		}
	}
}
