package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

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

// ring opens whatever was sealed to us: it has every sealing key in the folder,
// the one in force first. An old copy of the database does not know the newest, but
// gets back what is sealed to it before it reads that it is in force.
func (f *Folder) ring(k Keys) (seal.Keyring, error) {
	p, err := f.privateOf(func(r keys.Role, _ bool) bool { return r == keys.Seal })
	return p.ring(k), err
}

func (p private) ring(k Keys) seal.Keyring {
	out := seal.Keyring{k.Seal}
	inForce := k.Seal.Recipient().String()
	for _, r := range slices.Sorted(maps.Keys(p.seal)) {
		if r != inForce {
			out = append(out, p.seal[r])
		}
	}
	return out
}

// logSigners sign our checkpoints, the newest key first.
func (k Keys) logSigners() []note.Signer { return append([]note.Signer{k.Log}, k.LogAlso...) }

// HistoryOf is the history of somebody's keys as it is known here: of a peer
// as it is pinned and was continued since.
func (n *Node) HistoryOf(ctx context.Context, d comity.Domain) (keys.History, error) {
	if d == n.Self.Domain {
		return n.KeyHistory(ctx), nil
	}
	p, err := n.roster.Peer(ctx, d)
	if err != nil {
		return keys.History{}, err
	}
	h, err := p.Keys()
	if err == nil && h.IsZero() {
		return n.ledger.KeyHistory(ctx, d)
	}
	return h, err
}

// ownKeys takes the keys that our journal says are in force. An empty journal
// will be founded with the folder's.
func (n *Node) ownKeys(ctx context.Context) error {
	acts, err := n.ledger.KeyActs(ctx, n.Self.Domain)
	if err != nil {
		return fmt.Errorf("our own keys: %w", err)
	}
	var h keys.History
	if acts == 0 {
		h, err = keys.Found(n.Self.Domain, casefile.FoundingKeys(n.Folder.Keys.Effect()))
	} else {
		h, err = n.ledger.KeyHistory(ctx, n.Self.Domain)
	}
	if err != nil {
		return fmt.Errorf("our own keys: %w", err)
	}
	if ours := n.Folder.Keys.LogVerifier; acts > 0 && h.Len() == 1 && !n.c.Visit && !slices.Contains(h.InForce(keys.Log), ours) {
		return n.notOurs(fmt.Errorf("its log key %s is not in this folder", keys.Fingerprint(h.InForce(keys.Log)[0])))
	}
	c := n.Folder.keysFor(h, n.Folder.Keys)
	if err := errors.Join(c.unread, c.lacks.err(h.Last().Number)); err != nil {
		return fmt.Errorf("%s: %w", n.Folder.Dir, err)
	}
	n.Folder.Keys = c.Keys
	n.Self = n.Folder.self(n.c.Version)
	n.ledger.SetKeyring(c.ring)
	n.keys.Store(&c.Keys)
	n.history.Store(&h)
	here, err := n.Folder.logKeys()
	if err != nil {
		return err
	}
	return n.keep(h, here)
}

// keep takes note of what our log keys verify: every one that was ever in
// force, those in force first, and then the others in the folder. An old copy of
// the database does not know the newest, but must be told what they have signed.
func (n *Node) keep(h keys.History, here []string) error {
	ever, honest := h.Good(keys.Log), h.Honest(keys.Log)
	for _, k := range here {
		if !slices.Contains(ever, k) {
			ever, honest = append(ever, k), append(honest, k)
		}
	}
	vs, err1 := peer.Verifiers(ever)
	good, err2 := peer.Verifiers(honest)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("our own log keys: %w", err)
	}
	n.logVerifiers.Store(&vs)
	n.honestLogs.Store(&good)
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
	here, err := f.logKeys()
	if err != nil {
		return nil // nothing verifies then
	}
	vs, err := peer.Verifiers(here)
	if err != nil {
		return nil
	}
	return vs
}

// everLogs are verifiers of every log key that we ever had, those in force
// first.
func (n *Node) everLogs() []note.Verifier { return *n.logVerifiers.Load() }

// ownVerifiers are everLogs of this moment: they change while the node runs.
type ownVerifiers struct{ n *Node }

// Verifier implements note.Verifiers.
func (v ownVerifiers) Verifier(name string, hash uint32) (note.Verifier, error) {
	return note.VerifierList(v.n.everLogs()...).Verifier(name, hash)
}

// formerLogs are everLogs but for those that were revoked, those in force
// first. What others show us under a revoked key may be a thief's: it says
// nothing of how far our journal was. What we signed with it ourselves came
// before the act that revokes it.
func (n *Node) formerLogs() []note.Verifier { return *n.honestLogs.Load() }

