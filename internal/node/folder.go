package node

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sys/unix"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/seal"
	"github.com/comity/comity/internal/witness"
)

// The files of a node's folder. The folder is 0700, every file 0600.
const (
	settingsFile = "settings.json"
	databaseFile = "comity.db"
	blobsFolder  = "blobs"
	keysFolder   = "keys"
	lockFile     = "lock"
	logKeyFile   = "log.key"
	witnessFile  = "witness.key"
	mirrorFile   = "mirror.key"
	sealFile     = "seal.key"
	// Post-quantum keys for the same tasks. A folder made before there were
	// any has none, and goes on without.
	logPQFile     = "log-pq.key"
	witnessPQFile = "witness-pq.key"
	mirrorPQFile  = "mirror-pq.key"
	// RootKeyFile is the offline root key. It belongs off the machine.
	RootKeyFile = "root.key"
)

// Settings is what a node's folder says about it: settings.json.
type Settings struct {
	Domain comity.Domain `json:"domain"`
	Name   string        `json:"name"`
	// Database is a sqlstore URL; empty is the SQLite file in the folder.
	Database string `json:"database,omitempty"`
	// Blobs is where blobs are kept, see blob.Open; empty is a folder in the
	// folder.
	Blobs string `json:"blobs,omitempty"`
	// RootKey is the verification key of the offline root key.
	RootKey string `json:"root_key"`
}

// Folder is an organization's folder, locked by this process.
type Folder struct {
	Dir      string
	Settings Settings
	Keys     Keys
	lock     *os.File
	file     *os.File // locks the SQLite file, see lockDatabase
}

// Keys of one organization. Log, witness and mirror keys are distinct, so that
// one that leaks does not speak for the others.
type Keys struct {
	Log     note.Signer
	Witness *torchwood.CosignatureSigner
	Mirror  *torchwood.CosignatureSigner
	Seal    seal.Identity

	// ML-DSA-44 keys under the same names; nil if the folder has none.
	LogPQ     *witness.MLDSASigner
	WitnessPQ *witness.MLDSASigner
	MirrorPQ  *witness.MLDSASigner

	LogAlso []note.Signer // in force beside Log

	LogVerifier string // C2SP vkeys
	RootKey     string
}

// Effect is the key act's effect: what peers pin.
func (k Keys) Effect() effect.Key {
	return effect.Key{Log: k.LogVerifier, Witness: k.Witness.Verifier().String(), Mirror: k.Mirror.Verifier().String(),
		Root: k.RootKey, Recipient: k.Seal.Recipient().String(),
		LogPQ: vkeyPQ(k.LogPQ), WitnessPQ: vkeyPQ(k.WitnessPQ), MirrorPQ: vkeyPQ(k.MirrorPQ)}
}

// Init makes an organization's folder with fresh keys. It refuses a folder
// that holds one already.
func Init(dir string, d comity.Domain, name string) error {
	if _, err := comity.ParseDomain(string(d)); err != nil {
		return err
	}
	if strings.TrimSpace(name) == "" {
		return errors.New("name: say what the organization is called, for example --name \"Economic Community of West African States\"")
	}
	if _, err := os.Stat(filepath.Join(dir, settingsFile)); err == nil {
		return fmt.Errorf("%s already holds an organization; nothing was changed", dir)
	}
	if err := os.MkdirAll(filepath.Join(dir, keysFolder), 0o700); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	if err := errors.Join(os.Chmod(dir, 0o700), os.Chmod(filepath.Join(dir, keysFolder), 0o700)); err != nil {
		return err
	}
	logKey, _, err := note.GenerateKey(rand.Reader, string(d.Origin()))
	if err != nil {
		return err
	}
	rootKey, rootVerifier, err := note.GenerateKey(rand.Reader, string(d)+"/root")
	if err != nil {
		return err
	}
	identity, err := seal.NewIdentity()
	if err != nil {
		return err
	}
	for file, text := range map[string]string{
		logKeyFile: logKey, RootKeyFile: rootKey, sealFile: identity.Secret(),
		witnessFile: newSeed(), mirrorFile: newSeed(),
		logPQFile: newSeed(), witnessPQFile: newSeed(), mirrorPQFile: newSeed(),
	} {
		if err := writeNew(filepath.Join(dir, keysFolder, file), []byte(text+"\n")); err != nil {
			return err
		}
	}
	doc, err := json.MarshalIndent(Settings{Domain: d, Name: name, RootKey: rootVerifier}, "", "\t")
	if err != nil {
		return err
	}
	if err := mark(dir, freshFile, "The keys in this folder have signed nothing yet. Do not copy this file with them."); err != nil {
		return err
	}
	// Last, so that a folder with settings is complete.
	return writeNew(filepath.Join(dir, settingsFile), append(doc, '\n'))
}

