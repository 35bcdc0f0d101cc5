// Package seal encrypts restricted acts to their addressees, opens them, and
// discloses them provably.
//
// An act that is not CLEAR is sealed twice, for two purposes: its effects (no
// free text; they stay when the text is erased) and its content. What is
// sealed is a payload of bytes that this package does not look into. The
// journal entry carries a Commitment to each box and nothing else; the
// ciphertexts are blobs, served to whoever asks.
//
//	box, opening, err := seal.Seal("ecowas.example", seal.Content, payload,
//		[]seal.Recipient{own, au}, rand.Reader)
//
//	// the issuer publishes box.Ciphertext and, in a signed entry, box.Commitment;
//	// an addressee that read the entry in the verified journal opens it:
//	got, err := keys.Open("ecowas.example", seal.Content, box.Commitment, box.Ciphertext)
//
//	// whoever can open it can disclose it; anybody can check that, without a key:
//	err = got.Check("ecowas.example", seal.Content, box.Commitment)
//
// # Format
//
// The ciphertext is a binary age file, https://age-encryption.org/v1, with
// mlkem768x25519 stanzas only. Its plaintext is
//
//	salt     32 random bytes
//	length   of the message in bytes, 4 bytes, big-endian
//	message
//	padding  zero bytes
//
// and the message is four lines, each ended by a line feed, then the payload:
//
//	comity/seal/v1
//	<purpose: effects or content>
//	<issuer: the domain in whose journal the entry stands>
//	<nonce: 16 random bytes as 32 lower-case hexadecimal digits>
//	<payload>
//
// The four lines have one reading only: purposes are two fixed words, domains
// and hexadecimal digits hold no line feed. The commitment is
//
//	sha256   SHA-256 of the ciphertext
//	size     of the ciphertext, in bytes
//	hmac     HMAC-SHA256(key: salt, message)
//
// Salt and message disclose the payload: OpenSSL checks the third value with
//
//	openssl dgst -sha256 -mac HMAC -macopt hexkey:<salt> message
//
// An opener checks, in this order: size and SHA-256 of the ciphertext; that it
// decrypts; the form of the plaintext, byte for byte, padding included; the
// HMAC; issuer; purpose. It returns nothing of a plaintext that fails.
//
// # Padding
//
// The number of recipients is filled up to 2, 4, 8, 16, 32, 64, 128 or 256
// with keys made for this one box, whose private halves are dropped, and their
// order is shuffled. The plaintext is filled up to 1, 2, 4, 8, 16, 32 or 64
// KiB, above that to the next multiple of 64 KiB, at most 16 MiB. All stanzas
// have the same length, so the two classes alone fix the size of a ciphertext.
//
// # What it protects, and what it does not
//
//   - Who is addressed: a stanza does not tell whose key it is for, nor whether
//     it is filling. Everybody sees that the issuer sealed something, when, and
//     both classes. Each addressee learns what the payload tells it of others.
//   - age does not say who encrypted. Anybody can make a box that names any
//     issuer. Only the signature of the journal makes a box its issuer's: open
//     nothing whose commitment does not come from a verified entry.
//   - A box carried into another's journal, to pass for that one's act, is
//     refused, as the issuer's name is inside (ErrWrongIssuer). The two boxes of
//     an act cannot stand in for each other (ErrWrongPurpose).
//   - An issuer cannot show two addressees different texts, nor disclose another
//     text later: the HMAC binds it. Its key has a fixed length, so that HMAC is
//     as hard to collide as SHA-256. Padding that is not zero is refused, as it
//     could carry what a disclosure does not show.
//   - A short or guessable text cannot be tried against the HMAC without the
//     salt, nor after the blob was erased: salts are kept inside boxes only. Keep
//     no Opening beyond its use.
//   - Disclosing one box tells nothing of another; each has its own salt. A
//     disclosure cannot be denied: that is its purpose.
//   - An issuer may seal to the wrong key, or to nobody. Only the addressee can
//     tell, and says so (ErrNotAddressee).
//   - Ciphertexts are public for ever. ML-KEM-768 beside X25519 guards those
//     stored today against quantum computers of tomorrow; every key must be such
//     a hybrid. There is no forward secrecy: a stolen identity opens whatever was
//     sealed to it. Rotation limits that to a period.
//   - A hostile ciphertext costs at most MaxCiphertext of reading and 1024 trial
//     decryptions (age's bound on stanzas) per identity.
//   - Salt, nonce and order come from the reader given to Seal. The file key and
//     the filling come from age, hence crypto/rand: a bad reader weakens
//     commitments, not encryption.
package seal

