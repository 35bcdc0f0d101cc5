package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/comity/comity/comity"
)

const bucketScheme = "s3://"

// A bucket keeps each blob as one object, named by a prefix and the lower-case
// hexadecimal hash. An object is there whole or not at all.
type bucket struct {
	c      *minio.Client
	name   string
	prefix string // empty, or ends with "/"
}

// openBucket opens a bucket by its address, see Open; without toKeep only to read
// what is there.
func openBucket(ctx context.Context, address string, toKeep bool) (*bucket, error) {
	fail := func(err error) (*bucket, error) { return nil, fmt.Errorf("blobs in %s: %w", address, err) }
	form := errors.New("write s3://BUCKET/PREFIX?endpoint=https://HOST:PORT, and region=REGION if the store has regions")
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return fail(form)
	}
	q := u.Query()
	endpoint, region := q.Get("endpoint"), q.Get("region")
	for k := range q {
		if k != "endpoint" && k != "region" {
			return fail(fmt.Errorf("there is no parameter %q: %w", k, form))
		}
	}
	if endpoint == "" {
		endpoint = "https://s3.amazonaws.com"
	}
	e, err := url.Parse(endpoint)
	if err != nil || e.Host == "" || e.Scheme != "http" && e.Scheme != "https" || strings.Trim(e.Path, "/") != "" {
		return fail(form)
	}
	transport, err := minio.DefaultTransport(e.Scheme == "https")
	if err != nil {
		return fail(err)
	}
	transport.ResponseHeaderTimeout = stall
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if c, ok := c.(*net.TCPConn); ok {
			// What lies in the system's buffer counts as taken; let that be little.
			if err := c.SetWriteBuffer(sendBuffer); err != nil {
				c.Close()
				return nil, err
			}
		}
		return impatient{c, stall}, nil
	}
	c, err := minio.New(e.Host, &minio.Options{
		Creds:  credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}}),
		Secure: e.Scheme == "https", Region: region, MaxRetries: 2, Transport: transport,
	})
	if err != nil {
		return fail(err)
	}
	b := &bucket{c: c, name: u.Host}
	if p := strings.Trim(u.Path, "/"); p != "" {
		b.prefix = p + "/"
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	switch ok, err := c.BucketExists(ctx, b.name); {
	case err != nil:
		return fail(fmt.Errorf("%w; check endpoint, network and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY", err))
	case !ok:
		return fail(errors.New("there is no such bucket; make it first"))
	}
	if toKeep {
		if err := b.forgets(ctx); err != nil {
			return fail(err)
		}
	}
	return b, nil
}

// errVersions: what is removed from a bucket with versions is still in it.
var errVersions = errors.New("the bucket keeps old versions, so that nothing in it could be erased; use one without versioning")

// forgets is nil if what is removed from the bucket is gone. Versioning that is
// suspended keeps the versions that there were before, and a bucket that ever had it
// never gets rid of it:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html.
func (b *bucket) forgets(ctx context.Context) error {
	v, err := b.c.GetBucketVersioning(ctx, b.name)
	if err == nil && (v.Enabled() || v.Suspended()) {
		return errVersions
	}
	if err == nil {
		return nil
	}
	switch r := minio.ToErrorResponse(err); {
	case r.Code == minio.NotImplemented, r.Code == minio.MethodNotAllowed,
		r.StatusCode == http.StatusNotImplemented, r.StatusCode == http.StatusMethodNotAllowed:
		return nil // a store that knows no versions keeps none
	case r.StatusCode == http.StatusForbidden:
		return fmt.Errorf("it cannot be known whether the bucket keeps old versions: %w; give this login the permission s3:GetBucketVersioning", err)
	}
	return fmt.Errorf("ask whether the bucket keeps old versions: %w", err)
}

// stall is how long a bucket may keep us waiting for its next byte, or for taking ours.
var stall = 5 * time.Second // changed by tests

const (
	patience = 10 * time.Second // so long, and as long as its bytes take at pace, to be done it may take: somebody waits who issues an act
	pace     = 1 << 20          // bytes a second

	sendBuffer = 256 << 10 // a quarter of a second's at pace
)

// within bounds what is done at once with a blob of so many bytes.
func within(ctx context.Context, size int64) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, patience+time.Duration(size/pace)*time.Second)
}

// impatient is a connection that breaks if nothing moves.
type impatient struct {
	net.Conn
	stall time.Duration
}

func (c impatient) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.stall)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Write puts off the deadline of reading, too: the answer is waited for from before the
// request is written, and cannot come until it is.
func (c impatient) Write(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.stall)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func (b *bucket) key(h comity.Hash) string { return b.prefix + hex.EncodeToString(h[:]) }

// putReader implements backend. It holds the blob in memory: its name is not
// known before its end.
func (b *bucket) putReader(ctx context.Context, r io.Reader, max int64) (comity.Hash, int64, error) {
	data, err := readBounded(ctx, r, max)
	var h comity.Hash
	if err == nil {
		h = sha256.Sum256(data)
		err = b.put(ctx, h, data)
	}
	if err != nil {
		return comity.Hash{}, 0, fmt.Errorf("store a blob: %w", err)
	}
	return h, int64(len(data)), nil
}

