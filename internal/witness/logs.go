package witness

import (
	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/internal/verified"
)

// LogOf returns the one of a journal's keys under which a checkpoint is to be
// opened: log or, if there is no signature of that, the first of the others,
// which it has beside it or had before, of which there is one. No signature is
// verified: opening the checkpoint does that.
func LogOf(signed []byte, log note.Verifier, others ...note.Verifier) note.Verifier {
	for _, v := range append([]note.Verifier{log}, others...) {
		if verified.Bears(signed, v) {
			return v
		}
	}
	return log
}
