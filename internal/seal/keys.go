package seal

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"filippo.io/age"

	"github.com/comity/comity/comity"
)

// A Recipient is the public key to which an organization wants acts sealed, in
// text "age1pq1…" (1,959 characters). The zero value is nobody's.
type Recipient struct {
	text string
	key  *age.HybridRecipient
}

// ParseRecipient reads "age1pq1…". A key to which nothing can be sealed is
// refused here, not when a warning must go out.
func ParseRecipient(s string) (Recipient, error) {
	key, err := age.ParseHybridRecipient(s)
	if err == nil && key.String() != s {
		err = errors.New("not in its usual form")
	}
	if err == nil {
		_, err = key.Wrap(make([]byte, 16))
	}
	if err != nil {
		return Recipient{}, fmt.Errorf("sealing recipient %.20q: want a hybrid age recipient, age1pq1…: %s", s, clip(err))
	}
	return Recipient{s, key}, nil
}

// String is the form that ParseRecipient reads; "" for the zero value.
func (r Recipient) String() string { return r.text }

// MarshalText writes the form of String.
func (r Recipient) MarshalText() ([]byte, error) { return []byte(r.text), nil }

// UnmarshalText reads the form of String; "" is the zero value.
func (r *Recipient) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*r = Recipient{}
		return nil
	}
	v, err := ParseRecipient(string(b))
	if err == nil {
		*r = v
	}
	return err
}

// An Identity is the private key of a Recipient. Only Secret shows it; printed
// or logged, it appears as its recipient. The zero value opens nothing.
type Identity struct{ key *age.HybridIdentity }

// NewIdentity makes a key from the system's randomness.
func NewIdentity() (Identity, error) {
	key, err := age.GenerateHybridIdentity()
	if err != nil {
		return Identity{}, fmt.Errorf("new sealing identity: %w", err)
	}
	return Identity{key}, nil
}

// ParseIdentity reads the form of Secret, with white space around it. The
// error does not repeat the text.
func ParseIdentity(s string) (Identity, error) {
	key, err := age.ParseHybridIdentity(strings.TrimSpace(s))
	if err != nil {
		return Identity{}, errors.New("sealing identity: want a hybrid age identity, AGE-SECRET-KEY-PQ-1…; the text is cut, mistyped or of another kind")
	}
	return Identity{key}, nil
}

// Secret is the private key, "AGE-SECRET-KEY-PQ-1…", to be kept in a file of
// mode 0600. The age command reads such files (age -d -i FILE).
func (i Identity) Secret() string {
	if i.key == nil {
		return ""
	}
	return i.key.String()
}

// Recipient is the public key.
func (i Identity) Recipient() Recipient {
	if i.key == nil {
		return Recipient{}
	}
	r := i.key.Recipient()
	return Recipient{r.String(), r}
}

// Open is Keyring.Open with this identity alone.
func (i Identity) Open(issuer comity.Domain, purpose Purpose, c Commitment, ciphertext []byte) (Opening, error) {
	return Keyring{i}.Open(issuer, purpose, c, ciphertext)
}

// Format keeps the secret out of messages, whatever the verb.
func (i Identity) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "identity of %.20s…", i.Recipient().text)
}

// LogValue keeps the secret out of logs.
func (i Identity) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(i)) }

// A Keyring holds the identities of one organization, the one in use first and
// those rotated out after it: what was sealed to them stays readable. The
// empty keyring opens nothing.
type Keyring []Identity

// ParseKeyring reads identities as age's identity files have them: one a line,
// empty lines and lines that start with # left out.
func ParseKeyring(text string) (Keyring, error) {
	var k Keyring
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		id, err := ParseIdentity(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		k = append(k, id)
	}
	if len(k) == 0 {
		return nil, errors.New("sealing identities: the file holds none")
	}
	return k, nil
}