func newSeed() string {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails, since Go 1.24
	return base64.StdEncoding.EncodeToString(seed)
}

func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(path) // half a key would keep the node from starting
	}
	return err
}

// ErrInUse: another process runs on the same folder.
var ErrInUse = errors.New("another comity process runs on this folder; stop it first")

// OpenFolder reads an organization's folder and locks it against a second
// process.
func OpenFolder(dir string) (*Folder, error) {
	f, err := ReadFolder(dir)
	if err != nil {
		return nil, err
	}
	if f.lock, err = lockFolder(dir); err != nil {
		return nil, err
	}
	return f, nil
}

// lockFolder locks a folder, which need hold nothing yet, until the file is closed.
func lockFolder(dir string) (*os.File, error) {
	lock, err := lockedFile(filepath.Join(dir, lockFile))
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("%s: %w", dir, ErrInUse)
	}
	return lock, err
}

// lockDatabase keeps processes with other folders from a SQLite file, as long as the
// folder is open: they would not hear of each other.
func (f *Folder) lockDatabase(url string) error {
	path, ok := strings.CutPrefix(url, "sqlite:")
	if !ok || f.file != nil {
		return nil
	}
	var err error
	if f.file, err = lockedFile(path + ".lock"); errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("another comity process runs on %s, and SQLite serves one: stop it, or move the record to PostgreSQL", path)
	}
	return err
}

// lockedFile locks a file; the error wraps EWOULDBLOCK if another has it.
func lockedFile(path string) (*os.File, error) {
	lock, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return lock, nil
}

// mayUpgrade is an error while another process, which is of an older version then,
// runs on the folder: its database is not changed under it.
func (f *Folder) mayUpgrade() error {
	lock, err := lockFolder(f.Dir)
	if errors.Is(err, ErrInUse) {
		return fmt.Errorf("a node of an older version runs on %s, and the schema would change under it: use that version's program, or stop the node and start this version", f.Dir)
	}
	if err != nil {
		return err
	}
	return (&Folder{lock: lock}).Close()
}

