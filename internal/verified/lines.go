package verified

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"golang.org/x/mod/sumdb/note"
)

// By returns a signed note with those of its signature lines that say they are
// of the keys of vs, in their order. None is verified: opening the note does that.
//
// Opening decodes every line, and a checkpoint may bear dozens of cosignatures,
// of 3,300 bytes if they are post-quantum: that takes many times as long as to
// recognise the one signature that is asked for. A line that is none, or cannot
// be told, stays, and what is no signed note or bears none of the keys is returned
// as it is, so that who opens it learns what is wrong.
func By(signed []byte, vs ...note.Verifier) []byte {
	at := block(signed)
	if at < 0 {
		return signed
	}
	out := bytes.Clone(signed[:at])
	for line := range bytes.Lines(signed[at:]) {
		if s, ok := signerOf(line); !ok || s.among(vs) {
			out = append(out, line...)
		}
	}
	if len(out) == at {
		return signed
	}
	return out
}

// Open is note.Open for a note under signatures of many, none of whom is to spoil
// it for the others. It takes any number of lines, of which note.Open takes 100,
// and passes over one that fails under the key that it names. Of each key the first
// line counts. The signatures of unknown keys are not returned.
func Open(signed []byte, known note.Verifiers) (*note.Note, error) {
	at := block(signed)
	if at < 0 {
		return note.Open(signed, known) // which says what is wrong
	}
	n := &note.Note{Text: string(signed[:at-1])}
	seen := map[signer]bool{}
	for line := range bytes.Lines(signed[at:]) {
		if s, ok := signerOf(line); ok {
			var unknown *note.UnknownVerifierError
			if _, err := known.Verifier(s.name, s.hash); seen[s] || errors.As(err, &unknown) {
				continue
			}
			seen[s] = true
		}
		one, err := note.Open(append(signed[:at:at], line...), known)
		var unverified *note.UnverifiedNoteError
		var invalid *note.InvalidSignatureError
		switch {
		case err == nil:
			n.Sigs = append(n.Sigs, one.Sigs...)
		case !errors.As(err, &unverified) && !errors.As(err, &invalid):
			return nil, err
		}
	}
	if len(n.Sigs) == 0 {
		return nil, &note.UnverifiedNoteError{Note: n}
	}
	return n, nil
}

// Bears reports whether a signature line of a signed note says that it is of the
// key of v. It is not verified.
func Bears(signed []byte, v note.Verifier) bool {
	at := block(signed)
	if at < 0 {
		return false
	}
	for line := range bytes.Lines(signed[at:]) {
		if s, ok := signerOf(line); ok && s.among([]note.Verifier{v}) {
			return true
		}
	}
	return false
}

// block is where the signature lines of a note begin: behind its last empty
// line. It is negative if there is none.
func block(signed []byte) int {
	at := -1
	for i := 0; ; {
		n := bytes.IndexByte(signed[i:], '\n')
		if n < 0 {
			return at
		}
		if i += n + 1; i < len(signed) && signed[i] == '\n' {
			at = i + 1
		}
	}
}

// signer is the key that a signature line names.
type signer struct {
	name string
	hash uint32
}

func (s signer) among(vs []note.Verifier) bool {
	for _, v := range vs {
		if v.KeyHash() == s.hash && v.Name() == s.name {
			return true
		}
	}
	return false
}

// signerOf reads the front of a signature line: "— name base64", where the first
// four bytes are the key's hash.
func signerOf(line []byte) (s signer, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte("— "))
	name, sig, more := bytes.Cut(rest, []byte(" "))
	if !ok || !more || len(sig) < 8 {
		return s, false
	}
	var first [6]byte
	if _, err := base64.StdEncoding.Decode(first[:], sig[:8]); err != nil {
		return s, false
	}
	return signer{string(name), binary.BigEndian.Uint32(first[:])}, true
}