import (
	"bytes"
	"crypto/hmac"
	cryptorand "crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"

	"filippo.io/age"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
)

// Bounds, in bytes and recipients.
const (
	// MaxPlaintext bounds what is encrypted: payload, header and padding.
	MaxPlaintext = 16 << 20

	// MaxPayload leaves room for the header, which has at most 193 bytes.
	MaxPayload = MaxPlaintext - 256

	// MaxCiphertext bounds a box: the plaintext, 16 bytes per 64 KiB of it, and
	// about 1,560 bytes per recipient. Fetch nothing larger.
	MaxCiphertext = MaxPlaintext + 1<<20

	// MaxRecipients is the largest class of recipients.
	MaxRecipients = 256
)

// Errors that a caller tells apart.
var (
	// ErrNotAddressee: none of the identities can open the box. It was sealed
	// to others, or to a key that is no longer held.
	ErrNotAddressee = errors.New("sealed to others: no key held here opens it")

	// ErrWrongIssuer: the box was sealed by another organization than the one
	// in whose journal the commitment stands.
	ErrWrongIssuer = errors.New("sealed by another issuer")

	// ErrWrongPurpose: effects stand where content should, or the reverse.
	ErrWrongPurpose = errors.New("sealed for another purpose")

	// ErrCommitment: the ciphertext, or what was in it, is not what the entry
	// committed to.
	ErrCommitment = errors.New("differs from what the entry committed to")

	// ErrMalformed: the bytes are what the entry committed to, and do not
	// follow the format.
	ErrMalformed = errors.New("not a box of this format")
)

// Commitment stands in the entry in place of a box. It is act's type.
type Commitment = act.Commitment

// Purpose says what a box holds. It is inside the box.
type Purpose string

// The purposes.
const (
	Effects Purpose = "effects" // what the fold needs; stays for ever
	Content Purpose = "content" // the whole document; may be erased
)

// Valid reports whether p is one of the purposes.
func (p Purpose) Valid() bool { return p == Effects || p == Content }

// A Box is what the issuer makes: a blob to serve, and what its entry says of it.
type Box struct {
	Ciphertext []byte
	Commitment Commitment
}

// Seal encrypts payload to the given recipients. The caller lists its own
// organization among them; a key listed twice counts once. The Opening holds
// what Open would return and need not be kept: the issuer can open its box.
//
// Salt, nonce and the order of recipients are read from random; nil means
// crypto/rand.
func Seal(issuer comity.Domain, purpose Purpose, payload []byte, to []Recipient, random io.Reader) (Box, Opening, error) {
	fail := func(err error) (Box, Opening, error) {
		return Box{}, Opening{}, fmt.Errorf("seal %s of %s: %w", purpose, issuer, err)
	}
	if err := checkHeader(issuer, purpose); err != nil {
		return fail(err)
	}
	if len(payload) > MaxPayload {
		return fail(fmt.Errorf("the payload has %d bytes, at most %d are possible", len(payload), MaxPayload))
	}
	if random == nil {
		random = cryptorand.Reader
	}
	o := Opening{Issuer: issuer, Purpose: purpose, Payload: bytes.Clone(payload)}
	var order [32]byte
	for _, b := range [][]byte{o.Nonce[:], o.Salt[:], order[:]} {
		if _, err := io.ReadFull(random, b); err != nil {
			return fail(fmt.Errorf("no randomness: %w", err))
		}
	}
	recipients, err := padRecipients(to)
	if err != nil {
		return fail(err)
	}
	mathrand.New(mathrand.NewChaCha8(order)).Shuffle(len(recipients), func(i, j int) {
		recipients[i], recipients[j] = recipients[j], recipients[i]
	})

	var out bytes.Buffer
	w, err := age.Encrypt(&out, recipients...)
	if err != nil {
		return fail(err)
	}
	if _, err := w.Write(o.plaintext()); err != nil {
		return fail(err)
	}
	if err := w.Close(); err != nil {
		return fail(err)
	}
	c := Commitment{SHA256: sha256.Sum256(out.Bytes()), Size: int64(out.Len()), HMAC: o.hmac()}
	return Box{out.Bytes(), c}, o, nil
}

