package witness

import (
	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/internal/peer"
)

// LogOf returns the one of a journal's keys that signed a checkpoint: log
// before the others, which it has beside it or had before. If none did, it is
// log, with which opening the checkpoint then fails.
func LogOf(signed []byte, log note.Verifier, others ...note.Verifier) note.Verifier {
	if v := peer.SignedBy(signed, append([]note.Verifier{log}, others...)); v != nil {
		return v
	}
	return log
}
