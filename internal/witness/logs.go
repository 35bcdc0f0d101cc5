package witness

import (
	"errors"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

// LogOf returns the one of a journal's keys under which a checkpoint is to be
// opened: log or, if there is no signature of that, the first of the others,
// which it has beside it or had before, of which there is one. No signature is
// verified: opening the checkpoint does that.
func LogOf(signed []byte, log note.Verifier, others ...note.Verifier) note.Verifier {
	var n *note.UnverifiedNoteError
	if _, err := note.Open(signed, note.VerifierList()); !errors.As(err, &n) {
		return log
	}
	for _, v := range append([]note.Verifier{log}, others...) {
		if slices.ContainsFunc(n.Note.UnverifiedSigs, func(s note.Signature) bool { return s.Name == v.Name() && s.Hash == v.KeyHash() }) {
			return v
		}
	}
	return log
}
