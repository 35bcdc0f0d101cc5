package node

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/seal"
	"github.com/comity/comity/keys"
)

// self describes the organization by the keys that the folder uses.
func (f *Folder) self(version string) desk.Self {
	k := f.Keys.Effect()
	return desk.Self{Domain: f.Settings.Domain, Name: f.Settings.Name, Origin: f.Settings.Domain.Origin(), LogKey: k.Log,
		WitnessKey: k.Witness, MirrorKey: k.Mirror, RootKey: k.Root, Recipient: k.Recipient, Version: version}
}

// ring opens whatever was sealed to us.
func (k Keys) ring() seal.Keyring { return append(seal.Keyring{k.Seal}, k.Sealed...) }

// logSigners sign our checkpoints, the newest key first.
func (k Keys) logSigners() []note.Signer { return append([]note.Signer{k.Log}, k.LogAlso...) }

// private are all private keys in the folder, by vkey or age recipient: the
// first of each role is in a file named after it, later ones carry their id
// (log-7be14a60.key).
type private struct {
	log      map[string]note.Signer
	cosigner map[string]*torchwood.CosignatureSigner
	seal     map[string]seal.Identity
}

func (f *Folder) private() (p private, err error) {
	p = private{map[string]note.Signer{}, map[string]*torchwood.CosignatureSigner{}, map[string]seal.Identity{}}
	files, err := filepath.Glob(filepath.Join(f.Dir, keysFolder, "*.key"))
	if err != nil {
		return p, err
	}
	for _, path := range files {
		file := filepath.Base(path)
		role, id, _ := strings.Cut(strings.TrimSuffix(file, ".key"), "-")
		if id == "pq" {
			continue
		}
		if err := p.read(path, keys.Role(role), f.Settings.Domain); err != nil {
			return p, fmt.Errorf("%s: %w", file, err)
		}
	}
	return p, nil
}

func (p private) read(path string, role keys.Role, d comity.Domain) error {
	switch role {
	case keys.Log, keys.Witness, keys.Mirror, keys.Seal:
	default:
		return nil // the root key is nobody's to use here
	}
	text, err := readSecret(path)
	if err != nil {
		return err
	}
	switch role {
	case keys.Log:
		s, err := note.NewSigner(text)
		if err != nil {
			return err
		}
		v, err := vkeyOf(text)
		if err != nil {
			return err
		}
		p.log[v] = s
	case keys.Witness, keys.Mirror:
		s, err := cosigner(text, role.Name(d))
		if err != nil {
			return err
		}
		p.cosigner[s.Verifier().String()] = s
	case keys.Seal:
		id, err := seal.ParseIdentity(text)
		if err != nil {
			return err
		}
		p.seal[id.Recipient().String()] = id
	}
	return nil
}

func cosigner(text, name string) (*torchwood.CosignatureSigner, error) {
	seed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, errors.New("is no key")
	}
	return torchwood.NewCosignatureSigner(name, ed25519.NewKeyFromSeed(seed))
}

// readSecret reads a file that nobody else may read.
func readSecret(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("key: %w", err)
	}
	if st, err := os.Stat(path); err == nil && st.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("key: others can read %s; run chmod 600 on it, and consider it known", path)
	}
	return strings.TrimSpace(string(b)), nil
}

