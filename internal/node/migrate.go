package node

// A record that moves to another database, or its sealed contents to another place.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/sqlstore"
)

// Migrate moves the record to another database, which must be empty: a
// postgres:// URL, or "sqlite" for the file in the folder. The node must be
// stopped, and all others on the database.
//
// The new one is taken into use only if every journal in it is whole and it
// folds into the same files. The old one stays as it was, but nobody can go on
// with it: other folders may remember it.
func Migrate(ctx context.Context, dir, to string) (rows int64, digest casefile.Digest, err error) {
	fail := func(err error) (int64, casefile.Digest, error) {
		if lost := context.Cause(ctx); lost != nil {
			err = lost
		}
		return 0, casefile.Digest{}, fmt.Errorf("migrate: %w; the node goes on using its old database", err)
	}
	f, err := OpenFolder(dir)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	from, setting := f.DatabaseURL(), to
	if to == "sqlite" {
		to, setting = f.sqlite(), ""
	}
	if to == from {
		return fail(errors.New("that is the database it uses"))
	}
	if err := f.lockDatabase(from); err != nil {
		return fail(err)
	}
	old, err := sqlstore.Open(ctx, from, sqlstore.Options{})
	if moved := (*sqlstore.MovedError)(nil); errors.As(err, &moved) {
		if moved.To != withoutPassword(to) {
			return 0, casefile.Digest{}, err
		}
		next, err := sqlstore.Open(ctx, to, sqlstore.Options{Left: true})
		if err != nil {
			return 0, casefile.Digest{}, fmt.Errorf("migrate: %w (%w)", err, moved)
		}
		defer next.Close()
		if digest, err = digestOf(ctx, dir, to); err == nil { // it was stopped behind Leave
			err = settle(ctx, f, next, setting)
		}
		return 0, digest, err
	}
	if err != nil {
		return fail(err)
	}
	defer old.Close()
	// The folder's lock says nothing of other processes, with folders of their
	// own: what they recorded meanwhile would be a second past.
	ctx, leave, err := old.Alone(ctx, evidenceLease)
	if err != nil {
		return fail(err)
	}
	defer leave()
	before, err := digestOf(ctx, dir, from)
	if err != nil {
		return fail(err)
	}
	var next *sqlstore.Store
	// Whoever is stopped before this ends goes on with the old one. Whoever is stopped
	// behind it is told to use the new one when he starts.
	err = old.Leave(ctx, withoutPassword(to), func() (*sqlstore.Store, error) {
		if rows, err = copyDatabase(ctx, old, to); err != nil {
			return nil, err
		}
		if _, err := checkDatabase(ctx, to, f.Settings.Domain, f.logVerifiers()); err != nil {
			return nil, err
		}
		digest, err = digestOf(ctx, dir, to)
		if err == nil && digest != before {
			err = fmt.Errorf("the copy folds into other files: its digest is %s, not %s", digest.SHA256, before.SHA256)
		}
		if err != nil {
			return nil, err
		}
		next, err = sqlstore.Open(ctx, to, sqlstore.Options{Left: true})
		return next, err
	})
	if next != nil {
		defer next.Close()
	}
	if errors.Is(err, journal.ErrAmbiguous) {
		switch is := old.Moved(ctx); {
		case errors.As(is, new(*sqlstore.MovedError)):
			err = nil
		case is != nil:
			return 0, casefile.Digest{}, fmt.Errorf("migrate: %w; start the node, which says whether the record was moved", err)
		}
	}
	if err != nil {
		return fail(err)
	}
	if err := settle(ctx, f, next, setting); err != nil {
		return 0, casefile.Digest{}, err
	}
	return rows, digest, nil
}

// settle takes the copy into use, when the old database is left.
func settle(ctx context.Context, f *Folder, next *sqlstore.Store, setting string) error {
	_, err := next.Settle(context.WithoutCancel(ctx))
	if err == nil {
		err = f.SetDatabase(setting)
	}
	if err != nil {
		return fmt.Errorf("migrate: the record was moved, but the new database is not in use yet: %w; run the command again", err)
	}
	return nil
}

