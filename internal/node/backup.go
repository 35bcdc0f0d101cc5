package node

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"filippo.io/age"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/sqlstore"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/keys"
)

// Backup is what was written or read.
type Backup struct {
	Domain comity.Domain
	Name   string
	Made   time.Time
	Keys   bool  // the node's keys are in it
	Rows   int64 // of the database
	Blobs  int64
	Feeds  int64 // files of feeds, as they came
	// Damaged files of feeds were left out.
	Damaged int64
	Size    int64 // of our own journal, in entries
	Bytes   int64 // of the file; 0 of one that was read
}

// WriteBackup writes the organization's record to a new file, while nodes may
// run on it. With recipients the file is encrypted to them and holds the
// node's keys; without, it holds none. The root key is never in it.
//
// What is written goes, on the way, into a database of its own, in which every
// journal is checked from its first entry; then the file is read again and
// compared. It appears under its name only if all is well.
func WriteBackup(ctx context.Context, dir, file, program string, recipients ...age.Recipient) (_ Backup, err error) {
	fail := func(err error) (Backup, error) {
		return Backup{}, fmt.Errorf("back up %s: %w; no backup was written", dir, err)
	}
	f, err := ReadFolder(dir)
	if err != nil {
		return Backup{}, err
	}
	if _, err := os.Lstat(file); err == nil {
		return fail(fmt.Errorf("%s is there already; name a new file", file))
	}
	store, err := sqlstore.Open(ctx, f.DatabaseURL(), sqlstore.Options{MayUpgrade: f.mayUpgrade})
	if err != nil {
		return fail(err)
	}
	defer store.Close()
	blobs, err := blob.OpenToRead(ctx, f.BlobsPlace())
	if err != nil {
		return fail(err)
	}
	feeds, err := f.snapshots(ctx)
	if err != nil {
		return fail(err)
	}
	out, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".part-") // 0600
	if err != nil {
		return fail(err)
	}
	defer func() {
		out.Close()
		if err != nil {
			os.Remove(out.Name())
		}
	}()

	own, err := store.Head(ctx, f.Settings.Domain.Origin())
	if err == nil && own.Size == 0 {
		err = errors.New("the journal is not begun: there is nothing to back up but the keys; copy the folder")
	}
	if err != nil {
		return fail(err)
	}
	sum := &summing{to: out, sum: sha256.New()}
	a := archive{folder: f, store: store, blobs: blobs, feeds: feeds, program: program, recipients: recipients}
	b, err := a.writeChecked(ctx, sum)
	if err != nil {
		return fail(err)
	}
	b.Bytes = sum.n
	if err := errors.Join(out.Sync(), sum.compare(out.Name())); err != nil {
		return fail(err)
	}
	if err := errors.Join(putInPlace(out.Name(), file), syncFolder(filepath.Dir(file))); err != nil {
		return fail(err)
	}
	return b, nil
}

// writeChecked writes the archive and checks, while it does, what it writes.
func (a archive) writeChecked(ctx context.Context, w io.Writer) (Backup, error) {
	pr, pw := io.Pipe()
	var b Backup
	checked := make(chan error, 1)
	go func() {
		var err error
		b, err = checkArchive(ctx, pr, a.folder.logVerifiers())
		pr.CloseWithError(err) // nobody reads on
		checked <- err
	}()
	err := a.write(ctx, w, pw)
	pw.CloseWithError(err)
	if bad := <-checked; bad != nil && !errors.Is(bad, err) {
		err = bad // the writer only heard that its reader gave up
	}
	return b, err
}

// checkArchive reads an archive into a database that it throws away.
func checkArchive(ctx context.Context, r io.Reader, logs []note.Verifier) (Backup, error) {
	dir, err := os.MkdirTemp("", "comity-backup-")
	if err != nil {
		return Backup{}, err
	}
	defer os.RemoveAll(dir)
	url := "sqlite:" + filepath.Join(dir, databaseFile)
	b, err := readArchive(ctx, r, target{
		database: func(r io.Reader) (int64, error) { return sqlstore.Import(ctx, url, r, sqlstore.Options{}) },
		blob: func(h comity.Hash, r io.Reader, size int64) error {
			sum := sha256.New()
			if _, err := io.Copy(sum, r); err != nil {
				return err
			}
			if comity.Hash(sum.Sum(nil)) != h {
				return blob.ErrCorrupt
			}
			return nil
		},
		feed: watch.CheckPacked,
		file: func(string, []byte) error { return nil },
	})
	if err != nil {
		return Backup{}, err
	}
	b.Size, err = checkDatabase(ctx, url, b.Domain, logs)
	return b, err
}

