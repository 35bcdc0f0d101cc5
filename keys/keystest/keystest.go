// Package keystest makes histories of keys for tests: from fixed seeds, so
// that they are the same in every run.
package keystest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/keys"
)

// Org is an organization with its root key.
type Org struct {
	Domain  comity.Domain
	Root    note.Signer
	History keys.History
}

// Date of every statement.
var Date = must(comity.ParseTime("2003-05-01T09:00:00Z"))

// New founds the keys of an organization.
func New(d comity.Domain) *Org {
	root, vkey := rootKey(d, "1")
	o := &Org{Domain: d, Root: root}
	o.History = must(keys.Found(d, keys.Set{Root: vkey,
		Log: []string{VKey(d, keys.Log, "1")}, Witness: []string{VKey(d, keys.Witness, "1")}, Mirror: []string{VKey(d, keys.Mirror, "1")},
		Recipient: "age1pq1" + string(bytes.Repeat([]byte("q"), 40))}))
	return o
}

// Next is the next statement, to be changed and given to Add.
func (o *Org) Next(reason string) keys.Statement { return o.History.Next(Date, reason) }

// Sign returns s under the root key; the history stays as it is.
func (o *Org) Sign(s keys.Statement) []byte { return must(keys.Sign(s, o.Root)) }

// Add signs s and puts it into the history.
func (o *Org) Add(s keys.Statement) []byte {
	signed := o.Sign(s)
	o.History = must(o.History.Add(signed))
	return signed
}

// Rotated adds a new key of a role beside those in force, and returns the
// signed statement.
func (o *Org) Rotated(r keys.Role, reason string) string {
	s := o.Next(reason)
	s.Set = s.With(r, append([]string{VKey(o.Domain, r, fmt.Sprint(s.Number+1))}, s.Of(r)...)...)
	return string(o.Add(s))
}

// NewRoot is another root key of the domain.
func NewRoot(d comity.Domain, seed string) (note.Signer, string) { return rootKey(d, seed) }

func rootKey(d comity.Domain, seed string) (note.Signer, string) {
	skey, vkey, err := note.GenerateKey(bytes.NewReader(secret(d, keys.Root, seed)), keys.Root.Name(d))
	if err != nil {
		panic(err)
	}
	return must(note.NewSigner(skey)), vkey
}

func secret(d comity.Domain, r keys.Role, seed string) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s", d, r, seed))
	return sum[:]
}

// VKey of a role that belongs to the seed.
func VKey(d comity.Domain, r keys.Role, seed string) string {
	alg := byte(0x04)
	if r == keys.Log || r == keys.Root {
		alg = 0x01
	}
	public := ed25519.NewKeyFromSeed(secret(d, r, seed)).Public().(ed25519.PublicKey)
	raw := append([]byte{alg}, public...)
	id := sha256.Sum256(append([]byte(r.Name(d)+"\n"), raw...))
	return fmt.Sprintf("%s+%08x+%s", r.Name(d), binary.BigEndian.Uint32(id[:]), base64.StdEncoding.EncodeToString(raw))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
