package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/comity/comity/comity"
)

// s3server is an S3 server with one bucket, "comity", that can be told to fail.
type s3server struct {
	*httptest.Server
	objects *s3mem.Backend

	mu   sync.Mutex
	fail func(*http.Request) bool
	via  func(s3 http.Handler, w http.ResponseWriter, r *http.Request)
}

func newS3(t *testing.T) *s3server {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	s := &s3server{objects: s3mem.New()}
	if err := s.objects.CreateBucket("comity"); err != nil {
		t.Fatal(err)
	}
	h := gofakes3.New(s.objects).Server()
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		fail, via := s.fail, s.via
		s.mu.Unlock()
		if via != nil {
			via(h, w, r)
			return
		}
		if fail != nil && fail(r) {
			http.Error(w, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	}))
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetReadBuffer(64 << 10) // what lies there has been taken
		return ctx
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *s3server) failing(f func(*http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

// answering has requests answered by f, which may hand them on.
func (s *s3server) answering(f func(s3 http.Handler, w http.ResponseWriter, r *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.via = f
}

func (s *s3server) place(prefix string) string {
	return "s3://comity" + prefix + "?endpoint=" + s.URL + "&region=us-east-1"
}

// each runs a test on a folder and on a bucket.
func each(t *testing.T, f func(t *testing.T, place string)) {
	t.Run("folder", func(t *testing.T) { f(t, filepath.Join(t.TempDir(), "blobs")) })
	t.Run("bucket", func(t *testing.T) { f(t, newS3(t).place("/ecowas")) })
}

func at(t *testing.T, place string) *Store {
	t.Helper()
	s, err := Open(ctx, place)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStore is what both do alike.
func TestStore(t *testing.T) {
	each(t, func(t *testing.T, place string) {
		s := at(t, place)
		var all []comity.Hash
		for _, data := range []string{"b", "a sealed box", strings.Repeat("x", 1<<20)} {
			h, err := s.Put(ctx, []byte(data))
			if err != nil || h != sha256.Sum256([]byte(data)) {
				t.Fatalf("put: got %v, %v", h, err)
			}
			if again, err := s.Put(ctx, []byte(data)); err != nil || again != h {
				t.Fatalf("put again: got %v, %v", again, err)
			}
			got, err := at(t, place).Get(ctx, h)
			if err != nil || string(got) != data {
				t.Fatalf("get: got %d bytes, %v", len(got), err)
			}
			if ok, err := s.Has(ctx, h); err != nil || !ok {
				t.Errorf("has: got %v, %v", ok, err)
			}
			all = append(all, h)
		}
		slices.SortFunc(all, func(a, b comity.Hash) int { return bytes.Compare(a[:], b[:]) })
		walk := func() (seen []comity.Hash) {
			if err := s.Walk(ctx, func(h comity.Hash, _ int64) error { seen = append(seen, h); return nil }); err != nil {
				t.Fatal(err)
			}
			return seen
		}
		if got := walk(); !slices.Equal(got, all) {
			t.Errorf("walk: got %v, want %v", got, all)
		}
		stop := errors.New("stop")
		if err := s.Walk(ctx, func(comity.Hash, int64) error { return stop }); err != stop {
			t.Errorf("walk that is stopped: got %v", err)
		}
		if _, _, err := s.PutReader(ctx, strings.NewReader("too long"), 7); !errors.Is(err, ErrTooLarge) {
			t.Errorf("more than allowed: got %v", err)
		}
		if h, n, err := s.PutReader(ctx, strings.NewReader("fits"), 4); err != nil || n != 4 || h != sha256.Sum256([]byte("fits")) {
			t.Errorf("put what is read: got %v, %d, %v", h, n, err)
		}
		if err := s.PutVerified(ctx, comity.Hash{1}, strings.NewReader("other"), 9); !errors.Is(err, ErrMismatch) {
			t.Errorf("other bytes: got %v", err)
		}
		for range 2 {
			if err := s.Delete(ctx, all[0]); err != nil {
				t.Errorf("delete: %v", err)
			}
		}
		if ok, err := s.Has(ctx, all[0]); ok || err != nil {
			t.Errorf("has what was deleted: got %v, %v", ok, err)
		}
		if _, err := s.Get(ctx, all[0]); !errors.Is(err, ErrNotFound) {
			t.Errorf("get what was deleted: got %v", err)
		}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := s.Put(ended, []byte("late")); !errors.Is(err, context.Canceled) {
			t.Errorf("put after the end of ctx: got %v", err)
		}
		if _, err := s.Get(ended, all[1]); !errors.Is(err, context.Canceled) {
			t.Errorf("get after the end of ctx: got %v", err)
		}
	})
}

// TestBucketsOfTwo: two prefixes in one bucket do not meet.
func TestBucketsOfTwo(t *testing.T) {
	srv := newS3(t)
	a, b := at(t, srv.place("/a")), at(t, srv.place("/b"))
	h, err := a.Put(ctx, []byte("a's"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(ctx, h); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want none", err)
	}
}

func TestBucketDamaged(t *testing.T) {
	srv := newS3(t)
	s := at(t, srv.place(""))
	h, err := s.Put(ctx, []byte("as it was"))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"as it isn't", "as it wos"} {
		if _, err := srv.objects.PutObject("comity", h.String(), map[string]string{}, strings.NewReader(bad), int64(len(bad)), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(ctx, h); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: got %v", bad, err)
		}
		if _, err := s.Put(ctx, []byte("as it was")); err != nil {
			t.Errorf("repair: %v", err)
		}
		if got, err := s.Get(ctx, h); err != nil || string(got) != "as it was" {
			t.Errorf("repaired: got %q, %v", got, err)
		}
	}
}

// TestBucketFails: what the store refuses is an error, never a blob that is
// not there or a missing one.
func TestBucketFails(t *testing.T) {
	srv := newS3(t)
	s := at(t, srv.place("/x"))
	h, err := s.Put(ctx, []byte("kept"))
	if err != nil {
		t.Fatal(err)
	}
	srv.failing(func(r *http.Request) bool { return true })
	if _, err := s.Put(ctx, []byte("new")); err == nil {
		t.Error("put: no error")
	}
	if _, err := s.Get(ctx, h); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("get: got %v", err)
	}
	if _, err := s.Has(ctx, h); err == nil {
		t.Error("has: no error")
	}
	if err := s.Delete(ctx, h); err == nil {
		t.Error("delete: no error")
	}
	if err := s.Walk(ctx, func(comity.Hash, int64) error { return nil }); err == nil {
		t.Error("walk: no error")
	}
	srv.failing(func(r *http.Request) bool { return r.Method == http.MethodPut })
	if _, err := s.Put(ctx, []byte("new")); err == nil {
		t.Error("put that is refused: no error")
	}
	srv.failing(nil)
	if _, err := s.Get(ctx, sha256.Sum256([]byte("new"))); !errors.Is(err, ErrNotFound) {
		t.Errorf("what was refused: got %v", err)
	}
	r, _, err := s.Open(ctx, h)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != "kept" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestBucketAddress(t *testing.T) {
	srv := newS3(t)
	for place, want := range map[string]string{
		"s3://":                         "write s3://BUCKET",
		"s3://b?endpoint=ftp://x":       "write s3://BUCKET",
		"s3://b?endpont=http://x":       `no parameter "endpont"`,
		"s3://none?endpoint=" + srv.URL: "no such bucket",
		"s3://user:pass@b":              "write s3://BUCKET",
	} {
		if _, err := Open(ctx, place); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", place, err, want)
		}
	}
}

func (s *s3server) versioning(t *testing.T, status gofakes3.VersioningStatus) {
	t.Helper()
	if err := s.objects.SetVersioningConfiguration("comity", gofakes3.VersioningConfiguration{Status: status}); err != nil {
		t.Fatal(err)
	}
}

func refused(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: got %v, want %q", what, err, want)
	}
}

// A bucket that keeps what is removed from it is refused, and so is one that does
// not say whether it does: an erasure would be confirmed that did not happen.
func TestBucketWithVersions(t *testing.T) {
	srv := newS3(t)
	for _, status := range []gofakes3.VersioningStatus{gofakes3.VersioningEnabled, gofakes3.VersioningSuspended} {
		srv.versioning(t, status)
		_, err := Open(ctx, srv.place(""))
		refused(t, "versioning "+string(status), err, "keeps old versions")
	}
	srv.failing(func(r *http.Request) bool { return r.URL.Query().Has("versioning") })
	_, err := Open(ctx, srv.place(""))
	refused(t, "a login that may not ask", err, "s3:GetBucketVersioning")
	if _, err := OpenToRead(ctx, srv.place("")); err != nil {
		t.Errorf("to read: %v", err)
	}
}

// A store that knows no versions has no answer to the question for them.
func TestBucketKnowsNoVersions(t *testing.T) {
	for code, status := range map[string]int{"NotImplemented": http.StatusNotImplemented, "MethodNotAllowed": http.StatusMethodNotAllowed, "": http.StatusNotImplemented} {
		srv := newS3(t)
		srv.answering(func(s3 http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("versioning") {
				w.WriteHeader(status)
				if code != "" {
					io.WriteString(w, "<Error><Code>"+code+"</Code><Message>no</Message></Error>")
				}
				return
			}
			s3.ServeHTTP(w, r)
		})
		s := at(t, srv.place(""))
		h, err := s.Put(ctx, []byte("kept"))
		if err == nil {
			err = s.Delete(ctx, h)
		}
		if err != nil {
			t.Errorf("%d %s: %v", status, code, err)
		}
	}
}

// Versioning is switched on under an open store: nothing more is taken, and nothing
// is said to be removed.
func TestBucketGetsVersions(t *testing.T) {
	srv := newS3(t)
	s := at(t, srv.place("/x"))
	files, err := OpenFiles(ctx, Under(srv.place("/x"), "feeds"), ".zst")
	if err != nil {
		t.Fatal(err)
	}
	h, err := s.Put(ctx, []byte("to be erased"))
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []gofakes3.VersioningStatus{gofakes3.VersioningEnabled, gofakes3.VersioningSuspended} {
		srv.versioning(t, status)
		refused(t, "delete", s.Delete(ctx, h), "keeps old versions")
		refused(t, "remove a file", files.Remove(ctx, h), "keeps old versions")
		if got, err := s.Get(ctx, h); string(got) != "to be erased" {
			t.Errorf("after a delete that was refused: got %q, %v", got, err)
		}
	}
	srv.versioning(t, gofakes3.VersioningEnabled)
	_, err = s.Put(ctx, []byte("new"))
	refused(t, "put", err, "keeps old versions")
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	refused(t, "put a file", files.Put(ctx, h, f), "keeps old versions")
	all, err := srv.objects.ListBucketVersions("comity", nil, nil)
	if err != nil || len(all.Versions) != 1 {
		t.Errorf("in the bucket: %d versions, %v; want only the one from before", len(all.Versions), err)
	}
}

// TestCopy: what is whole is in the other store, what is damaged is left out.
func TestCopy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	from, to := at(t, dir), at(t, newS3(t).place("/ecowas"))
	whole, err := from.Put(ctx, []byte("whole"))
	if err != nil {
		t.Fatal(err)
	}
	damaged, err := from.Put(ctx, []byte("damaged"))
	if err != nil {
		t.Fatal(err)
	}
	name := damaged.String()
	if err := os.WriteFile(filepath.Join(dir, name[:2], name), []byte("damagee"), 0o600); err != nil {
		t.Fatal(err)
	}
	if copied, bad, err := from.Copy(ctx, to); copied != 1 || bad != 1 || err != nil {
		t.Errorf("copied %d, damaged %d, %v; want 1, 1", copied, bad, err)
	}
	if b, err := to.Get(ctx, whole); string(b) != "whole" {
		t.Errorf("got %q, %v", b, err)
	}
	if _, err := to.Get(ctx, damaged); !errors.Is(err, ErrNotFound) {
		t.Errorf("the damaged one: %v, want ErrNotFound", err)
	}
}

// A bucket takes an upload slowly, longer than it may keep us waiting for one byte:
// as long as it goes on taking some it is waited for. One that takes none is not.
func TestBucketTakesSlowly(t *testing.T) {
	defer func(d time.Duration) { stall = d }(stall)
	stall = 400 * time.Millisecond
	const size = 12 << 20
	takes := 4 * stall
	for name, hangs := range map[string]bool{"slow": false, "stuck": true} {
		t.Run(name, func(t *testing.T) {
			srv := newS3(t)
			end := make(chan struct{})
			defer close(end)
			srv.answering(func(s3 http.Handler, w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut {
					r.Body = &slowBody{ReadCloser: r.Body, began: time.Now(), second: int(size * time.Second / takes), hangs: hangs, end: end}
				}
				s3.ServeHTTP(w, r)
			})
			s := at(t, srv.place("/x"))
			began := time.Now()
			_, err := s.Put(ctx, bytes.Repeat([]byte("x"), size))
			switch took := time.Since(began); {
			case hangs && (err == nil || took > patience):
				t.Errorf("got %v after %v, want an error soon", err, took)
			case !hangs && (err != nil || took < takes/2):
				t.Errorf("got %v after %v", err, took)
			}
		})
	}
}

// slowBody is read at a pace, and, if it hangs, only in its first part.
type slowBody struct {
	io.ReadCloser
	began  time.Time
	second int // so many bytes in each
	n      int
	hangs  bool
	end    <-chan struct{}
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.hangs && b.n > 1<<20 {
		<-b.end
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), 16<<10)])
	b.n += n
	time.Sleep(time.Until(b.began.Add(time.Duration(b.n) * time.Second / time.Duration(b.second))))
	return n, err
}