// putVerified implements backend.
func (b *bucket) putVerified(ctx context.Context, want comity.Hash, r io.Reader, max int64) error {
	ctx, cancel := within(ctx, max)
	defer cancel()
	fail := func(err error) error { return fmt.Errorf("store blob %x: %w", want[:], err) }
	switch whole, err := b.whole(ctx, want); {
	case err != nil:
		return fail(err)
	case whole:
		return nil
	}
	data, err := readBounded(ctx, r, max)
	if err != nil {
		return fail(err)
	}
	if h := sha256.Sum256(data); h != want {
		return fail(fmt.Errorf("%w: they have SHA-256 %x", ErrMismatch, h[:]))
	}
	if err := b.put(ctx, want, data); err != nil {
		return fail(err)
	}
	return nil
}

// whole reports whether the blob is there, undamaged.
func (b *bucket) whole(ctx context.Context, h comity.Hash) (bool, error) {
	r, _, err := b.get(ctx, h)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
		r.Close()
	}
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt) {
		return false, nil
	}
	return err == nil, err
}

func readBounded(ctx context.Context, r io.Reader, max int64) ([]byte, error) {
	var buf bytes.Buffer
	if _, err := copyBounded(&buf, ctxReader{ctx, r}, max); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func (b *bucket) put(ctx context.Context, h comity.Hash, data []byte) error {
	return b.putObject(ctx, b.key(h), bytes.NewReader(data), int64(len(data)))
}

// putObject puts an object into the bucket, unless it has got versioning since it
// was opened: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html.
func (b *bucket) putObject(ctx context.Context, key string, r io.Reader, size int64) error {
	info, err := b.c.PutObject(ctx, b.name, key, r, size, minio.PutObjectOptions{ContentType: "application/octet-stream"})
	if err != nil || info.VersionID == "" || info.VersionID == "null" {
		return err
	}
	err = b.c.RemoveObject(ctx, b.name, key, minio.RemoveObjectOptions{VersionID: info.VersionID})
	return errors.Join(errVersions, err)
}

// removeObject removes an object from the bucket, unless that would leave a version
// of it. It asks first: afterwards the object looks as if it were gone.
func (b *bucket) removeObject(ctx context.Context, key string) error {
	if err := b.forgets(ctx); err != nil {
		return err
	}
	err := b.c.RemoveObject(ctx, b.name, key, minio.RemoveObjectOptions{})
	if errors.Is(known(err), ErrNotFound) {
		return nil
	}
	return err
}

// open implements backend.
func (b *bucket) open(ctx context.Context, h comity.Hash) (io.ReadCloser, int64, error) {
	r, size, err := b.get(ctx, h)
	return r, size, b.certain(ctx, err)
}

// get is open that takes the bucket to be there.
func (b *bucket) get(ctx context.Context, h comity.Hash) (io.ReadCloser, int64, error) {
	fail := func(err error) (io.ReadCloser, int64, error) {
		return nil, 0, fmt.Errorf("read blob %x: %w", h[:], known(err))
	}
	o, err := b.c.GetObject(ctx, b.name, b.key(h), minio.GetObjectOptions{})
	if err != nil {
		return fail(err)
	}
	st, err := o.Stat() // the request itself
	if err == nil {
		err = checkEmpty(h, st.Size)
	}
	if err != nil {
		o.Close()
		return fail(err)
	}
	return newReader(ctx, o, h, st.Size), st.Size, nil
}

// certain is err, but if it is that a blob is not there, and the bucket is not,
// either: that looks the same, and says nothing of the blob.
func (b *bucket) certain(ctx context.Context, err error) error {
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	ctx, cancel := within(ctx, 0)
	defer cancel()
	switch ok, asking := b.c.BucketExists(ctx, b.name); {
	case asking != nil:
		return fmt.Errorf("look for the bucket %s: %w", b.name, asking)
	case !ok:
		return fmt.Errorf("the bucket %s is not there any more", b.name)
	}
	return err
}

// known turns an answer of the store into an error of this package.
func known(err error) error {
	if r := minio.ToErrorResponse(err); r.StatusCode == http.StatusNotFound && r.Code != minio.NoSuchBucket {
		return ErrNotFound
	}
	return err
}

// has implements backend.
func (b *bucket) has(ctx context.Context, h comity.Hash) (bool, error) {
	ctx, cancel := within(ctx, 0)
	defer cancel()
	_, err := b.c.StatObject(ctx, b.name, b.key(h), minio.StatObjectOptions{})
	switch err = b.certain(ctx, known(err)); {
	case errors.Is(err, ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for blob %x: %w", h[:], err)
	}
	return true, nil
}

// delete implements backend.
func (b *bucket) delete(ctx context.Context, h comity.Hash) error {
	ctx, cancel := within(ctx, 0)
	defer cancel()
	if err := b.removeObject(ctx, b.key(h)); err != nil {
		return fmt.Errorf("remove blob %x: %w", h[:], err)
	}
	return nil
}

// walk implements backend.
func (b *bucket) walk(ctx context.Context, f func(h comity.Hash, size int64) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for o := range b.c.ListObjectsIter(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix, Recursive: true}) {
		if o.Err != nil {
			return fmt.Errorf("list blobs: %w", o.Err)
		}
		h, err := comity.ParseHash(strings.TrimPrefix(o.Key, b.prefix))
		if err != nil {
			continue
		}
		if err := f(h, o.Size); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("list blobs: %w", err)
	}
	return nil
}

// sweep implements backend. A bucket never shows half an object.
func (b *bucket) sweep(ctx context.Context, _ time.Time) (int, error) { return 0, ctx.Err() }
