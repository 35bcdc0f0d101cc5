// Package peer keeps the roster of known organizations and talks to them over
// HTTP with every read bounded.
//
// A peer is known by what an operator pinned: its domain, the address at which
// it serves, and its keys. Nothing that arrives over the network changes a pin, but a statement
// that the pinned root key has signed changes the keys (package keys). The
// document at /api/v1/self says the same things, but is only a hint to show
// to the operator before pinning:
//
//	c, err := peer.NewClient("https://comity.ecowas.example", peer.Config{})
//	self, err := peer.FetchSelf(ctx, c)      // a hint: compare the keys by another way
//	err = roster.Pin(ctx, self.Peer(c.Base(), time.Now()))
//
// A pin holds when each key bears the name that belongs to the domain and to
// its task, and no two tasks share a key:
//
//	p := peer.Peer{
//		Domain: "ecowas.example",
//		URL:    "http://127.0.0.1:8086",
//		LogKey: "ecowas.example/journal+<id>+<type 0x01 key>",
//		…
//	}
//	err := p.Validate()
//
// A Client speaks to one peer only. It follows no redirect, uses no proxy,
// connects to no private, loopback or link-local address unless the operator
// pinned exactly that host and port for it, and reads no more than it was told
// to. Its errors carry a Reason, one of a closed set, so that pages can say why
// a peer is not being followed.
package peer

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/verified"
	"github.com/comity/comity/keys"
)

// A Peer is one pinned organization. The three keys are C2SP verification
// keys (vkeys, https://c2sp.org/signed-note#verifier-keys).
type Peer struct {
	Domain     comity.Domain
	Name       string    // as the operator writes it, at most 200 bytes
	URL        string    // base address, for example http://127.0.0.1:8086; no final slash
	LogKey     string    // type 0x01 (Ed25519), named "<domain>/journal"
	WitnessKey string    // type 0x04 (timestamped cosignature), named "<domain>/witness"
	MirrorKey  string    // type 0x04, named "<domain>/mirror"
	Recipient  string    // age1pq1…, what is sealed to the organization is sealed to this
	Pinned     time.Time // when the operator pinned it
	Paused     bool      // not followed until resumed

	// History of its keys, as a file of package keys; "" if only the keys
	// above were pinned. If set, they are the newest of it.
	History  string
	Repinned Repin

	// Private says that the operator means a host name that resolves to a
	// private address. Pinning such an address itself, or localhost, says the
	// same without it.
	Private bool
}

// Origin of the peer's journal.
func (p Peer) Origin() comity.Origin { return p.Domain.Origin() }

// Validate checks everything in p that can be checked without the network.
func (p Peer) Validate() error {
	if err := p.validate(); err != nil {
		return fmt.Errorf("peer %s: %w", clip(string(p.Domain)), err)
	}
	return nil
}

func (p Peer) validate() error {
	if _, err := comity.ParseDomain(string(p.Domain)); err != nil {
		return err
	}
	if err := validName(p.Name); err != nil {
		return err
	}
	if _, err := parseBase(p.URL); err != nil {
		return err
	}
	if _, err := p.LogVerifier(); err != nil {
		return err
	}
	if _, err := p.WitnessVerifier(); err != nil {
		return err
	}
	if _, err := p.MirrorVerifier(); err != nil {
		return err
	}
	if err := distinctKeys(p.LogKey, p.WitnessKey, p.MirrorKey); err != nil {
		return err
	}
	if _, err := age.ParseHybridRecipient(p.Recipient); err != nil {
		return fmt.Errorf("recipient %q: want an age hybrid recipient, age1pq1…: %w", clip(p.Recipient), err)
	}
	return nil
}

// LogVerifier of the peer's journal, type 0x01.
func (p Peer) LogVerifier() (note.Verifier, error) {
	v, err := verified.Log(p.LogKey)
	if err != nil {
		return nil, fmt.Errorf("log key %q: want an Ed25519 vkey (type 0x01): %w", clip(p.LogKey), err)
	}
	if v.Name() != string(p.Origin()) {
		return nil, fmt.Errorf("log key is named %q, want %q", clip(v.Name()), p.Origin())
	}
	return v, nil
}

// WitnessVerifier of the peer's cosignatures as a witness, type 0x04.
func (p Peer) WitnessVerifier() (note.Verifier, error) {
	return cosigner("witness", p.WitnessKey, p.Domain.WitnessName())
}

// MirrorVerifier of the peer's cosignatures as a mirror, type 0x04.
func (p Peer) MirrorVerifier() (note.Verifier, error) {
	return cosigner("mirror", p.MirrorKey, p.Domain.MirrorName())
}

