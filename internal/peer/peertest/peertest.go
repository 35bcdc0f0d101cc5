// Package peertest has an in-memory roster, keys for tests, and the suite that
// every implementation of peer.Store must pass.
package peertest

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/torchwood"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/keys"
	"github.com/comity/comity/keys/keystest"
)

// Org is an organization with all its secret keys.
type Org struct {
	Domain  comity.Domain
	Log     note.Signer
	Witness *torchwood.CosignatureSigner
	Mirror  *torchwood.CosignatureSigner
	Peer    peer.Peer // as others would pin it, without an address
}

// NewOrg derives the keys from the domain, so that they are the same in every
// run; the recipient is the same for all.
func NewOrg(d comity.Domain) Org {
	key := func(task string) ed25519.PrivateKey {
		seed := sha256.Sum256([]byte(string(d) + "/" + task))
		return ed25519.NewKeyFromSeed(seed[:])
	}
	o := Org{Domain: d}
	lk := key("journal")
	vkey, err := note.NewEd25519VerifierKey(string(d.Origin()), lk.Public().(ed25519.PublicKey))
	must(err)
	o.Log = &logSigner{verifier: mustVerifier(vkey), key: lk}
	o.Witness, err = torchwood.NewCosignatureSigner(d.WitnessName(), key("witness"))
	must(err)
	o.Mirror, err = torchwood.NewCosignatureSigner(d.MirrorName(), key("mirror"))
	must(err)
	o.Peer = peer.Peer{
		Domain: d, Name: "Organization " + string(d), URL: "https://" + string(d),
		LogKey: vkey, WitnessKey: o.Witness.Verifier().String(), MirrorKey: o.Mirror.Verifier().String(),
		Recipient: recipient(), Pinned: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	return o
}

// SameKeys is a peer whose witness and mirror keys are one key under two names.
func SameKeys(d comity.Domain) peer.Peer {
	p := NewOrg(d).Peer
	seed := sha256.Sum256([]byte(string(d) + "/witness"))
	s, err := torchwood.NewCosignatureSigner(d.MirrorName(), ed25519.NewKeyFromSeed(seed[:]))
	must(err)
	p.MirrorKey = s.Verifier().String()
	return p
}

// LogVerifier of the organization's journal.
func (o Org) LogVerifier() note.Verifier { return o.Log.(*logSigner).verifier }

type logSigner struct {
	verifier note.Verifier
	key      ed25519.PrivateKey
}

func (s *logSigner) Name() string                    { return s.verifier.Name() }
func (s *logSigner) KeyHash() uint32                 { return s.verifier.KeyHash() }
func (s *logSigner) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

var recipient = sync.OnceValue(func() string {
	id, err := age.GenerateHybridIdentity()
	must(err)
	return id.Recipient().String()
})

func mustVerifier(vkey string) note.Verifier {
	v, err := note.NewVerifier(vkey)
	must(err)
	return v
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Memory is a peer.Store that forgets everything at the end of the process.
type Memory struct {
	mu    sync.Mutex
	peers map[comity.Domain]peer.Peer
}

// NewMemory returns an empty roster with the given peers pinned.
func NewMemory(peers ...peer.Peer) *Memory {
	m := &Memory{peers: make(map[comity.Domain]peer.Peer)}
	for _, p := range peers {
		m.peers[p.Domain] = p
	}
	return m
}

// Peers returns every peer, by domain.
func (m *Memory) Peers(context.Context) ([]peer.Peer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []peer.Peer
	for _, p := range m.peers {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b peer.Peer) int { return strings.Compare(string(a.Domain), string(b.Domain)) })
	return out, nil
}

// Version is the text of all that is pinned.
func (m *Memory) Version(ctx context.Context) (string, error) {
	all, err := m.Peers(ctx)
	return fmt.Sprint(all), err
}

// Peer returns the one of domain d.
func (m *Memory) Peer(_ context.Context, d comity.Domain) (peer.Peer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.peers[d]
	if !ok {
		return peer.Peer{}, peer.ErrUnknown
	}
	return p, nil
}

// Pin adds or changes p.
func (m *Memory) Pin(_ context.Context, p peer.Peer) error {
	if err := p.Validate(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.peers[p.Domain]; ok && old.LogKey != p.LogKey {
		return peer.ErrOtherKey
	} else if ok {
		p.Repinned = old.Repinned
		if old.History != "" {
			h, err := old.Keys()
			if err != nil {
				return err
			}
			if p, err = p.WithKeys(h); err != nil {
				return err
			}
		}
	}
	m.peers[p.Domain] = p
	return nil
}

// Learn replaces the history of d's keys.
func (m *Memory) Learn(_ context.Context, d comity.Domain, h keys.History) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.peers[d]
	if !ok {
		return peer.ErrUnknown
	}
	p, err := p.Learn(h)
	if err == nil {
		m.peers[d] = p
	}
	return err
}

// Repin replaces a pin.
func (m *Memory) Repin(_ context.Context, p peer.Peer) error {
	if err := p.Validate(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.peers[p.Domain]; !ok {
		return peer.ErrUnknown
	}
	m.peers[p.Domain] = p
	return nil
}

// Pause stops or resumes following d.
func (m *Memory) Pause(_ context.Context, d comity.Domain, paused bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.peers[d]
	if !ok {
		return peer.ErrUnknown
	}
	p.Paused = paused
	m.peers[d] = p
	return nil
}

// Remove forgets d.
func (m *Memory) Remove(_ context.Context, d comity.Domain) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.peers[d]; !ok {
		return peer.ErrUnknown
	}
	delete(m.peers, d)
	return nil
}

// TestStore is the conformance suite. open returns an empty store.
func TestStore(t *testing.T, open func(t *testing.T) peer.Store) {
	ctx := context.Background()
	same := func(t *testing.T, got, want any) {
		t.Helper()
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("got (+) differs from want (-):\n%s", d)
		}
	}
	t.Run("empty", func(t *testing.T) {
		s := open(t)
		all, err := s.Peers(ctx)
		if err != nil || len(all) != 0 {
			t.Errorf("Peers of an empty roster = %v, %v; want none", all, err)
		}
		for name, err := range map[string]error{
			"Peer":   second(s.Peer(ctx, "un.example")),
			"Pause":  s.Pause(ctx, "un.example", true),
			"Remove": s.Remove(ctx, "un.example"),
		} {
			if !errors.Is(err, peer.ErrUnknown) {
				t.Errorf("%s of a peer not pinned = %v, want ErrUnknown", name, err)
			}
		}
	})
	t.Run("pinned peers come back whole and in order", func(t *testing.T) {
		s := open(t)
		un, au := NewOrg("un.example").Peer, NewOrg("au.example").Peer
		un.Private, un.Name = true, "Nations “unies” 联合国"
		for _, p := range []peer.Peer{un, au} {
			if err := s.Pin(ctx, p); err != nil {
				t.Fatalf("Pin(%s): %v", p.Domain, err)
			}
		}
		all, err := s.Peers(ctx)
		if err != nil {
			t.Fatal(err)
		}
		same(t, all, []peer.Peer{au, un})
		one, err := s.Peer(ctx, "un.example")
		if err != nil {
			t.Fatal(err)
		}
		same(t, one, un)
	})
	t.Run("a pin changes, its log key does not", func(t *testing.T) {
		s := open(t)
		un := NewOrg("un.example").Peer
		if err := s.Pin(ctx, un); err != nil {
			t.Fatal(err)
		}
		un.URL, un.Name = "http://127.0.0.1:8080", "moved"
		if err := s.Pin(ctx, un); err != nil {
			t.Fatalf("changing the address: %v", err)
		}
		other := un
		other.LogKey = otherLogKey(un.Domain)
		if err := s.Pin(ctx, other); !errors.Is(err, peer.ErrOtherKey) {
			t.Errorf("Pin with another log key = %v, want ErrOtherKey", err)
		}
		got, err := s.Peer(ctx, un.Domain)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, un)
		if err := s.Remove(ctx, un.Domain); err != nil {
			t.Fatal(err)
		}
		if err := s.Pin(ctx, other); err != nil {
			t.Errorf("Pin with another log key after Remove: %v", err)
		}
	})
	t.Run("keys change by statements of the root key", func(t *testing.T) {
		s := open(t)
		o, un := keyed("un.example")
		if err := s.Learn(ctx, un.Domain, o.History); !errors.Is(err, peer.ErrUnknown) {
			t.Errorf("Learn of a peer not pinned = %v, want ErrUnknown", err)
		}
		if err := s.Pin(ctx, un); err != nil {
			t.Fatal(err)
		}
		if err := s.Learn(ctx, un.Domain, keystest.New("un.example").History); !errors.Is(err, keys.ErrDoesNotFollow) {
			t.Errorf("Learn of a history that begins with other keys = %v, want ErrDoesNotFollow", err)
		}
		old := un.LogKey
		o.Rotated(keys.Log, "yearly")
		if err := s.Learn(ctx, un.Domain, o.History); err != nil {
			t.Fatal(err)
		}
		want, err := un.WithKeys(o.History)
		if err != nil || want.LogKey == old {
			t.Fatalf("the newest log key is %s, %v", want.LogKey, err)
		}
		check := func(what string) {
			t.Helper()
			got, err := s.Peer(ctx, un.Domain)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(what)
			same(t, got, want)
		}
		check("after a rotation")
		short, _ := keyed("un.example")
		if err := s.Learn(ctx, un.Domain, short.History); err != nil {
			t.Errorf("Learn of what is known = %v", err)
		}
		short.Rotated(keys.Witness, "another way")
		if err := s.Learn(ctx, un.Domain, short.History); !errors.Is(err, keys.ErrDoesNotFollow) {
			t.Errorf("Learn of a history that contradicts the known one = %v, want ErrDoesNotFollow", err)
		}
		want.URL = "http://127.0.0.1:9"
		again := want
		again.History = string(short.History.File())
		if err := s.Pin(ctx, again); err != nil {
			t.Fatal(err)
		}
		check("after another pin")
		want = NewOrg("un.example").Peer
		want.LogKey = otherLogKey("un.example")
		want.Repinned = peer.Repin{At: want.Pinned, By: "a.diallo", Reason: "the root key was lost", Act: comity.ActName{Domain: "ecowas.example", Index: 4}}
		if err := s.Repin(ctx, want); err != nil {
			t.Fatal(err)
		}
		check("after a repin")
		want.Domain = "au.example"
		if err := s.Repin(ctx, NewOrg("au.example").Peer); !errors.Is(err, peer.ErrUnknown) {
			t.Errorf("Repin of a peer not pinned = %v, want ErrUnknown", err)
		}
	})
	t.Run("every change gives another version", func(t *testing.T) {
		s := open(t)
		version := func() string {
			t.Helper()
			v, err := s.Version(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		o, un := keyed("un.example")
		moved := un
		moved.URL = "http://127.0.0.1:9"
		last := version()
		for _, change := range []struct {
			what string
			do   func() error
		}{
			{"a pin", func() error { return s.Pin(ctx, un) }},
			{"another pin", func() error { return s.Pin(ctx, moved) }},
			{"a pause", func() error { return s.Pause(ctx, un.Domain, true) }},
			{"a statement learnt", func() error { o.Rotated(keys.Log, "yearly"); return s.Learn(ctx, un.Domain, o.History) }},
			{"a repin", func() error { return s.Repin(ctx, NewOrg("un.example").Peer) }},
			{"a removal", func() error { return s.Remove(ctx, un.Domain) }},
		} {
			if err := change.do(); err != nil {
				t.Fatal(err)
			}
			now := version()
			if now == last {
				t.Errorf("after %s the version is the same", change.what)
			}
			if _, err := s.Peers(ctx); err != nil {
				t.Fatal(err)
			}
			if last = version(); last != now {
				t.Errorf("after %s the version changes when the roster is read", change.what)
			}
		}
	})
	t.Run("an invalid peer is not kept", func(t *testing.T) {
		s := open(t)
		bad := NewOrg("un.example").Peer
		bad.WitnessKey = bad.MirrorKey
		if err := s.Pin(ctx, bad); err == nil {
			t.Error("a peer whose witness key is its mirror key was pinned")
		}
		if all, _ := s.Peers(ctx); len(all) != 0 {
			t.Errorf("Peers = %v, want none", all)
		}
	})
	t.Run("pausing", func(t *testing.T) {
		s := open(t)
		if err := s.Pin(ctx, NewOrg("un.example").Peer); err != nil {
			t.Fatal(err)
		}
		for _, paused := range []bool{true, false} {
			if err := s.Pause(ctx, "un.example", paused); err != nil {
				t.Fatal(err)
			}
			if p, err := s.Peer(ctx, "un.example"); err != nil || p.Paused != paused {
				t.Errorf("Paused = %v, %v; want %v", p.Paused, err, paused)
			}
		}
	})
}

// keyed is a peer whose keys are those of a history.
func keyed(d comity.Domain) (*keystest.Org, peer.Peer) {
	p := NewOrg(d).Peer
	o := keystest.New(d)
	s := o.History.Founding().Set
	s.Recipient = p.Recipient
	h, err := keys.Found(d, s)
	must(err)
	o.History = h
	p.LogKey, p.WitnessKey, p.MirrorKey = s.Log[0], s.Witness[0], s.Mirror[0]
	return o, p
}

func otherLogKey(d comity.Domain) string {
	seed := sha256.Sum256([]byte("another key of " + string(d)))
	k, err := note.NewEd25519VerifierKey(string(d.Origin()), ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
	must(err)
	return k
}

func second[T any](_ T, err error) error { return err }
