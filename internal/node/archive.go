package node

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/sqlstore"
	"github.com/comity/comity/internal/watch"
)

// An archive is a gzipped tar, encrypted with age if there are recipients:
//
//	comity-backup.json   archiveHead
//	settings.json        without database and blobs: where those are is the machine's
//	keys/…               only if it is encrypted; never the root key
//	database/000000 …    the export of the database (see sqlstore.Export), cut into pieces
//	blobs/<sha256>       every blob
//	feeds/<sha256>       every file of a feed as it came, compressed with zstd; the hash is that of the file
//	end.json             archiveEnd
//
// The database is exported as of one moment, and blobs and files are read after
// it: what a record refers to was stored before it was recorded.
type archive struct {
	folder     *Folder
	store      *sqlstore.Store
	blobs      *blob.Store
	feeds      watch.Snapshots
	program    string // version
	recipients []age.Recipient
}

const (
	archiveVersion  = 1
	headMember      = "comity-backup.json"
	endMember       = "end.json"
	databaseMembers = "database/"
	blobMembers     = "blobs/"
	feedMembers     = "feeds/"
	pieceSize       = 8 << 20
	maxMember       = 1 << 20 // of a file that is neither piece nor blob
)

type archiveHead struct {
	Backup  int           `json:"backup"`
	Domain  comity.Domain `json:"domain"`
	Name    string        `json:"name"`
	Made    time.Time     `json:"made"`
	Program string        `json:"program"`
	Keys    bool          `json:"keys"`
}

type archiveEnd struct {
	Members int64 `json:"members"` // before this one
	Rows    int64 `json:"rows"`
	Blobs   int64 `json:"blobs"`
	Feeds   int64 `json:"feeds"` // files; damaged ones are left out
	Damaged int64 `json:"damaged,omitempty"`
}

// write writes the file to w, and the tar in it, plain, to check.
func (a archive) write(ctx context.Context, w, check io.Writer) error {
	var locked io.WriteCloser
	if len(a.recipients) > 0 {
		var err error
		if locked, err = age.Encrypt(w, a.recipients...); err != nil {
			return err
		}
		w = locked
	}
	zip, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	t := &tarring{w: tar.NewWriter(io.MultiWriter(zip, check)), made: time.Now().UTC().Truncate(time.Second)}
	if err := a.members(ctx, t); err != nil {
		return err
	}
	if err := errors.Join(t.w.Close(), zip.Close()); err != nil {
		return err
	}
	if locked != nil {
		return locked.Close()
	}
	return nil
}

func (a archive) members(ctx context.Context, t *tarring) error {
	s := a.folder.Settings
	if err := t.json(headMember, archiveHead{archiveVersion, s.Domain, s.Name, t.made, a.program, len(a.recipients) > 0}); err != nil {
		return err
	}
	s.Database, s.Blobs = "", ""
	if err := t.json(settingsFile, s); err != nil {
		return err
	}
	for _, name := range operatorFiles() {
		data, err := os.ReadFile(filepath.Join(a.folder.Dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = t.member(name, data)
		}
		if err != nil {
			return err
		}
	}
	if len(a.recipients) > 0 {
		if err := a.keys(t); err != nil {
			return err
		}
	}
	p := &pieces{t: t}
	rows, err := a.store.Export(ctx, p)
	if err == nil {
		err = p.flush()
	}
	if err != nil {
		return err
	}
	n, err := a.boxes(ctx, t)
	if err != nil {
		return err
	}
	files, damaged, err := a.feedFiles(ctx, t)
	if err != nil {
		return err
	}
	return t.json(endMember, archiveEnd{t.members, rows, n, files, damaged})
}

func (a archive) keys(t *tarring) error {
	files, err := os.ReadDir(filepath.Join(a.folder.Dir, keysFolder))
	if err != nil {
		return err
	}
	for _, f := range files {
		if isRootKey(f.Name()) || !f.Type().IsRegular() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(a.folder.Dir, keysFolder, f.Name()))
		if err != nil {
			return err
		}
		if err := t.member(path.Join(keysFolder, f.Name()), data); err != nil {
			return err
		}
	}
	return nil
}

