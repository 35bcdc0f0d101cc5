package blob

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/comity/comity/comity"
)

// Files keeps large files, in a folder or a bucket, each under a hash that its
// owner gives it, as that of what is in it once it is unpacked. They are passed on
// as they lie there, and are not checked: who reads one does that. A file of a
// folder is its hash in hexadecimal digits with an ending, in a folder named by
// the first two:
//
//	feeds/6f/6f7075d407a7a98fb47e5633b3d135c61871002afa698eb976396c9acc4dde59.zst
//
// Its methods may be called concurrently, by several processes too.
type Files struct {
	in     filing
	ending string
}

// filing is where files are. Names are as fileName makes them.
type filing interface {
	put(ctx context.Context, name string, f *os.File, size int64) error
	open(ctx context.Context, name string) (io.ReadCloser, int64, error)
	remove(ctx context.Context, name string) error
	walk(ctx context.Context, f func(name string) error) error
}

// OpenFiles opens the files at a place, as [Open] takes it, whose names have an
// ending: ".zst". A folder is made with the first file. Of a bucket with versions
// files are read, but none is put there or removed.
func OpenFiles(ctx context.Context, place, ending string) (*Files, error) {
	if !strings.Contains(place, "://") {
		return &Files{fileFolder{place}, ending}, nil
	}
	b, err := openBucket(ctx, place, false)
	if err != nil {
		return nil, err
	}
	return &Files{fileBucket{b}, ending}, nil
}

// Under is the place of what is kept apart, under a name, at a place of blobs:
// "/srv/blobs/feeds", "s3://comity-blobs/ecowas/feeds?endpoint=…".
func Under(place, name string) string {
	if !strings.Contains(place, "://") {
		return filepath.Join(place, name)
	}
	u, err := url.Parse(place)
	if err != nil {
		return place // which Open refuses
	}
	u.Path = path.Join("/", u.Path, name)
	return u.String()
}

// Same reports whether two are the same files, in one folder.
func (s *Files) Same(o *Files) bool {
	a, ok := s.in.(fileFolder)
	b, too := o.in.(fileFolder)
	if !ok || !too || s.ending != o.ending {
		return false
	}
	x, err := os.Stat(a.dir)
	if err != nil {
		return filepath.Clean(a.dir) == filepath.Clean(b.dir)
	}
	y, err := os.Stat(b.dir)
	return err == nil && os.SameFile(x, y)
}

func (s *Files) name(h comity.Hash) string { return hex.EncodeToString(h[:]) + s.ending }

// Put keeps a file of the disk, which is read from its beginning and may be moved
// from its name: the caller closes it, and removes that if it is still there. Once
// Put has returned without an error the file is durable.
func (s *Files) Put(ctx context.Context, h comity.Hash, f *os.File) error {
	st, err := f.Stat()
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = s.in.put(ctx, s.name(h), f, st.Size())
	}
	if err != nil {
		return fmt.Errorf("keep file %s: %w", s.name(h), err)
	}
	return nil
}

// Open returns a file, and its size in bytes; ErrNotFound.
func (s *Files) Open(ctx context.Context, h comity.Hash) (io.ReadCloser, int64, error) {
	r, size, err := s.in.open(ctx, s.name(h))
	if err != nil {
		return nil, 0, fmt.Errorf("read file %s: %w", s.name(h), err)
	}
	return r, size, nil
}

// Remove removes a file. Removing what is not there is no error.
func (s *Files) Remove(ctx context.Context, h comity.Hash) error {
	if err := s.in.remove(ctx, s.name(h)); err != nil {
		return fmt.Errorf("remove file %s: %w", s.name(h), err)
	}
	return nil
}

// Walk calls f for every file, in the order of hashes, until f returns an error,
// which it returns. Whatever else is there is left out.
func (s *Files) Walk(ctx context.Context, f func(h comity.Hash) error) error {
	return s.in.walk(ctx, func(name string) error {
		digits, ok := strings.CutSuffix(name, s.ending)
		h, err := comity.ParseHash(digits)
		if !ok || err != nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("list files: %w", err)
		}
		return f(h)
	})
}

type fileFolder struct{ dir string }

func (d fileFolder) path(name string) string { return filepath.Join(d.dir, name[:2], name) }

func (d fileFolder) put(_ context.Context, name string, f *os.File, _ int64) error {
	to := d.path(name)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if os.Rename(f.Name(), to) == nil {
		return syncNames(to)
	}
	// It lies on another disk.
	c, err := os.CreateTemp(d.dir, "coming-") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(c.Name()) // then it has another name
	defer c.Close()
	if _, err := io.Copy(c, f); err != nil {
		return err
	}
	if err := errors.Join(c.Sync(), os.Rename(c.Name(), to)); err != nil {
		return err
	}
	return syncNames(to)
}

// syncNames makes durable that a file is in its folder, and that in its own.
func syncNames(name string) error {
	dir := filepath.Dir(name)
	return errors.Join(osOps{}.syncDir(dir), osOps{}.syncDir(filepath.Dir(dir)))
}

func (d fileFolder) open(_ context.Context, name string) (io.ReadCloser, int64, error) {
	f, err := os.Open(d.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, st.Size(), nil
}

func (d fileFolder) remove(_ context.Context, name string) error {
	err := os.Remove(d.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return osOps{}.syncDir(filepath.Dir(d.path(name)))
}

func (d fileFolder) walk(_ context.Context, f func(name string) error) error {
	all, err := filepath.Glob(filepath.Join(d.dir, "??", "*"))
	for _, name := range all {
		base := filepath.Base(name)
		if err == nil && len(base) > 2 && d.path(base) == name {
			err = f(base)
		}
	}
	return err
}

type fileBucket struct{ *bucket }

func (b fileBucket) put(ctx context.Context, name string, f *os.File, size int64) error {
	ctx, cancel := within(ctx, size)
	defer cancel()
	return b.putObject(ctx, b.prefix+name, f, size)
}

func (b fileBucket) open(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	o, err := b.c.GetObject(ctx, b.bucket.name, b.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, 0, b.certain(ctx, known(err))
	}
	st, err := o.Stat() // the request itself
	if err != nil {
		o.Close()
		return nil, 0, b.certain(ctx, known(err))
	}
	return o, st.Size, nil
}

func (b fileBucket) remove(ctx context.Context, name string) error {
	ctx, cancel := within(ctx, 0)
	defer cancel()
	return b.removeObject(ctx, b.prefix+name)
}

func (b fileBucket) walk(ctx context.Context, f func(name string) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for o := range b.c.ListObjectsIter(ctx, b.bucket.name, minio.ListObjectsOptions{Prefix: b.prefix, Recursive: true}) {
		if o.Err != nil {
			return fmt.Errorf("list files: %w", o.Err)
		}
		if err := f(strings.TrimPrefix(o.Key, b.prefix)); err != nil {
			return err
		}
	}
	return ctx.Err()
}
