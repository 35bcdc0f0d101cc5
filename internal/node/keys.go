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
	"github.com/comity/comity/internal/witness"
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

// private are all private keys in the folder, by vkey or age recipient: the
// first of each role is in a file named after it (log.key, log-pq.key), later
// ones carry their id (log-7be14a60.key, log-pq-7be14a60.key).
type private struct {
	log      map[string]note.Signer
	cosigner map[string]*torchwood.CosignatureSigner
	pq       map[string]*witness.MLDSASigner
	seal     map[string]seal.Identity
}

func (f *Folder) private() (private, error) {
	return f.privateOf(func(keys.Role, bool) bool { return true })
}

// logKeys are the vkeys of the Ed25519 log keys among them, sorted. The others
// are not read: to make an ML-DSA-44 key of what a file holds takes a while.
func (f *Folder) logKeys() ([]string, error) {
	p, err := f.privateOf(func(r keys.Role, pq bool) bool { return r == keys.Log && !pq })
	return slices.Sorted(maps.Keys(p.log)), err
}

// privateOf reads those that are wanted; what cannot be read is left out, and is the
// error.
func (f *Folder) privateOf(wanted func(r keys.Role, pq bool) bool) (p private, err error) {
	p = private{map[string]note.Signer{}, map[string]*torchwood.CosignatureSigner{}, map[string]*witness.MLDSASigner{}, map[string]seal.Identity{}}
	files, err := filepath.Glob(filepath.Join(f.Dir, keysFolder, "*.key"))
	if err != nil {
		return p, err
	}
	for _, path := range files {
		file := filepath.Base(path)
		role, id, _ := strings.Cut(strings.TrimSuffix(file, ".key"), "-")
		pq := id == "pq" || strings.HasPrefix(id, "pq-")
		if !wanted(keys.Role(role), pq) {
			continue
		}
		if e := p.read(path, keys.Role(role), pq, f.Settings.Domain); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", file, e))
		}
	}
	return p, err
}

func (p private) read(path string, role keys.Role, pq bool, d comity.Domain) error {
	switch role {
	case keys.Log, keys.Witness, keys.Mirror, keys.Seal:
	default:
		return nil // the root key is nobody's to use here
	}
	text, err := readSecret(path)
	if err != nil {
		return err
	}
	switch {
	case pq:
		s, err := signerPQ(text, role.Name(d))
		if err != nil {
			return err
		}
		p.pq[s.Verifier().String()] = s
	case role == keys.Log:
		s, err := note.NewSigner(text)
		if err != nil {
			return err
		}
		v, err := vkeyOf(text)
		if err != nil {
			return err
		}
		p.log[v] = s
	case role == keys.Witness, role == keys.Mirror:
		s, err := cosigner(text, role.Name(d))
		if err != nil {
			return err
		}
		p.cosigner[s.Verifier().String()] = s
	case role == keys.Seal:
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

func signerPQ(text, name string) (*witness.MLDSASigner, error) {
	seed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("is no key")
	}
	return witness.NewMLDSASigner(name, seed, nil)
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

// chosen are keys of the folder's by what a history says is in force.
type chosen struct {
	Keys
	ring   seal.Keyring
	lacks  lacks
	unread error // files that cannot be read, whether they are needed or not
}

// lacks says of roles why the newest key in force is not used.
type lacks map[keys.Role]lack

type lack struct {
	why  string // for everybody to read
	none bool   // no other key in force is used either
}

// err is nil if nothing is lacking.
func (l lacks) err(statement int64) error {
	if len(l) == 0 {
		return nil
	}
	var all []string
	for _, r := range slices.Sorted(maps.Keys(l)) {
		all = append(all, l[r].why)
	}
	return fmt.Errorf("statement %d is not in use here: %s", statement, strings.Join(all, "; "))
}

// of is why keys of a role are not used though some are in force; "" if one is.
func (l lacks) of(r keys.Role) string {
	if x := l[r]; x.none {
		return x.why
	}
	return ""
}

// keysFor chooses those that h says are in force, of the folder's. In a role of which
// none is here they are as they were.
func (f *Folder) keysFor(h keys.History, was Keys) chosen {
	c := chosen{Keys: was, lacks: lacks{}}
	if h.Len() < 2 {
		c.ring, c.unread = f.ring(was)
		return c
	}
	p, err := f.private()
	c.unread = err
	now := h.Last().Set
	lacking := func(r keys.Role, key string, none bool) {
		c.lacks[r] = lack{fmt.Sprintf("the %s key in force, %s, is not in %s/, or cannot be read there: put its file back", r, keys.Fingerprint(key), keysFolder), none}
	}
	var logs []note.Signer
	for i, v := range classic(now.Log) {
		s, ok := p.log[v]
		if !ok {
			if i == 0 {
				lacking(keys.Log, v, true)
			}
			continue
		}
		if logs = append(logs, s); len(logs) == 1 {
			c.LogVerifier = v
		}
	}
	if len(logs) > 0 {
		c.Log, c.LogAlso = logs[0], logs[1:]
		if l, ok := c.lacks[keys.Log]; ok {
			c.lacks[keys.Log] = lack{why: l.why}
		}
	}
	for _, x := range []struct {
		role keys.Role
		into **torchwood.CosignatureSigner
	}{{keys.Witness, &c.Witness}, {keys.Mirror, &c.Mirror}} {
		inForce := classic(now.Of(x.role))
		first := slices.IndexFunc(inForce, func(v string) bool { return p.cosigner[v] != nil })
		if first != 0 {
			lacking(x.role, inForce[0], first < 0)
		}
		if first >= 0 {
			*x.into = p.cosigner[inForce[first]]
		}
	}
	if id, ok := p.seal[now.Recipient]; ok {
		c.Seal = id
	} else {
		lacking(keys.Seal, now.Recipient, true)
	}
	c.RootKey = now.Root
	c.LogPQ, c.WitnessPQ, c.MirrorPQ = p.firstPQ(now.Log), p.firstPQ(now.Witness), p.firstPQ(now.Mirror)
	c.ring = p.ring(c.Keys)
	return c
}

// classic are those of a role's keys that are Ed25519. Every role has one:
// without it a statement is not made here.
func classic(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), IsPQ)
}