// keysFor chooses those that h says are in force, of the folder's.
func (f *Folder) keysFor(h keys.History) (Keys, error) {
	k := f.Keys
	if h.Len() < 2 {
		return k, nil
	}
	p, err := f.private()
	if err != nil {
		return k, err
	}
	now := h.Last().Set
	missing := func(r keys.Role, key string) error {
		return fmt.Errorf("the %s key in force, %s, is not in %s: put its file back", r, keys.Fingerprint(key), filepath.Join(f.Dir, keysFolder))
	}
	k.Log, k.LogAlso, k.Sealed = nil, nil, nil
	for _, v := range now.Log {
		switch s, ok := p.log[v]; {
		case ok && k.Log == nil:
			k.Log, k.LogVerifier = s, v
		case ok:
			k.LogAlso = append(k.LogAlso, s)
		case k.Log == nil:
			return k, missing(keys.Log, v)
		}
	}
	for _, x := range []struct {
		role keys.Role
		into **torchwood.CosignatureSigner
	}{{keys.Witness, &k.Witness}, {keys.Mirror, &k.Mirror}} {
		newest := now.Of(x.role)[0]
		s, ok := p.cosigner[newest]
		if !ok {
			return k, missing(x.role, newest)
		}
		*x.into = s
	}
	id, ok := p.seal[now.Recipient]
	if !ok {
		return k, missing(keys.Seal, now.Recipient)
	}
	k.Seal, k.RootKey = id, now.Root
	for _, old := range h.Keys(keys.Seal) {
		if id, ok := p.seal[old.Key]; ok && !old.InForce {
			k.Sealed = append(k.Sealed, id)
		}
	}
	if k.LogPQ != nil && !slices.Contains(now.Log, vkeyPQ(k.LogPQ)) {
		k.LogPQ = nil
	}
	if k.WitnessPQ != nil && !slices.Contains(now.Witness, vkeyPQ(k.WitnessPQ)) {
		k.WitnessPQ = nil
	}
	if k.MirrorPQ != nil && !slices.Contains(now.Mirror, vkeyPQ(k.MirrorPQ)) {
		k.MirrorPQ = nil
	}
	return k, nil
}

// ownKeys takes the keys that our journal says are in force. An empty journal
// will be founded with the folder's.
func (n *Node) ownKeys(ctx context.Context) error {
	h, err := n.ledger.KeyHistory(ctx, n.Self.Domain)
	if err != nil {
		e := n.Folder.Keys.Effect()
		if h, err = keys.Found(n.Self.Domain, casefile.FoundingKeys(e)); err != nil {
			return fmt.Errorf("our own keys: %w", err)
		}
	}
	k, err := n.Folder.keysFor(h)
	if err != nil {
		return err
	}
	n.Folder.Keys = k
	n.Self = n.Folder.self(n.c.Version)
	n.ledger.SetKeyring(k.ring())
	n.keys.Store(&k)
	n.history.Store(&h)
	return nil
}

// KeyHistory is our own keys, and every change of them.
func (n *Node) KeyHistory(ctx context.Context) keys.History {
	if h, err := n.ledger.KeyHistory(ctx, n.Self.Domain); err == nil {
		return h
	}
	return *n.history.Load()
}

// logVerifiers are verifiers of every log key in the folder, whether it is in
// force or was.
func (f *Folder) logVerifiers() []note.Verifier {
	p, err := f.private()
	if err != nil {
		return nil // nothing verifies then
	}
	vs, err := peer.Verifiers(slices.Sorted(maps.Keys(p.log)))
	if err != nil {
		return nil
	}
	return vs
}

// everLogs are verifiers of every log key that we ever had, those in force
// first.
func (n *Node) everLogs() []note.Verifier {
	vs, err := peer.Verifiers(n.history.Load().Good(keys.Log))
	if err != nil {
		return nil // there is one: the history was checked
	}
	return vs
}

// formerLogs is everLogs, for those who have one of them already.
func (n *Node) formerLogs() []note.Verifier { return n.everLogs() }

// rekey makes keys that our journal has put in force since take effect. If a
// private key is not there, that is tried again with the next act.
func (n *Node) rekey(ctx context.Context) {
	h, err := n.ledger.KeyHistory(ctx, n.Self.Domain)
	if err != nil || h.Len() <= n.history.Load().Len() {
		return
	}
	if err := n.takeKeys(ctx, h); err != nil && ctx.Err() == nil {
		n.log.ErrorContext(ctx, "our keys have changed, and the new ones cannot be used", "statement", h.Last().Number, "err", err)
	}
}

func (n *Node) takeKeys(ctx context.Context, h keys.History) error {
	k, err := n.Folder.keysFor(h)
	if err != nil {
		return err
	}
	n.keys.Store(&k)
	n.history.Store(&h)
	n.ledger.SetKeyring(k.ring())
	f := Folder{Dir: n.Folder.Dir, Settings: n.Folder.Settings, Keys: k}
	n.Desk.SetKeys(f.self(n.c.Version), k.Seal.Recipient())
	n.witness.SetSigners(k.Witness, k.witnessAlso()...)
	if err := n.journal.SetSigners(ctx, k.logSigners()...); err != nil {
		// The next checkpoint has the new signatures.
		n.log.WarnContext(ctx, "the newest checkpoint was not signed again", "err", err)
	}
	n.log.InfoContext(ctx, "our keys have changed", "statement", h.Last().Number, "reason", h.Last().Reason)
	n.mu.Lock()
	for d, l := range n.links { // they sign with our keys, too
		if l.stop != nil {
			l.stop()
		}
		delete(n.links, d)
	}
	n.mu.Unlock()
	return n.connect(ctx)
}

