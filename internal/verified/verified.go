// Package verified makes verifiers of C2SP verification keys
// (https://c2sp.org/signed-note#verifier-keys) that do not verify a signature
// twice.
//
// A checkpoint and its cosignatures come to a node many times: pushed, fetched,
// submitted to its witness, shown again at every poll, read back to be served.
// Whether a signature is valid follows from the key, the text and the
// signature alone, and to find out takes about a hundred times as long as to
// recognise the three.
//
//	v, err := verified.Log(vkey)
//	v.Verify(text, sig) // computes
//	v.Verify(text, sig) // remembers
//
// What is remembered is shared by all verifiers of the process, and bounded.
// Only valid signatures are: nothing that somebody sends who has no key takes
// the place of one. All of it is safe for concurrent use.
package verified

import (
	"crypto/sha256"
	"encoding/binary"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/internal/memo"
)

// Log is a verifier of a log's key: type 0x01, Ed25519.
func Log(vkey string) (note.Verifier, error) {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	return verifier{v, vkey}, nil
}

// Cosigner is a verifier of the key of a witness or mirror: type 0x04, Ed25519
// with a time.
func Cosigner(vkey string) (note.Verifier, error) {
	v, err := torchwood.NewCosignatureVerifier(vkey)
	if err != nil {
		return nil, err
	}
	return verifier{v, vkey}, nil
}

type verifier struct {
	note.Verifier
	vkey string
}

// Verify implements note.Verifier.
func (v verifier) Verify(msg, sig []byte) bool { return Once(v.vkey, msg, sig, v.Verifier.Verify) }

// Once reports whether sig is a valid signature of msg under a key, which is
// written in one way only and says of what kind it is. verify is asked unless
// it is known.
func Once(key string, msg, sig []byte, verify func(msg, sig []byte) bool) bool {
	id := idOf(key, msg, sig)
	if _, ok := valid.Get(id); ok {
		return true
	}
	if !verify(msg, sig) {
		return false
	}
	valid.Put(id, struct{}{})
	return true
}

type id [sha256.Size]byte

// idOf is the hash of the three, each with its length before it.
func idOf(key string, msg, sig []byte) (out id) {
	h := sha256.New()
	var n [8]byte
	for _, part := range [][]byte{[]byte(key), msg, sig} {
		h.Write(binary.BigEndian.AppendUint64(n[:0], uint64(len(part))))
		h.Write(part)
	}
	h.Sum(out[:0])
	return out
}

// valid are signatures that were found to be valid.
var valid = memo.Of[id, struct{}]{Newest: 4096}
