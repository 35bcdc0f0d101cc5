package peer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/memo"
	"github.com/comity/comity/internal/verified"
	"github.com/comity/comity/keys"
)

// KeysPath is where a node serves the history of its keys.
const KeysPath = "/journal/keys"

// Repin says that the administrator gave a peer other keys out of band: there
// was no root key to authorize the change.
type Repin struct {
	At     time.Time // zero if it never happened
	By     string    // the person
	Reason string
	Act    comity.ActName // ours that says so; zero if there is none
}

// histories are those that were read last. To read one takes as long as to
// verify a signature, and each poll and each checkpoint to be cosigned needs it.
var histories = memo.Of[string, keys.History]{Newest: 256}

// Keys is the history of the peer's keys as far as it is known here; the zero
// History if only the keys themselves were pinned.
func (p Peer) Keys() (keys.History, error) {
	if p.History == "" {
		return keys.History{}, nil
	}
	if h, ok := histories.Get(p.History); ok && h.Domain() == p.Domain {
		return h, nil
	}
	h, err := keys.ParseFile([]byte(p.History))
	if err == nil && h.Domain() != p.Domain {
		err = fmt.Errorf("it is of %s", h.Domain())
	}
	if err != nil {
		return keys.History{}, fmt.Errorf("keys of %s: %w", p.Domain, err)
	}
	histories.Put(p.History, h)
	return h, nil
}

// WithKeys returns p with h as its history and the newest keys of it.
func (p Peer) WithKeys(h keys.History) (Peer, error) {
	if h.Domain() != p.Domain {
		return p, fmt.Errorf("keys of %s: the history is of %q", p.Domain, h.Domain())
	}
	s := h.Last().Set
	p.History = string(h.File())
	p.LogKey, p.WitnessKey, p.MirrorKey, p.Recipient = newest(s.Log), newest(s.Witness), newest(s.Mirror), s.Recipient
	return p, p.Validate()
}

// newest returns the first Ed25519 key.
func newest(list []string) string {
	for _, k := range list {
		if v, err := keys.ParseVKey(k); err == nil && (v.Alg == 0x01 || v.Alg == 0x04) {
			return k
		}
	}
	return ""
}

// ErrUnusable: an organization has stated keys of which this version knows none, or
// cannot read one, for a task that needs it. They may be good to a newer version.
var ErrUnusable = errors.New("this version cannot use the keys that were stated")

// Learn returns p with a longer history. It must continue the one that is
// known, or, if none is, begin with the keys that are pinned or come to them.
// An error that wraps keys.ErrDoesNotFollow means that it does not; one that wraps
// ErrUnusable, that this version cannot work with the newest keys. Nothing changes
// if h says nothing new.
func (p Peer) Learn(h keys.History) (Peer, error) {
	known, err := p.Keys()
	if err != nil {
		return p, err
	}
	fail := func(why string) (Peer, error) {
		return p, fmt.Errorf("keys of %s: %w: %s", p.Domain, keys.ErrDoesNotFollow, why)
	}
	switch {
	case h.Domain() != p.Domain:
		return fail("they are of " + string(h.Domain()))
	case known.Extends(h):
		return p, nil
	case !h.Extends(known):
		return fail("they contradict those that are known here")
	case known.IsZero() && !begins(h, p):
		return fail("they do not begin with those that are pinned here")
	}
	longer, err := p.WithKeys(h)
	if err != nil {
		return p, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	return longer, nil
}

// begins reports whether the pinned keys are those with which h begins.
func begins(h keys.History, p Peer) bool {
	s := h.Founding().Set
	return newest(s.Log) == p.LogKey && newest(s.Witness) == p.WitnessKey && newest(s.Mirror) == p.MirrorKey && s.Recipient == p.Recipient
}

// Verifiers of vkeys for the log, witness or mirror, in their order. Keys of
// other kinds than Ed25519 are left out.
func Verifiers(list []string) ([]note.Verifier, error) {
	var out []note.Verifier
	for _, k := range list {
		v, err := keys.ParseVKey(k)
		var n note.Verifier
		switch {
		case err != nil:
		case v.Alg == 0x01:
			n, err = verified.Log(k)
		case v.Alg == 0x04:
			n, err = verified.Cosigner(k)
		}
		if err != nil {
			return nil, err
		}
		if n != nil {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no key of a kind that is known here")
	}
	return out, nil
}

// InForce returns verifiers of the role's keys that are in force: a checkpoint
// is good if one of them signed it. The newest comes first.
func (p Peer) InForce(r keys.Role) ([]note.Verifier, error) {
	return p.verifiers(r, keys.History.InForce)
}

// Good returns verifiers of every key that the role ever had, those in force
// first: what was kept while they were.
func (p Peer) Good(r keys.Role) ([]note.Verifier, error) { return p.verifiers(r, keys.History.Good) }

// Honest returns verifiers of every key of the role that was not revoked, those
// in force first.
func (p Peer) Honest(r keys.Role) ([]note.Verifier, error) {
	return p.verifiers(r, keys.History.Honest)
}

func (p Peer) verifiers(r keys.Role, of func(keys.History, keys.Role) []string) ([]note.Verifier, error) {
	h, err := p.Keys()
	if err != nil {
		return nil, err
	}
	if !h.IsZero() {
		return Verifiers(of(h, r))
	}
	var v note.Verifier
	switch r {
	case keys.Log:
		v, err = p.LogVerifier()
	case keys.Witness:
		v, err = p.WitnessVerifier()
	case keys.Mirror:
		v, err = p.MirrorVerifier()
	default:
		err = fmt.Errorf("no verifiers of %s keys", r)
	}
	if err != nil {
		return nil, err
	}
	return []note.Verifier{v}, nil
}

// SignedBy returns the first of vs that has a valid signature on a note, or
// nil.
func SignedBy(signed []byte, vs []note.Verifier) note.Verifier {
	for _, v := range vs {
		if _, err := note.Open(verified.By(signed, v), note.VerifierList(v)); err == nil {
			return v
		}
	}
	return nil
}

// FetchKeys asks the node behind c for the history of its keys. It is
// consistent in itself, which proves nothing about who sent it: Peer.Learn.
func FetchKeys(ctx context.Context, c *Client) (keys.History, error) {
	body, err := c.Get(ctx, KeysPath, keys.MaxHistory)
	if err != nil {
		return keys.History{}, fmt.Errorf("reading the history of keys: %w", err)
	}
	h, err := keys.ParseFile(body)
	switch {
	case errors.Is(err, keys.ErrUnauthorized), errors.Is(err, keys.ErrDoesNotFollow):
		return h, &Error{Reason: KeysChanged, URL: c.Base() + KeysPath, Err: err}
	case err != nil:
		return h, &Error{Reason: Malformed, URL: c.Base() + KeysPath, Err: err}
	}
	return h, nil
}