// learn asks a peer for the history of its keys, and keeps what continues the
// one that is known.
func (n *Node) learn(d comity.Domain) func(context.Context, *peer.Client) (peer.Peer, error) {
	return func(ctx context.Context, c *peer.Client) (peer.Peer, error) {
		p, err := n.roster.Peer(ctx, d)
		if err != nil {
			return p, err
		}
		h, err := peer.FetchKeys(ctx, c)
		if err != nil {
			return p, err
		}
		if err := n.roster.Learn(ctx, d, h); err != nil {
			if errors.Is(err, keys.ErrDoesNotFollow) {
				err = &peer.Error{Reason: peer.KeysChanged, URL: c.Base() + peer.KeysPath, Err: err}
			}
			return p, err
		}
		return n.roster.Peer(ctx, d)
	}
}

// learnRead keeps what journals that are followed say of their keys.
func (n *Node) learnRead(ctx context.Context, peers []peer.Peer) error {
	for _, p := range peers {
		h, err := n.ledger.KeyHistory(ctx, p.Domain)
		if err != nil {
			continue // not read so far
		}
		if known, err := p.Keys(); err == nil && known.Extends(h) {
			continue
		}
		switch err := n.roster.Learn(ctx, p.Domain, h); {
		case errors.Is(err, keys.ErrDoesNotFollow):
			// Pinned again out of band: what its journal says of the keys
			// before that counts no more.
		case err != nil:
			return err
		}
	}
	return nil
}

// serveKeys serves the history of our keys.
func (n *Node) serveKeys(w http.ResponseWriter, r *http.Request) {
	b := n.KeyHistory(r.Context()).File()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.Write(b)
}

// NewKey makes a key of a role, keeps it in the folder, and returns what
// others verify or seal with. It is used once our journal has put it in force.
func (f *Folder) NewKey(r keys.Role) (string, error) {
	d := f.Settings.Domain
	var secret, public string
	var err error
	switch r {
	case keys.Log:
		secret, public, err = note.GenerateKey(rand.Reader, r.Name(d))
	case keys.Witness, keys.Mirror:
		secret = newSeed()
		var s *torchwood.CosignatureSigner
		if s, err = cosigner(secret, r.Name(d)); err == nil {
			public = s.Verifier().String()
		}
	case keys.Seal:
		var id seal.Identity
		id, err = seal.NewIdentity()
		secret, public = id.Secret(), id.Recipient().String()
	default:
		err = fmt.Errorf("no key of role %q is kept in the folder", r)
	}
	if err != nil {
		return "", err
	}
	id, _, _ := strings.Cut(keys.Fingerprint(public), " ")
	if v, err := keys.ParseVKey(public); err == nil {
		id = fmt.Sprintf("%08x", v.ID)
	}
	return public, writeNew(filepath.Join(f.Dir, keysFolder, fmt.Sprintf("%s-%s.key", r, id)), []byte(secret+"\n"))
}

// KeyAct is the document of an act that carries a signed key statement.
func KeyAct(signed []byte, date comity.Time, status comity.Status) ([]byte, error) {
	s, err := keys.ParseSigned(signed)
	if err != nil {
		return nil, err
	}
	a := &act.Act{Kind: "key.v1", Date: date, By: act.By{Office: "Administrator"}, Status: status, TLP: comity.Clear,
		Lang: "en", Title: "Change of keys: " + s.Reason}
	if err := act.SetKeyBody(a, effect.Key{Statement: string(signed)}); err != nil {
		return nil, err
	}
	return act.Encode(a)
}

// Peer that is pinned.
func (n *Node) Peer(ctx context.Context, d comity.Domain) (peer.Peer, error) {
	return n.roster.Peer(ctx, d)
}

// KeysInUse is the number of the statement whose keys this process uses.
func (n *Node) KeysInUse() int { return n.history.Load().Len() - 1 }