// Reopen takes a database into use again from which the record was moved, because the
// one that it was moved to is lost: a postgres:// URL, or "sqlite" for the file in the
// folder. The node begins as after a restore.
func Reopen(ctx context.Context, dir, database string) error {
	fail := func(err error) error { return fmt.Errorf("use the old database again: %w", err) }
	f, err := OpenFolder(dir)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	setting := database
	if database == "sqlite" {
		database, setting = f.sqlite(), ""
	}
	s, err := sqlstore.Open(ctx, database, sqlstore.Options{Left: true})
	if err != nil {
		return fail(err)
	}
	defer s.Close()
	if err := s.Claim(ctx, f.Settings.Domain); err != nil {
		return fail(err)
	}
	switch err := s.Moved(ctx); {
	case err == nil:
		return fail(errors.New("the record was not moved from there"))
	case !errors.As(err, new(*sqlstore.MovedError)):
		return fail(err)
	}
	witness, err := f.witnessKeys()
	if err != nil {
		return fail(err)
	}
	if err := f.markRestoredWitness(witness); err != nil {
		return fail(err)
	}
	if err := mark(f.Dir, restoredFile, "An old database is in use again. The node removes this once it records again."); err != nil {
		return fail(err)
	}
	if err := f.SetDatabase(setting); err != nil {
		return fail(err)
	}
	if err := s.Reopen(ctx, witness); err != nil {
		return fail(err)
	}
	return nil
}

// withoutPassword is a database's address as it may be shown.
func withoutPassword(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "another database"
	}
	q := u.Query()
	q.Del("password")
	q.Del("sslpassword")
	u.RawQuery = q.Encode()
	return u.Redacted()
}

// InFolder is the word for the blobs' place in the node's own folder.
const InFolder = "folder"

// Moved is what was copied to another place, and what was left out of it.
type Moved struct {
	Blobs, DamagedBlobs int64
	Files, DamagedFiles int64 // of feeds, as they came
}

// MigrateBlobs copies all blobs to another place, see blob.Open, or to
// [InFolder], and uses that from then on; so it does with the files of feeds. The
// node must be stopped, and all others on the database. The old place stays as it was. What is damaged is left out.
func MigrateBlobs(ctx context.Context, dir, to string) (m Moved, err error) {
	fail := func(err error) (Moved, error) {
		if lost := context.Cause(ctx); lost != nil {
			err = lost
		}
		return Moved{}, fmt.Errorf("migrate: %w; the node goes on using the old place", err)
	}
	f, err := OpenFolder(dir)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	store, err := sqlstore.Open(ctx, f.DatabaseURL(), sqlstore.Options{})
	if err != nil {
		return fail(err)
	}
	defer store.Close()
	ctx, leave, err := store.Alone(ctx, evidenceLease) // others would go on with the old place
	if err != nil {
		return fail(err)
	}
	defer leave()
	place, setting := to, to
	if to == InFolder {
		place, setting = filepath.Join(f.Dir, blobsFolder), ""
	}
	if place == f.BlobsPlace() {
		return fail(errors.New("that is the place it uses"))
	}
	old, err := blob.OpenToRead(ctx, f.BlobsPlace())
	if err != nil {
		return fail(err)
	}
	next, err := blob.Open(ctx, place)
	if err != nil {
		return fail(err)
	}
	if m.Blobs, m.DamagedBlobs, err = old.Copy(ctx, next); err != nil {
		return fail(err)
	}
	from, err := f.snapshots(ctx)
	if err != nil {
		return fail(err)
	}
	into, err := snapshots(ctx, f.Dir, setting)
	if err != nil {
		return fail(err)
	}
	if m.Files, m.DamagedFiles, err = from.CopyTo(ctx, into); err != nil {
		return fail(err)
	}
	if err := ctx.Err(); err != nil { // another process may run
		return fail(err)
	}
	if err := f.SetBlobs(setting); err != nil {
		return fail(err)
	}
	return m, nil
}

func digestOf(ctx context.Context, dir, database string) (casefile.Digest, error) {
	// What was folded before was copied, too: what counts is what the entries say.
	n, err := Open(ctx, Config{Dir: dir, Database: database, Visit: true, Refold: true, left: true})
	if err != nil {
		return casefile.Digest{}, err
	}
	defer n.Close()
	return n.Desk.Digest(ctx)
}

func copyDatabase(ctx context.Context, s *sqlstore.Store, to string) (int64, error) {
	pr, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := s.Export(ctx, pw)
		pw.CloseWithError(err)
	}()
	rows, err := sqlstore.Import(ctx, to, pr, sqlstore.Options{Left: true})
	pr.CloseWithError(err)
	<-done
	return rows, err
}