func cosigner(task, vkey, name string) (note.Verifier, error) {
	v, err := verified.Cosigner(vkey)
	if err != nil {
		return nil, fmt.Errorf("%s key %q: want an Ed25519 cosignature vkey (type 0x04): %w", task, clip(vkey), err)
	}
	if v.Name() != name {
		return nil, fmt.Errorf("%s key is named %q, want %q", task, clip(v.Name()), name)
	}
	return v, nil
}

// distinctKeys compares the public keys themselves: the same key under two
// names is still the same key. Each vkey has been parsed before.
func distinctKeys(vkeys ...string) error {
	seen := make(map[string]string)
	for _, k := range vkeys {
		name, rest, _ := strings.Cut(k, "+")
		_, b64, _ := strings.Cut(rest, "+")
		raw, err := base64.StdEncoding.DecodeString(b64)
		if err != nil || len(raw) < 2 {
			return fmt.Errorf("key %q: not a vkey", clip(k))
		}
		pub := string(raw[1:])
		if other, ok := seen[pub]; ok {
			return fmt.Errorf("%s and %s use the same key; each task needs its own", clip(other), clip(name))
		}
		seen[pub] = name
	}
	return nil
}

// allowsPrivate reports whether the operator's pin names a private address:
// by the address itself, by localhost, or by saying so.
func (p Peer) allowsPrivate() bool {
	if p.Private {
		return true
	}
	u, err := parseBase(p.URL)
	return err == nil && NamesLocalAddress(u.Hostname())
}

// NamesLocalAddress reports whether host is an IP address or localhost, so
// that whoever typed it knew where it leads.
func NamesLocalAddress(host string) bool {
	if host == "localhost" {
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

// Client for this peer. What c says about private addresses is replaced by
// what the pin says.
func (p Peer) Client(c Config) (*Client, error) {
	c.Private = p.allowsPrivate()
	cl, err := NewClient(p.URL, c)
	if err != nil {
		return nil, fmt.Errorf("peer %s: %w", p.Domain, err)
	}
	return cl, nil
}

// parseBase reads a base address: http or https, a host, perhaps a port and a
// path, nothing else.
func parseBase(s string) (*url.URL, error) {
	bad := func(why string) (*url.URL, error) {
		return nil, fmt.Errorf("address %q: %s; write it like https://comity.ecowas.example", clip(s), why)
	}
	if len(s) > 500 {
		return bad("longer than 500 bytes")
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return bad("not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return bad("neither http nor https")
	case u.Hostname() == "":
		return bad("has no host")
	case u.User != nil:
		return bad("has a user name in it")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return bad("has a query or a fragment")
	case strings.HasSuffix(u.Path, "/"):
		return bad("ends in a slash")
	}
	return u, nil
}

func validName(s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return errors.New("name is empty")
	case len(s) > 200:
		return errors.New("name is longer than 200 bytes")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return errors.New("name has control characters or is not UTF-8")
	}
	return nil
}

// Errors that a Store returns and callers branch on.
var (
	// ErrUnknown: no peer of that domain is pinned.
	ErrUnknown = errors.New("no such peer is pinned")
	// ErrOtherKey: a peer of that domain is pinned with another log key.
	ErrOtherKey = errors.New("this domain is pinned with another log key; remove that peer first if the new key is right")
)

// Store keeps the roster. Implementations are safe for concurrent use; a nil
// error of a writing method means that the change is durable.
type Store interface {
	// Peers returns every peer, by domain.
	Peers(ctx context.Context) ([]Peer, error)

	// Version is another one after every change to the roster, by whatever
	// process: while it is the same, so is what Peers returns.
	Version(ctx context.Context) (string, error)

	// Peer returns the one of domain d; ErrUnknown if it is not pinned.
	Peer(ctx context.Context, d comity.Domain) (Peer, error)

	// Pin adds p or changes what is kept of it. The log key of a pinned peer
	// never changes so: ErrOtherKey. Nor do a history and a repin once kept.
	Pin(ctx context.Context, p Peer) error

	// Learn replaces the history of d's keys by a longer one, see Peer.Learn;
	// ErrUnknown if d is not pinned.
	Learn(ctx context.Context, d comity.Domain, h keys.History) error

	// Repin replaces the pin of p.Domain whatever keys it had; ErrUnknown if
	// it is not pinned.
	Repin(ctx context.Context, p Peer) error

	// Pause stops or resumes following d; ErrUnknown if it is not pinned.
	Pause(ctx context.Context, d comity.Domain, paused bool) error

	// Remove forgets d; ErrUnknown if it is not pinned. What was mirrored of
	// it stays.
	Remove(ctx context.Context, d comity.Domain) error
}

// clip shortens foreign text for an error message.
func clip(s string) string {
	if len(s) <= 80 {
		return s
	}
	return strings.ToValidUTF8(s[:80], "") + "…"
}