// checkDatabase checks every journal in a database from its first entry, and
// returns the size of our own.
func checkDatabase(ctx context.Context, url string, self comity.Domain, logs []note.Verifier) (int64, error) {
	s, err := sqlstore.Open(ctx, url, sqlstore.Options{Left: true})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	own := self.Origin()
	if err := checkJournals(ctx, newRoster(s.Roster()), s, own, logs, func(comity.Origin, int64, error) {}); err != nil {
		return 0, err
	}
	h, err := s.Head(ctx, own)
	return h.Size, err
}

// checkJournals checks our own journal and those of the pinned peers, from
// their first entries.
func checkJournals(ctx context.Context, r *roster, store journal.Store, own comity.Origin, logs []note.Verifier,
	report func(o comity.Origin, size int64, err error)) error {
	peers, err := r.Peers(ctx)
	if err != nil {
		return err
	}
	all := map[comity.Origin][]note.Verifier{own: logs}
	for _, p := range peers {
		if all[p.Origin()], err = p.Good(keys.Log); err != nil {
			return err
		}
	}
	var failed error
	for _, o := range sortedKeys(all) {
		err := journal.Verify(ctx, store, o, note.VerifierList(all[o]...))
		h, _ := store.Head(ctx, o)
		report(o, h.Size, err)
		failed = errors.Join(failed, err)
	}
	return failed
}

// Restore makes a folder into what a backup holds. The folder must hold no
// record yet; if the keys are not in the backup, they must lie in it. An empty
// database or place for blobs is the usual one in the folder.
//
// It may be called again after a failure. When the node is started, it asks
// its witnesses whether the backup is behind and fetches what is missing from
// its peers.
func Restore(ctx context.Context, dir, file, database, blobsPlace string, identities ...age.Identity) (_ Backup, err error) {
	fail := func(err error) (Backup, error) { return Backup{}, fmt.Errorf("restore into %s: %w", dir, err) }
	in, err := os.Open(file)
	if err != nil {
		return fail(err)
	}
	defer in.Close()
	plain, err := openArchive(in, identities)
	if err != nil {
		return fail(fmt.Errorf("%s: %w", file, err))
	}
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, keysFolder), 0o700), os.Chmod(dir, 0o700), os.Chmod(filepath.Join(dir, keysFolder), 0o700)); err != nil {
		return fail(err)
	}
	lock, err := lockFolder(dir) // a node that is started meanwhile would begin without it
	if err != nil {
		return fail(err)
	}
	defer lock.Close()
	db := filepath.Join(dir, databaseFile)
	for _, old := range []string{db, db + "-wal", db + "-shm"} { // a log without its database would be played into the new one
		if _, err := os.Lstat(old); err == nil {
			return fail(fmt.Errorf("%s is there: the folder holds a record already; name another folder, or move the record away whole: mkdir %s.old; mv %s* %s.old/", old, dir, db, dir))
		}
	}
	url, half := database, ""
	if url == "" {
		half = db + ".restoring"
		for _, old := range []string{half, half + "-wal", half + "-shm"} {
			if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fail(err)
			}
		}
		url = "sqlite:" + half
	}
	feeds, err := snapshots(ctx, dir, blobsPlace)
	if err != nil {
		return fail(err)
	}
	place := blobsPlace
	if place == "" {
		place = filepath.Join(dir, blobsFolder)
	}
	blobs, err := blob.Open(ctx, place)
	if err != nil {
		return fail(err)
	}
	files := restored{dir: dir}
	defer func() {
		if err != nil {
			files.undo()
			if half != "" {
				for _, f := range []string{half, half + "-wal", half + "-shm"} {
					os.Remove(f)
				}
			}
		}
	}()
	b, err := readArchive(ctx, plain, target{
		begin:    func(b Backup) error { return fits(dir, b) },
		database: func(r io.Reader) (int64, error) { return sqlstore.Import(ctx, url, r, sqlstore.Options{}) },
		blob:     func(h comity.Hash, r io.Reader, size int64) error { return blobs.PutVerified(ctx, h, r, size) },
		feed:     func(h comity.Hash, packed io.Reader) error { return feeds.PutPacked(ctx, h, packed) },
		file: func(name string, data []byte) error {
			files.all = append(files.all, restoredText{name, data})
			return compatible(filepath.Join(dir, name), data)
		},
	})
	if err == nil {
		// Who is stopped behind this may start the node on the database that was named.
		err = files.write(func() error { return markRestored(ctx, dir, url, b) })
	}
	if err != nil {
		return fail(err)
	}
	f, err := ReadFolder(dir)
	if err != nil {
		return fail(err)
	}
	if b.Size, err = checkDatabase(ctx, url, b.Domain, f.logVerifiers()); err != nil {
		return fail(err)
	}
	if err := errors.Join(f.SetDatabase(database), f.SetBlobs(blobsPlace)); err != nil {
		return fail(err)
	}
	if half != "" {
		if err := errors.Join(putInPlace(half, db), syncFolder(dir)); err != nil {
			return fail(err)
		}
	}
	return b, nil
}