// IsPQ reports whether a vkey is a post-quantum one.
func IsPQ(vkey string) bool {
	v, err := keys.ParseVKey(vkey)
	return err == nil && v.Alg == 0x06
}

// firstPQ is the newest post-quantum key of a list that is in the folder; nil
// if none is.
func (p private) firstPQ(list []string) *witness.MLDSASigner {
	for _, v := range list {
		if s, ok := p.pq[v]; ok {
			return s
		}
	}
	return nil
}

// Has reports whether the private key is in the folder that belongs to a vkey
// or recipient.
func (f *Folder) Has(key string) bool {
	p, err := f.private()
	if err != nil {
		return false
	}
	_, sealing := p.seal[key]
	return p.log[key] != nil || p.cosigner[key] != nil || p.pq[key] != nil || sealing
}

// Unused are the vkeys and recipients of a role whose private keys are in the
// folder and that h does not know: made, and not put in force so far.
func (f *Folder) Unused(h keys.History, r keys.Role) ([]string, error) {
	p, err := f.private()
	if err != nil {
		return nil, err
	}
	var out []string
	for v := range p.log {
		out = append(out, v)
	}
	for v := range p.cosigner {
		out = append(out, v)
	}
	for v := range p.pq {
		out = append(out, v)
	}
	for v := range p.seal {
		out = append(out, v)
	}
	slices.Sort(out)
	return slices.DeleteFunc(out, func(key string) bool {
		if v, err := keys.ParseVKey(key); err == nil && v.Name != r.Name(f.Settings.Domain) || err != nil && r != keys.Seal {
			return true
		}
		return slices.ContainsFunc(h.Keys(r), func(k keys.Key) bool { return k.Key == key })
	}), nil
}

// RootHere reports whether the root key lies in the folder, where a thief of
// the machine finds it.
func (f *Folder) RootHere() bool {
	files, err := os.ReadDir(filepath.Join(f.Dir, keysFolder))
	return err == nil && slices.ContainsFunc(files, func(e os.DirEntry) bool { return isRootKey(e.Name()) })
}

// isRootKey reports whether a file in the folder of keys is a root key: the
// first, or one that was made to follow it.
func isRootKey(file string) bool {
	return file == RootKeyFile || strings.HasPrefix(file, "root-") && strings.HasSuffix(file, ".key")
}

// ReadRoot reads the root key from a file that nobody else may read.
func ReadRoot(path string) (note.Signer, error) {
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	s, err := note.NewSigner(text)
	if err != nil {
		return nil, fmt.Errorf("%s is no root key: %w", path, err)
	}
	return s, nil
}

// NewRoot makes a root key in a file that must not be there yet, and returns what
// others verify it by.
func NewRoot(path string, d comity.Domain) (string, error) {
	secret, public, err := note.GenerateKey(rand.Reader, keys.Root.Name(d))
	if err != nil {
		return "", err
	}
	return public, writeNew(path, []byte(secret+"\n"))
}

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

// NewKey makes a key of a role, keeps it in the folder, and returns what
// others verify or seal with. It is used once our journal has put it in force.
func (f *Folder) NewKey(r keys.Role) (string, error) { return f.newKey(r, false) }

// NewPQKey is NewKey for an ML-DSA-44 key of the log, witness or mirror.
func (f *Folder) NewPQKey(r keys.Role) (string, error) { return f.newKey(r, true) }

func (f *Folder) newKey(r keys.Role, pq bool) (string, error) {
	d := f.Settings.Domain
	var secret, public string
	var err error
	file := string(r)
	switch {
	case pq && r != keys.Seal:
		file += "-pq"
		secret = newSeed()
		var s *witness.MLDSASigner
		if s, err = signerPQ(secret, r.Name(d)); err == nil {
			public = s.Verifier().String()
		}
	case r == keys.Log:
		secret, public, err = note.GenerateKey(rand.Reader, r.Name(d))
	case r == keys.Witness, r == keys.Mirror:
		secret = newSeed()
		var s *torchwood.CosignatureSigner
		if s, err = cosigner(secret, r.Name(d)); err == nil {
			public = s.Verifier().String()
		}
	case r == keys.Seal && !pq:
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
	return public, writeNew(filepath.Join(f.Dir, keysFolder, fmt.Sprintf("%s-%s.key", file, id)), []byte(secret+"\n"))
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