// boxes writes every blob. One that was erased meanwhile is left out; one that
// is damaged too: it is fetched again from a mirror after a restore.
func (a archive) boxes(ctx context.Context, t *tarring) (n int64, err error) {
	err = a.blobs.Walk(ctx, func(h comity.Hash, _ int64) error {
		data, err := a.blobs.Get(ctx, h)
		if errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrCorrupt) {
			return nil
		}
		if err != nil {
			return err
		}
		n++
		return t.member(blobMembers+hex.EncodeToString(h[:]), data)
	})
	return n, err
}

// feedFiles writes every file of a feed. One that is damaged is left out: it is
// fetched from its source again, or was read and is not needed.
func (a archive) feedFiles(ctx context.Context, t *tarring) (n, damaged int64, err error) {
	damaged, err = a.feeds.WalkPacked(ctx, func(h comity.Hash, r io.Reader, size int64) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		n++
		return t.stream(feedMembers+hex.EncodeToString(h[:]), r, size)
	})
	return n, damaged, err
}

// tarring writes members.
type tarring struct {
	w       *tar.Writer
	made    time.Time
	members int64
}

func (t *tarring) member(name string, data []byte) error {
	return t.stream(name, bytes.NewReader(data), int64(len(data)))
}

func (t *tarring) stream(name string, r io.Reader, size int64) error {
	t.members++
	if err := t.w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: t.made, Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err := io.Copy(t.w, r)
	return err
}

func (t *tarring) json(name string, v any) error {
	data, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	return t.member(name, append(data, '\n'))
}

// pieces cuts what is written to it into members.
type pieces struct {
	t   *tarring
	buf bytes.Buffer
	n   int
}

func (p *pieces) Write(b []byte) (int, error) {
	p.buf.Write(b)
	if p.buf.Len() >= pieceSize {
		return len(b), p.flush()
	}
	return len(b), nil
}

func (p *pieces) flush() error {
	if p.buf.Len() == 0 {
		return nil
	}
	err := p.t.member(fmt.Sprintf("%s%06d", databaseMembers, p.n), p.buf.Bytes())
	p.n++
	p.buf.Reset()
	return err
}

// errNeedsIdentity: the archive is encrypted.
var errNeedsIdentity = errors.New("it is encrypted; name the file of the age identity that opens it with --identity")

// openArchive returns the tar in a file, decrypted and unzipped.
func openArchive(r io.Reader, identities []age.Identity) (io.Reader, error) {
	in := bufio.NewReader(r)
	start, err := in.Peek(len("age-encryption.org/"))
	if err != nil && err != io.EOF {
		return nil, err
	}
	plain := io.Reader(in)
	if string(start) == "age-encryption.org/" {
		if len(identities) == 0 {
			return nil, errNeedsIdentity
		}
		if plain, err = age.Decrypt(in, identities...); err != nil {
			return nil, fmt.Errorf("decrypt: %w", err)
		}
	}
	zip, err := gzip.NewReader(plain)
	if err != nil {
		return nil, fmt.Errorf("is no backup: %w", err)
	}
	return zip, nil
}

// target is where an archive is read into.
type target struct {
	begin    func(Backup) error // told what its head says; nil for nothing
	database func(io.Reader) (rows int64, err error)
	blob     func(h comity.Hash, r io.Reader, size int64) error
	feed     func(h comity.Hash, packed io.Reader) error // a file of a feed
	file     func(name string, data []byte) error        // settings.json, keys/…
}