// markRestored has a node that starts on a folder begin as after a restore, and every
// witness that starts on the database.
func markRestored(ctx context.Context, dir, url string, b Backup) error {
	f := &Folder{Dir: dir, Settings: Settings{Domain: b.Domain}}
	witness, err := f.witnessKeys()
	if err != nil {
		return err
	}
	s, err := sqlstore.Open(ctx, url, sqlstore.Options{})
	if err != nil {
		return err
	}
	if err := errors.Join(s.WitnessStates().SetBehind(ctx, witness), s.Close()); err != nil {
		return err
	}
	if err := f.markRestoredWitness(witness); err != nil {
		return err
	}
	return mark(dir, restoredFile, fmt.Sprintf("Restored from a backup of %s. The node removes this once it records again.", b.Made.Format(time.RFC3339)))
}

// fits is nil if a backup can be restored into a folder: it holds nothing of
// another organization, and the keys if the backup does not.
func fits(dir string, b Backup) error {
	text, err := os.ReadFile(filepath.Join(dir, settingsFile))
	there := Settings{Domain: b.Domain}
	if err == nil {
		err = json.Unmarshal(text, &there)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", filepath.Join(dir, settingsFile), err)
	}
	if there.Domain != b.Domain {
		return fmt.Errorf("the folder is that of %s, and the backup that of %s", there.Domain, b.Domain)
	}
	if b.Keys {
		return nil
	}
	if err := (&Folder{Dir: dir, Settings: there}).readKeys(); err != nil {
		return fmt.Errorf("%w; put the organization's keys into %s, and restore again", err, filepath.Join(dir, keysFolder))
	}
	return nil
}

// putInPlace gives a file its name, which must not be taken.
func putInPlace(from, to string) error {
	err := os.Link(from, to)
	switch {
	case err == nil:
		return os.Remove(from)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s has come into being meanwhile", to)
	}
	if _, err := os.Lstat(to); err == nil { // on a file system without links
		return fmt.Errorf("%s has come into being meanwhile", to)
	}
	return os.Rename(from, to)
}

// restored are the files beside the record. They are written when everything else
// has been read, and removed again if it cannot be used.
type restored struct {
	dir   string
	all   []restoredText
	fresh []string // written
}

type restoredText struct {
	name string
	data []byte
}

// write calls marked when all but the settings are there.
func (r *restored) write(marked func() error) error {
	for _, last := range []bool{false, true} { // a folder with settings is complete
		if last {
			// A folder that had settings may be started also if this fails.
			if _, err := os.Lstat(filepath.Join(r.dir, settingsFile)); errors.Is(err, fs.ErrNotExist) {
				r.fresh = append(r.fresh, filepath.Join(r.dir, restoredFile), filepath.Join(r.dir, restoredWitnessFile))
			}
			if err := marked(); err != nil {
				return err
			}
		}
		for _, f := range r.all {
			if (f.name == settingsFile) != last {
				continue
			}
			path := filepath.Join(r.dir, f.name)
			switch err := writeNew(path, f.data); {
			case err == nil:
				r.fresh = append(r.fresh, path)
			case errors.Is(err, fs.ErrExist): // the same: see compatible
			default:
				return err
			}
		}
	}
	return nil
}

func (r *restored) undo() {
	for _, path := range r.fresh {
		os.Remove(path)
	}
}

// compatible is nil if a file is not there, or with the same content; settings may
// differ.
func compatible(path string, data []byte) error {
	old, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !slices.Equal(old, data) && filepath.Base(path) != settingsFile:
		return errors.New("it is there with another content; move it away")
	}
	return nil
}

// summing passes bytes on and remembers what they were.
type summing struct {
	to  io.Writer
	sum hash.Hash
	n   int64
}

func (s *summing) Write(p []byte) (int, error) {
	n, err := s.to.Write(p)
	s.sum.Write(p[:n])
	s.n += int64(n)
	return n, err
}

// compare reads a file that should hold what was written.
func (s *summing) compare(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if !slices.Equal(sum.Sum(nil), s.sum.Sum(nil)) {
		return errors.New("the file does not hold what was written to it: check the disk")
	}
	return nil
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