// ReadFolder reads an organization's folder without locking it, for what only
// reads.
func ReadFolder(dir string) (*Folder, error) {
	b, err := os.ReadFile(filepath.Join(dir, settingsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s holds no organization; make one with \"comity init --dir %s --domain … --name …\"", dir, dir)
	}
	if err != nil {
		return nil, err
	}
	f := &Folder{Dir: dir}
	if err := json.Unmarshal(b, &f.Settings); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, settingsFile), err)
	}
	if _, err := comity.ParseDomain(string(f.Settings.Domain)); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, settingsFile), err)
	}
	if err := f.readKeys(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *Folder) readKeys() error {
	read := func(name string) (string, error) { return readSecret(filepath.Join(f.Dir, keysFolder, name)) }
	logKey, err := read(logKeyFile)
	if err != nil {
		return err
	}
	if f.Keys.Log, err = note.NewSigner(logKey); err != nil {
		return fmt.Errorf("%s: %w", logKeyFile, err)
	}
	v, err := torchwood.NewVerifierFromSigner(logKey)
	if err != nil {
		return fmt.Errorf("%s: %w", logKeyFile, err)
	}
	if v.Name() != string(f.Settings.Domain.Origin()) {
		return fmt.Errorf("%s is the key of %s, not of %s", logKeyFile, v.Name(), f.Settings.Domain.Origin())
	}
	if f.Keys.LogVerifier, err = vkeyOf(logKey); err != nil {
		return fmt.Errorf("%s: %w", logKeyFile, err)
	}
	cosigner := func(file, name string) (*torchwood.CosignatureSigner, error) {
		text, err := read(file)
		if err != nil {
			return nil, err
		}
		s, err := cosigner(text, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return s, nil
	}
	if f.Keys.Witness, err = cosigner(witnessFile, f.Settings.Domain.WitnessName()); err != nil {
		return err
	}
	if f.Keys.Mirror, err = cosigner(mirrorFile, f.Settings.Domain.MirrorName()); err != nil {
		return err
	}
	if err := f.readPQ(read); err != nil {
		return err
	}
	text, err := read(sealFile)
	if err != nil {
		return err
	}
	if f.Keys.Seal, err = seal.ParseIdentity(text); err != nil {
		return fmt.Errorf("%s: %w", sealFile, err)
	}
	f.Keys.RootKey = f.Settings.RootKey
	return nil
}

// vkeyOf computes the verification key of a note signer's key: the seed's
// public key under the same name and key hash.
func vkeyOf(skey string) (string, error) {
	// PRIVATE+KEY+<name>+<hash>+<base64 of algorithm byte and seed>
	parts := strings.SplitN(skey, "+", 5)
	if len(parts) != 5 {
		return "", errors.New("is no key")
	}
	key, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(key) != 1+ed25519.SeedSize {
		return "", errors.New("is no key")
	}
	public := ed25519.NewKeyFromSeed(key[1:]).Public().(ed25519.PublicKey)
	return note.NewEd25519VerifierKey(parts[2], public)
}

// DatabaseURL is where the organization's record is kept.
func (f *Folder) DatabaseURL() string {
	if f.Settings.Database != "" {
		return f.Settings.Database
	}
	return f.sqlite()
}

// sqlite is the database in the folder.
func (f *Folder) sqlite() string { return "sqlite:" + filepath.Join(f.Dir, databaseFile) }

// BlobsPlace is where the organization's blobs are kept.
func (f *Folder) BlobsPlace() string {
	if f.Settings.Blobs != "" {
		return f.Settings.Blobs
	}
	return filepath.Join(f.Dir, blobsFolder)
}

// SetDatabase remembers where the record is kept.
func (f *Folder) SetDatabase(url string) error {
	s := f.Settings
	s.Database = url
	return f.set(s)
}

// SetBlobs remembers where blobs are kept.
func (f *Folder) SetBlobs(place string) error {
	s := f.Settings
	s.Blobs = place
	return f.set(s)
}

// chooseBlobs is SetBlobs for a folder that has no blobs in another place: what
// is left behind there would be missing, and our mirror has said that it is
// here. "" leaves the place as it is.
func (f *Folder) chooseBlobs(ctx context.Context, place string) error {
	if place == "" || place == f.Settings.Blobs {
		return nil
	}
	fail := func(err error) error {
		return fmt.Errorf("sealed contents are kept in %s: %w", f.BlobsPlace(), err)
	}
	old, err := blob.OpenToRead(ctx, f.BlobsPlace())
	if err != nil {
		return fail(fmt.Errorf("%w; if what is there is lost take \"blobs\" out of %s, and run \"comity fsck\" then: peers may have it", err, filepath.Join(f.Dir, settingsFile)))
	}
	switch empty, err := old.Empty(ctx); {
	case err != nil:
		return fail(err)
	case !empty:
		return fail(fmt.Errorf("move them first: comity migrate --dir %s --blobs %q", f.Dir, place))
	}
	if _, err := blob.Open(ctx, place); err != nil {
		return err // what cannot be opened is not remembered
	}
	return f.SetBlobs(place)
}

func (f *Folder) set(s Settings) error {
	doc, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	path := filepath.Join(f.Dir, settingsFile)
	if err := os.Remove(path + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// On the disk before it has its name: a machine that stops would else leave an
	// empty file, without which nothing starts.
	if err := writeNew(path+".new", append(doc, '\n')); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	f.Settings = s
	return syncFolder(f.Dir)
}

// Close unlocks the folder.
func (f *Folder) Close() error {
	var errs []error
	for _, lock := range []*os.File{f.file, f.lock} {
		if lock != nil {
			// Said so, and not left to Close: a child that is being started by another
			// goroutine has the file open until it runs its program.
			errs = append(errs, unix.Flock(int(lock.Fd()), unix.LOCK_UN), lock.Close())
		}
	}
	return errors.Join(errs...)
}