// rekey makes keys that our journal has put in force since take effect, as far as
// they are here; what is lacking is looked for again with each call. If no log key in
// force is here, nothing is signed until one is. An error says that this is so; it is
// errUnread if that is not known.
func (n *Node) rekey(ctx context.Context) error {
	n.rekeying.Lock()
	defer n.rekeying.Unlock()
	known := n.history.Load().Len()
	switch all, err := n.ledger.KeyActs(ctx, n.Self.Domain); {
	case err != nil:
		return fmt.Errorf("%w: %w", errUnread, err)
	case all <= known && n.lacking.Load() == nil:
		return nil // as with nearly every act; reading them anew takes longer than to push it
	}
	h, err := n.ledger.KeyHistory(ctx, n.Self.Domain)
	if err != nil || h.Len() <= known && n.lacking.Load() == nil {
		return nil
	}
	if err := n.takeKeys(ctx, h); err != nil && ctx.Err() == nil {
		n.log.ErrorContext(ctx, "our keys have changed", "statement", h.Last().Number, "err", err)
	}
	if l := n.lacking.Load(); l != nil {
		if why := l.lacks.of(keys.Log); why != "" {
			return errors.New(why)
		}
	}
	return nil
}

var errUnread = errors.New("our own keys cannot be read")

// lacking is what a statement puts in force and is not in use here.
type lacking struct {
	statement int64
	lacks     lacks
}

// keysLacking is nil if all keys in force are in use here.
func (n *Node) keysLacking() error {
	l := n.lacking.Load()
	if l == nil {
		return nil
	}
	return l.lacks.err(l.statement)
}

// followKeys follows our own keys. What is signed by one that is not in force is
// refused everywhere, and if it was revoked it may look like the thief's. False
// means that they could not be read, or are not all here: try again.
func (n *Node) followKeys(ctx context.Context) bool {
	switch err := n.rekey(ctx); {
	case errors.Is(err, errUnread):
		if ctx.Err() == nil {
			n.log.ErrorContext(ctx, "follow our own keys", "err", err)
		}
		return false
	case err == nil:
		n.journal.SignAgain() // another process may have signed it with keys that were retired meanwhile
	case n.recovery.keyless.CompareAndSwap(false, true):
		n.journal.Doubt("the log key in use here is no longer in force")
	}
	return n.lacking.Load() == nil
}

// takeKeys takes the keys into use that h says are in force and that are here, role
// by role. The witness and the mirror sign nothing while no key of theirs is.
func (n *Node) takeKeys(ctx context.Context, h keys.History) error {
	c := n.Folder.keysFor(h, *n.keys.Load())
	lack, now := c.lacks.err(h.Last().Number), h.Last().Set
	if l := n.lacking.Load(); l != nil && lack != nil && l.statement == h.Last().Number && maps.Equal(l.lacks, c.lacks) {
		return nil // as it was
	}
	here, _ := n.Folder.logKeys() // what cannot be read is said below, if it is needed
	if err := n.keep(h, here); err != nil {
		return err
	}
	if lack != nil {
		n.lacking.Store(&lacking{h.Last().Number, c.lacks})
		n.log.ErrorContext(ctx, "our keys have changed, and not all that are in force can be used; it is tried again", "err", lack, "unread", c.unread)
	} else {
		n.lacking.Store(nil)
		if c.unread != nil { // none of them is needed, but perhaps for a second, post-quantum signature
			n.log.WarnContext(ctx, "files of keys cannot be read", "err", c.unread)
		}
	}
	n.keys.Store(&c.Keys)
	n.ledger.SetKeyring(c.ring)
	f := Folder{Dir: n.Folder.Dir, Settings: n.Folder.Settings, Keys: c.Keys}
	self := f.self(n.c.Version)
	self.WitnessKey, self.MirrorKey, self.Recipient = classic(now.Witness)[0], classic(now.Mirror)[0], now.Recipient
	to, err := seal.ParseRecipient(now.Recipient) // to seal takes no private key
	if err != nil {
		return err
	}
	n.Desk.SetKeys(self, to)
	if why := c.lacks.of(keys.Witness); why != "" {
		n.witness.Stop(why)
	} else {
		n.witness.SetSigners(c.Witness, c.witnessAlso()...)
	}
	n.own.SetSigner(c.LogPQ)
	if c.lacks.of(keys.Log) == "" {
		if err := n.journal.SetSigners(ctx, c.logSigners()...); err != nil {
			// The next checkpoint has the new signatures.
			n.log.WarnContext(ctx, "the newest checkpoint was not signed again", "err", err)
		}
		n.history.Store(&h)
	}
	if lack == nil {
		n.log.InfoContext(ctx, "our keys have changed", "statement", h.Last().Number, "reason", h.Last().Reason)
	}
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

// serveKeys serves the history of our keys.
func (n *Node) serveKeys(w http.ResponseWriter, r *http.Request) {
	b := n.KeyHistory(r.Context()).File()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.Write(b)
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

// KeysInUse is the number of the statement whose log keys this process uses; see
// keysLacking for the others.
func (n *Node) KeysInUse() int { return n.history.Load().Len() - 1 }

// OwnSize is how many entries our journal has.
func (n *Node) OwnSize(ctx context.Context) (int64, error) {
	h, err := n.journals.Head(ctx, n.Self.Origin)
	return h.Size, err
}

// FirstSince is the index of the first of our entries that was recorded at t or
// later, of the first size; size if none was.
func (n *Node) FirstSince(ctx context.Context, t comity.Time, size int64) (int64, error) {
	lo, hi := int64(0), size
	for lo < hi { // recorded times do not decrease
		mid := (lo + hi) / 2
		at, err := n.ledger.Recorded(ctx, comity.ActName{Domain: n.Self.Domain, Index: mid})
		if err != nil {
			return 0, err
		}
		if at.Before(t.Time) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, nil
}