// readArchive reads a plain tar, and takes it for whole only at its end.
func readArchive(ctx context.Context, r io.Reader, to target) (b Backup, err error) {
	a := reading{r: tar.NewReader(r), to: to}
	defer func() {
		if err != nil {
			a.stop(err)
		}
	}()
	var head archiveHead
	h, err := a.next()
	if err == nil && h.Name != headMember {
		err = errors.New("is no backup")
	}
	if err == nil {
		err = a.json(h, &head)
	}
	if err == nil && head.Backup != archiveVersion {
		err = fmt.Errorf("the backup has form %d, and this program reads form %d; use the version that wrote it", head.Backup, archiveVersion)
	}
	if err != nil {
		return b, err
	}
	if _, err := comity.ParseDomain(string(head.Domain)); err != nil {
		return b, err
	}
	b = Backup{Domain: head.Domain, Name: head.Name, Made: head.Made, Keys: head.Keys}
	if to.begin != nil {
		if err := to.begin(b); err != nil {
			return b, err
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return b, err
		}
		h, err := a.next()
		if err != nil {
			return b, err
		}
		switch {
		case strings.HasPrefix(h.Name, databaseMembers):
			err = a.piece(h)
		case strings.HasPrefix(h.Name, blobMembers):
			var sum comity.Hash
			if sum, err = comity.ParseHash(strings.TrimPrefix(h.Name, blobMembers)); err == nil {
				err = to.blob(sum, a.r, h.Size)
			}
			b.Blobs++
		case strings.HasPrefix(h.Name, feedMembers):
			var sum comity.Hash
			if sum, err = comity.ParseHash(strings.TrimPrefix(h.Name, feedMembers)); err == nil {
				err = to.feed(sum, a.r)
			}
			b.Feeds++
		case h.Name == settingsFile, slices.Contains(operatorFiles(), h.Name), path.Dir(h.Name) == keysFolder && !isRootKey(path.Base(h.Name)):
			var data []byte
			if data, err = a.small(h); err == nil {
				err = to.file(filepath.FromSlash(h.Name), data)
			}
		case h.Name == endMember:
			var end archiveEnd
			if err = a.json(h, &end); err == nil {
				b.Rows, err = a.finish()
			}
			b.Damaged = end.Damaged
			if err == nil && end != (archiveEnd{a.members - 1, b.Rows, b.Blobs, b.Feeds, b.Damaged}) {
				err = errors.New("something is missing in the backup")
			}
			if err == nil { // to the end of the file, where its checksums are
				_, err = io.Copy(io.Discard, r)
			}
			return b, err
		default:
			err = errors.New("the backup holds what this program does not know")
		}
		if err != nil {
			return b, fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

// reading reads members in order, and hands the pieces of the database on as
// one stream.
type reading struct {
	r       *tar.Reader
	to      target
	members int64
	pieces  int

	pipe *io.PipeWriter // nil while no piece was read
	done chan struct{}  // closed when the database was read
	rows int64
	err  error
}

func (a *reading) next() (*tar.Header, error) {
	h, err := a.r.Next()
	switch {
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("the backup is cut off")
	case err != nil:
		return nil, err
	case h.Typeflag != tar.TypeReg || !filepath.IsLocal(h.Name) || path.Clean(h.Name) != h.Name: // one name for one place
		return nil, fmt.Errorf("%q has no place in a backup", h.Name)
	}
	a.members++
	return h, nil
}

func (a *reading) small(h *tar.Header) ([]byte, error) {
	if h.Size > maxMember {
		return nil, fmt.Errorf("%d bytes are too many", h.Size)
	}
	return io.ReadAll(a.r)
}

func (a *reading) json(h *tar.Header, v any) error {
	data, err := a.small(h)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

func (a *reading) piece(h *tar.Header) error {
	if h.Name != fmt.Sprintf("%s%06d", databaseMembers, a.pieces) {
		return errors.New("a piece of the database is missing before it")
	}
	a.pieces++
	if a.pipe == nil {
		var pr *io.PipeReader
		pr, a.pipe = io.Pipe()
		a.done = make(chan struct{})
		go func() {
			defer close(a.done)
			a.rows, a.err = a.to.database(pr)
			pr.CloseWithError(cmp.Or(a.err, io.ErrClosedPipe))
		}()
	}
	_, err := io.Copy(a.pipe, a.r)
	if err != nil {
		a.pipe.CloseWithError(err)
		<-a.done
	}
	return err
}

// finish waits for the database.
func (a *reading) finish() (int64, error) {
	if a.pipe == nil {
		return 0, errors.New("the backup holds no database")
	}
	a.pipe.Close()
	<-a.done
	return a.rows, a.err
}

func (a *reading) stop(err error) {
	if a.pipe != nil {
		a.pipe.CloseWithError(err)
		<-a.done
	}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
