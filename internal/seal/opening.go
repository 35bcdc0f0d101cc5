package seal

import (
	"bytes"
	"crypto/hmac"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"

	strict "github.com/go-json-experiment/json"

	"github.com/comity/comity/comity"
)

// An Opening is what was inside a box. Published, it discloses the payload,
// and anybody can Check it against the entry without a key. Its JSON form has
// nonce, salt and payload in base64. Printed or logged, it does not show them.
type Opening struct {
	Issuer  comity.Domain
	Purpose Purpose
	Nonce   [16]byte
	Salt    [32]byte
	Payload []byte
}

// Check says whether o is what issuer committed to in c, for the given
// purpose. Issuer is the domain in whose journal the entry with c stands, not
// what o says. Errors are ErrCommitment, ErrWrongIssuer and ErrWrongPurpose.
func (o Opening) Check(issuer comity.Domain, purpose Purpose, c Commitment) error {
	// A line feed in the issuer's name would give one message two readings.
	if err := checkHeader(o.Issuer, o.Purpose); err != nil {
		return fmt.Errorf("%w: %w", ErrCommitment, err)
	}
	if got := o.hmac(); !hmac.Equal(got[:], c.HMAC[:]) {
		return fmt.Errorf("%w: salt and plaintext give another HMAC", ErrCommitment)
	}
	if o.Issuer != issuer {
		return fmt.Errorf("%w: by %s, in the journal of %s", ErrWrongIssuer, o.Issuer, issuer)
	}
	if o.Purpose != purpose {
		return fmt.Errorf("%w: %s in the place of %s", ErrWrongPurpose, o.Purpose, purpose)
	}
	return nil
}

// Message is what the HMAC in the commitment covers, under the key Salt: with
// both, other tools than this one can check a disclosure.
func (o Opening) Message() []byte { return append([]byte(o.header()), o.Payload...) }

const magic = "comity/seal/v1\n"

func (o Opening) header() string {
	return magic + string(o.Purpose) + "\n" + string(o.Issuer) + "\n" + hex.EncodeToString(o.Nonce[:]) + "\n"
}

func (o Opening) hmac() comity.Hash { return hmacOf(o.Salt, o.header(), o.Payload) }

func checkHeader(issuer comity.Domain, purpose Purpose) error {
	if !purpose.Valid() {
		return fmt.Errorf("purpose %.20q: write effects or content", string(purpose))
	}
	_, err := comity.ParseDomain(string(issuer))
	return err
}

// prefix is the length of salt and length field.
const prefix = 32 + 4

// plaintext is what age encrypts.
func (o Opening) plaintext() []byte {
	header := o.header()
	n := len(header) + len(o.Payload)
	out := make([]byte, 0, plaintextClass(prefix+n))
	out = append(out, o.Salt[:]...)
	out = binary.BigEndian.AppendUint32(out, uint32(n))
	out = append(out, header...)
	out = append(out, o.Payload...)
	return out[:cap(out)]
}

// parse reads what plaintext writes, and nothing else.
func parse(plain []byte) (Opening, error) {
	var o Opening
	if len(plain) < prefix || len(plain) > MaxPlaintext {
		return o, fmt.Errorf("a plaintext of %d bytes", len(plain))
	}
	n := uint64(binary.BigEndian.Uint32(plain[32:prefix]))
	if n > uint64(len(plain)-prefix) {
		return o, fmt.Errorf("a message of %d bytes in a plaintext of %d", n, len(plain))
	}
	end := prefix + int(n)
	if len(plain) != plaintextClass(end) {
		return o, fmt.Errorf("a message of %d bytes was filled up to %d", n, len(plain))
	}
	if len(bytes.Trim(plain[end:], "\x00")) > 0 {
		return o, errors.New("the filling is not zero")
	}
	rest, ok := bytes.CutPrefix(plain[prefix:end:end], []byte(magic))
	if !ok {
		return o, errors.New("the message is of another version")
	}
	purpose, rest, _ := bytes.Cut(rest, []byte("\n"))
	issuer, rest, _ := bytes.Cut(rest, []byte("\n"))
	nonce, payload, ok := bytes.Cut(rest, []byte("\n"))
	if !ok {
		return o, errors.New("the message is cut short")
	}
	if err := checkHeader(comity.Domain(issuer), Purpose(purpose)); err != nil {
		return o, err
	}
	if len(nonce) != hex.EncodedLen(len(o.Nonce)) || !bytes.Equal(nonce, bytes.ToLower(nonce)) {
		return o, errors.New("the nonce is not 32 lower-case hexadecimal digits")
	}
	if _, err := hex.Decode(o.Nonce[:], nonce); err != nil {
		return o, errors.New("the nonce is not 32 lower-case hexadecimal digits")
	}
	copy(o.Salt[:], plain)
	o.Issuer, o.Purpose, o.Payload = comity.Domain(issuer), Purpose(purpose), payload
	return o, nil
}

type openingJSON struct {
	Issuer  comity.Domain `json:"issuer"`
	Purpose Purpose       `json:"purpose"`
	Nonce   []byte        `json:"nonce"`
	Salt    []byte        `json:"salt"`
	Payload []byte        `json:"payload"`
}

// MarshalJSON writes all of o: whoever reads it can disclose it.
func (o Opening) MarshalJSON() ([]byte, error) {
	return strict.Marshal(openingJSON{o.Issuer, o.Purpose, o.Nonce[:], o.Salt[:], o.Payload})
}

// UnmarshalJSON reads the form of MarshalJSON strictly, so that two readers
// cannot see two payloads. It does not Check.
func (o *Opening) UnmarshalJSON(b []byte) error {
	var j openingJSON
	if err := strict.Unmarshal(b, &j, strict.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("the disclosure cannot be read: %s", clip(err))
	}
	if err := checkHeader(j.Issuer, j.Purpose); err != nil {
		return fmt.Errorf("the disclosure cannot be read: %w", err)
	}
	if len(j.Nonce) != len(o.Nonce) || len(j.Salt) != len(o.Salt) {
		return fmt.Errorf("the disclosure has a nonce of %d bytes and a salt of %d; want %d and %d",
			len(j.Nonce), len(j.Salt), len(o.Nonce), len(o.Salt))
	}
	*o = Opening{j.Issuer, j.Purpose, [16]byte(j.Nonce), [32]byte(j.Salt), j.Payload}
	return nil
}

// Format keeps what is restricted out of messages, whatever the verb.
func (o Opening) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "sealed %s of %s, %d bytes", string(o.Purpose), string(o.Issuer), len(o.Payload))
}

// LogValue keeps what is restricted out of logs.
func (o Opening) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(o)) }