// padRecipients drops repeated keys and fills up to the class with fresh ones.
func padRecipients(to []Recipient) ([]age.Recipient, error) {
	seen := make(map[string]bool)
	var out []age.Recipient
	for i, r := range to {
		if r.key == nil {
			return nil, fmt.Errorf("recipient %d of %d has no key", i+1, len(to))
		}
		if !seen[r.text] {
			seen[r.text] = true
			out = append(out, r.key)
		}
	}
	switch {
	case len(out) == 0:
		return nil, errors.New("no recipient: name at least your own organization")
	case len(out) > MaxRecipients:
		return nil, fmt.Errorf("%d recipients, at most %d are possible", len(out), MaxRecipients)
	}
	for class := recipientClass(len(out)); len(out) < class; {
		dummy, err := age.GenerateHybridIdentity()
		if err != nil {
			return nil, fmt.Errorf("filling up recipients: %w", err)
		}
		out = append(out, dummy.Recipient())
	}
	return out, nil
}

// recipientClass is the smallest power of two, from 2, that holds n.
func recipientClass(n int) int {
	class := 2
	for class < n {
		class *= 2
	}
	return class
}

// plaintextClass is the length to which n bytes of plaintext are filled up.
func plaintextClass(n int) int {
	const smallest, step = 1 << 10, 64 << 10
	for class := smallest; class < step; class *= 2 {
		if n <= class {
			return class
		}
	}
	return (n + step - 1) / step * step
}

// CheckCiphertext says whether these are the bytes that c commits to
// (ErrCommitment). Whoever mirrors a box can check so much without a key.
func CheckCiphertext(c Commitment, ciphertext []byte) error {
	if int64(len(ciphertext)) != c.Size {
		return fmt.Errorf("box %s: %w: %d bytes instead of %d", c.SHA256, ErrCommitment, len(ciphertext), c.Size)
	}
	if comity.Hash(sha256.Sum256(ciphertext)) != c.SHA256 {
		return fmt.Errorf("box %s: %w: its bytes have another SHA-256", c.SHA256, ErrCommitment)
	}
	return nil
}

// Open decrypts the box that an entry of issuer's journal committed to, with
// whichever of the identities fits. Errors are, by errors.Is: ErrCommitment,
// ErrNotAddressee, ErrMalformed, ErrWrongIssuer, ErrWrongPurpose. All but the
// first, when ciphertext is not the bytes committed to, are final: fetching
// the blob again will not help.
func (k Keyring) Open(issuer comity.Domain, purpose Purpose, c Commitment, ciphertext []byte) (Opening, error) {
	if err := CheckCiphertext(c, ciphertext); err != nil {
		return Opening{}, err
	}
	o, err := k.Look(ciphertext)
	if err == nil {
		err = o.Check(issuer, purpose, c)
	}
	if err != nil {
		return Opening{}, fmt.Errorf("open %s of %s (box %s): %w", purpose, issuer, c.SHA256, err)
	}
	return o, nil
}

// Look decrypts a box, whoever committed to it: only what is inside says whose it
// is. Errors are ErrNotAddressee and ErrMalformed.
func (k Keyring) Look(ciphertext []byte) (Opening, error) {
	if len(ciphertext) > MaxCiphertext {
		return Opening{}, fmt.Errorf("%w: %d bytes, at most %d are possible", ErrMalformed, len(ciphertext), MaxCiphertext)
	}
	ids := make([]age.Identity, 0, len(k))
	for _, id := range k {
		if id.key != nil {
			ids = append(ids, id.key)
		}
	}
	if len(ids) == 0 {
		return Opening{}, ErrNotAddressee
	}
	r, err := age.Decrypt(bytes.NewReader(ciphertext), ids...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return Opening{}, ErrNotAddressee
	case err != nil:
		return Opening{}, fmt.Errorf("%w: %s", ErrMalformed, clip(err))
	}
	plain, err := io.ReadAll(io.LimitReader(r, MaxPlaintext+1))
	if err != nil {
		return Opening{}, fmt.Errorf("%w: %s", ErrMalformed, clip(err))
	}
	o, err := parse(plain)
	if err != nil {
		return Opening{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return o, nil
}

// hmacOf is HMAC-SHA256 over header and payload.
func hmacOf(salt [32]byte, header string, payload []byte) comity.Hash {
	h := hmac.New(sha256.New, salt[:])
	io.WriteString(h, header)
	h.Write(payload)
	return comity.Hash(h.Sum(nil))
}

// clip shortens an error that may quote a peer's bytes.
func clip(err error) string {
	s := err.Error()
	if len(s) <= 200 {
		return s
	}
	return s[:200] + "…"
}
