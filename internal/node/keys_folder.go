package node

// The private keys in the folder of an organization, and which of them a history puts
// in force.

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/seal"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/keys"
)

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
