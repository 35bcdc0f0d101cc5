package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity/comity/comity"
)

var ctx = context.Background()

// disk is a store in a folder, of which a test sees both.
type disk struct {
	*Store
	*folder
}

func openDisk(dir string, o ops) (disk, error) {
	f, err := open(dir, o)
	return disk{&Store{f}, f}, err
}

func newStore(t *testing.T) disk {
	t.Helper()
	s, err := openDisk(filepath.Join(t.TempDir(), "node", "blobs"), osOps{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustPut(t *testing.T, s disk, data string) comity.Hash {
	t.Helper()
	h, err := s.Put(ctx, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// files lists what is in the store, and what was left in tmp.
func files(t *testing.T, s disk) (blobs, tmp []string) {
	t.Helper()
	err := filepath.WalkDir(s.dir, func(p string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || e.IsDir():
			return err
		case filepath.Dir(p) == s.tmp():
			tmp = append(tmp, p)
		default:
			blobs = append(blobs, e.Name())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return blobs, tmp
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}

func TestPutGet(t *testing.T) {
	s := newStore(t)
	for _, data := range []string{"", "x", strings.Repeat("long", 100_000)} {
		h := mustPut(t, s, data)
		if want := comity.Hash(sha256.Sum256([]byte(data))); h != want {
			t.Errorf("%d bytes: got hash %s, want %s", len(data), h, want)
		}
		if again := mustPut(t, s, data); again != h {
			t.Errorf("%d bytes: another hash the second time", len(data))
		}
		got, err := s.Get(ctx, h)
		if err != nil || string(got) != data {
			t.Errorf("%d bytes: got %d bytes, error %v", len(data), len(got), err)
		}
		r, size, err := s.Open(ctx, h)
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(r, []byte(data)); err != nil || size != int64(len(data)) {
			t.Errorf("%d bytes: opened with size %d: %v", len(data), size, err)
		}
		r.Close()
	}
	if b, tmp := files(t, s); len(b) != 3 || len(tmp) != 0 {
		t.Errorf("%d blobs and %d left-overs, want 3 and 0", len(b), len(tmp))
	}
}

func TestOpenAgain(t *testing.T) {
	s := newStore(t)
	h := mustPut(t, s, "kept")
	again, err := Open(ctx, s.dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Get(ctx, h); err != nil || string(got) != "kept" {
		t.Errorf("got %q, error %v", got, err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, file); err == nil {
		t.Error("opened a file as a folder of blobs")
	}
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such modes")
	}
	s := newStore(t)
	h := mustPut(t, s, "x")
	for name, want := range map[string]fs.FileMode{s.dir: 0o700, s.tmp(): 0o700, s.shard(h): 0o700, s.path(h): 0o600} {
		fi, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if fi.Mode().Perm() != want {
			t.Errorf("%s: mode %o, want %o", name, fi.Mode().Perm(), want)
		}
	}
	if rel, _ := filepath.Rel(s.dir, s.path(h)); filepath.ToSlash(rel) != h.String()[:2]+"/"+h.String() {
		t.Errorf("stored as %s", rel)
	}
}

func TestPutReader(t *testing.T) {
	s := newStore(t)
	h, n, err := s.PutReader(ctx, iotest.OneByteReader(strings.NewReader("12345")), 5)
	if err != nil || n != 5 || h != sha256.Sum256([]byte("12345")) {
		t.Errorf("got %s, %d bytes, error %v", h, n, err)
	}
	if _, _, err := s.PutReader(ctx, strings.NewReader("12345"), 100); err != nil {
		t.Errorf("a second time: %v", err)
	}
	_, _, err = s.PutReader(ctx, strings.NewReader("123456"), 5)
	wantErr(t, err, ErrTooLarge)
	_, _, err = s.PutReader(ctx, endless{}, 1<<20)
	wantErr(t, err, ErrTooLarge)
	_, _, err = s.PutReader(ctx, iotest.DataErrReader(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("1234")))), 9)
	wantErr(t, err, iotest.ErrTimeout)
	if b, tmp := files(t, s); len(b) != 1 || len(tmp) != 0 {
		t.Errorf("%d blobs and %d left-overs, want 1 and 0", len(b), len(tmp))
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestPutVerified(t *testing.T) {
	s := newStore(t)
	want := comity.Hash(sha256.Sum256([]byte("right")))
	wantErr(t, s.PutVerified(ctx, want, strings.NewReader("wrong"), 5), ErrMismatch)
	wantErr(t, s.PutVerified(ctx, want, strings.NewReader("right, and more"), 5), ErrTooLarge)
	if b, tmp := files(t, s); len(b)+len(tmp) != 0 {
		t.Errorf("kept %q and %q", b, tmp)
	}
	if err := s.PutVerified(ctx, want, strings.NewReader("right"), 5); err != nil {
		t.Error(err)
	}
	if err := s.PutVerified(ctx, want, iotest.ErrReader(errors.New("read")), 5); err != nil {
		t.Errorf("what is there was read again: %v", err)
	}
}

func TestNotFound(t *testing.T) {
	s := newStore(t)
	for _, h := range []comity.Hash{{}, {0: 0xab}} {
		_, err := s.Get(ctx, h)
		wantErr(t, err, ErrNotFound)
		_, _, err = s.Open(ctx, h)
		wantErr(t, err, ErrNotFound)
		if ok, err := s.Has(ctx, h); ok || err != nil {
			t.Errorf("has %x: %v, error %v", h[:], ok, err)
		}
		if err := s.Delete(ctx, h); err != nil {
			t.Errorf("removing what is not there: %v", err)
		}
	}
}

func TestDelete(t *testing.T) {
	s := newStore(t)
	h, other := mustPut(t, s, "erase me"), mustPut(t, s, "keep me")
	if ok, err := s.Has(ctx, h); !ok || err != nil {
		t.Errorf("has: %v, error %v", ok, err)
	}
	for range 2 {
		if err := s.Delete(ctx, h); err != nil {
			t.Fatal(err)
		}
	}
	if ok, err := s.Has(ctx, h); ok || err != nil {
		t.Errorf("has what was removed: %v, error %v", ok, err)
	}
	if b, _ := files(t, s); len(b) != 1 || b[0] != other.String() {
		t.Errorf("left are %q, want only %s", b, other)
	}
	if h2 := mustPut(t, s, "erase me"); h2 != h {
		t.Error("cannot be put again")
	}
}

// Bytes changed on the disk are not given out, and Put repairs them.
func TestDamaged(t *testing.T) {
	const good = "the whole text of a blob"
	for name, damage := range map[string]string{
		"changed": "the whole text of a blot", "cut": "the whole", "longer": good + "!", "empty": "",
	} {
		s := newStore(t)
		h := mustPut(t, s, good)
		if err := os.WriteFile(s.path(h), []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := s.Get(ctx, h)
		if wantErr(t, err, ErrCorrupt); b != nil {
			t.Errorf("%s: got %q", name, b)
		}
		if r, size, err := s.Open(ctx, h); err == nil {
			var got bytes.Buffer
			n, err := io.Copy(&got, iotest.OneByteReader(r))
			if wantErr(t, err, ErrCorrupt); n >= size {
				t.Errorf("%s: all %d bytes given out", name, n)
			}
			r.Close()
		} else {
			wantErr(t, err, ErrCorrupt)
		}
		mustPut(t, s, good)
		if b, err := s.Get(ctx, h); err != nil || string(b) != good {
			t.Errorf("%s: not repaired: %q, error %v", name, b, err)
		}
	}
}

func TestShortenedWhileRead(t *testing.T) {
	s := newStore(t)
	h := mustPut(t, s, "0123456789")
	r, _, err := s.Open(ctx, h)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := os.Truncate(s.path(h), 4); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if wantErr(t, err, ErrCorrupt); len(got) > 4 {
		t.Errorf("got %q", got)
	}
}

func TestWalk(t *testing.T) {
	s := newStore(t)
	want := map[comity.Hash]int64{}
	for i := range 600 {
		data := strings.Repeat("x", i)
		want[mustPut(t, s, data)] = int64(i)
	}
	any := mustPut(t, s, "")
	for _, name := range []string{"README", strings.ToUpper(any.String()), strings.Repeat("00", 32)} {
		if err := os.WriteFile(filepath.Join(s.shard(any), name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := map[comity.Hash]int64{}
	var last comity.Hash
	err := s.Walk(ctx, func(h comity.Hash, size int64) error {
		if bytes.Compare(last[:], h[:]) > 0 {
			t.Errorf("%s after %s", h, last)
		}
		got[h], last = size, h
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	stop, n := errors.New("stop"), 0
	err = s.Walk(ctx, func(comity.Hash, int64) error { n++; return stop })
	if wantErr(t, err, stop); n != 1 {
		t.Errorf("went on for %d blobs after an error", n-1)
	}
	// Removing while walking is what an erasure does.
	if err := s.Walk(ctx, func(h comity.Hash, _ int64) error { return s.Delete(ctx, h) }); err != nil {
		t.Error(err)
	}
}

func TestSweep(t *testing.T) {
	s := newStore(t)
	old, fresh := filepath.Join(s.tmp(), "put-1"), filepath.Join(s.tmp(), "put-2")
	now := time.Date(2003, 4, 11, 12, 0, 0, 0, time.UTC)
	for name, at := range map[string]time.Time{old: now.Add(-2 * time.Hour), fresh: now} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	n, err := s.Sweep(ctx, now.Add(-time.Hour))
	if err != nil || n != 1 {
		t.Errorf("removed %d, error %v, want 1", n, err)
	}
	if _, tmp := files(t, s); len(tmp) != 1 || tmp[0] != fresh {
		t.Errorf("left are %q, want %s", tmp, fresh)
	}
}

func TestContextEnds(t *testing.T) {
	s := newStore(t)
	h := mustPut(t, s, "there")
	r, _, err := s.Open(ctx, h)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	ended, cancel := context.WithCancel(ctx)
	during := readerFunc(func(p []byte) (int, error) { cancel(); return copy(p, "some"), nil })
	_, _, err = s.PutReader(ended, during, 1<<30)
	wantErr(t, err, context.Canceled)

	_, err = s.Put(ended, []byte("x"))
	wantErr(t, err, context.Canceled)
	_, err = s.Get(ended, h)
	wantErr(t, err, context.Canceled)
	_, err = s.Has(ended, h)
	wantErr(t, err, context.Canceled)
	wantErr(t, s.Delete(ended, h), context.Canceled)
	wantErr(t, s.Walk(ended, func(comity.Hash, int64) error { return nil }), context.Canceled)
	if b, tmp := files(t, s); len(b) != 1 || len(tmp) != 0 {
		t.Errorf("%d blobs and %d left-overs, want 1 and 0", len(b), len(tmp))
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestConcurrent(t *testing.T) {
	s := newStore(t)
	twin, err := openDisk(s.dir, osOps{}) // as another process would
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 20 {
				store := []disk{s, twin}[i%2]
				data := []byte(strings.Repeat("y", 10_000+j%5))
				h, err := store.Put(ctx, data)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := s.Get(ctx, h)
				if errors.Is(err, ErrNotFound) && j%5 == 4 {
					continue
				}
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("got %d bytes, error %v", len(got), err)
				}
				if j%5 == 4 { // one of the five is also removed all the time
					if err := twin.Delete(ctx, h); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if b, tmp := files(t, s); len(b) < 4 || len(b) > 5 || len(tmp) != 0 {
		t.Errorf("%d blobs and %d left-overs, want 4 or 5 and 0", len(b), len(tmp))
	}
}

// faulty fails one call, before or after it took effect.
type faulty struct {
	osOps
	call  string // which
	after bool   // it took effect, and is reported lost
	seen  []string
}

var errFull = &fs.PathError{Op: "test", Path: "disk", Err: syscall.ENOSPC}

func (f *faulty) do(call string, effect func() error) error {
	f.seen = append(f.seen, call)
	if call != f.call {
		return effect()
	}
	if f.after {
		effect()
	}
	return errFull
}

func (f *faulty) mkdir(dir string) error {
	return f.do("mkdir "+shape(dir), func() error { return f.osOps.mkdir(dir) })
}

func (f *faulty) create(dir string) (file, error) {
	var out file
	err := f.do("create", func() (err error) { out, err = f.osOps.create(dir); return err })
	if err != nil {
		return nil, err
	}
	return &faultyFile{out, f}, nil
}

func (f *faulty) rename(from, to string) error {
	return f.do("rename", func() error { return f.osOps.rename(from, to) })
}

func (f *faulty) remove(name string) error {
	return f.do("remove", func() error { return f.osOps.remove(name) })
}

func (f *faulty) syncDir(dir string) error {
	return f.do("sync "+shape(dir), func() error { return f.osOps.syncDir(dir) })
}

// shape names the role of a folder.
func shape(dir string) string {
	if b := filepath.Base(dir); len(b) == 2 {
		return "shard"
	}
	return "blobs"
}

type faultyFile struct {
	file
	f *faulty
}

func (f *faultyFile) Write(p []byte) (n int, err error) {
	if f.f.call == "short write" {
		return f.file.Write(p[:len(p)/2])
	}
	err = f.f.do("write", func() error { n, err = f.file.Write(p); return err })
	if err != nil {
		n, _ = f.file.Write(p[:len(p)/2])
	}
	return n, err
}

func (f *faultyFile) Sync() error  { return f.f.do("fsync", f.file.Sync) }
func (f *faultyFile) Close() error { return f.f.do("close", f.file.Close) }

// Each step of a Put fails, not applied and applied but reported lost: the
// caller hears it, nobody reads half a blob, and the next Put succeeds.
func TestFailedPut(t *testing.T) {
	data := []byte("a blob that meets a full disk")
	h := comity.Hash(sha256.Sum256(data))
	puts := map[string]func(disk) error{
		"Put":         func(s disk) error { _, err := s.Put(ctx, data); return err },
		"PutReader":   func(s disk) error { _, _, err := s.PutReader(ctx, bytes.NewReader(data), 100); return err },
		"PutVerified": func(s disk) error { return s.PutVerified(ctx, h, bytes.NewReader(data), 100) },
	}
	for _, call := range []string{"create", "write", "short write", "fsync", "close", "mkdir shard", "sync blobs", "rename", "sync shard"} {
		for _, after := range []bool{false, true} {
			for name, put := range puts {
				t.Run(fmt.Sprintf("%s/%s/after=%v", name, call, after), func(t *testing.T) {
					s := newStore(t)
					f := &faulty{call: call, after: after}
					s.ops = f
					err := put(s)
					if call == "short write" {
						wantErr(t, err, io.ErrShortWrite)
					} else {
						wantErr(t, err, syscall.ENOSPC)
					}
					if b, err := s.Get(ctx, h); err == nil && !bytes.Equal(b, data) || err != nil && !errors.Is(err, ErrNotFound) {
						t.Errorf("after the failure: %q, error %v", b, err)
					}
					_, tmp := files(t, s)
					if created := call == "create" && after; len(tmp) != 0 && !created {
						t.Errorf("left behind: %q", tmp)
					}

					f.call, f.seen = "", nil
					if err := put(s); err != nil {
						t.Fatalf("again: %v", err)
					}
					if last := f.seen[len(f.seen)-1]; last != "sync shard" {
						t.Errorf("the last step was %s; the name is not durable", last)
					}
					if b, err := s.Get(ctx, h); err != nil || !bytes.Equal(b, data) {
						t.Errorf("again: %q, error %v", b, err)
					}
				})
			}
		}
	}
}

func TestOrderOfPut(t *testing.T) {
	s := newStore(t)
	f := &faulty{}
	s.ops = f
	mustPut(t, s, "x")
	want := []string{"create", "write", "fsync", "close", "mkdir shard", "sync blobs", "rename", "sync shard"}
	if diff := cmp.Diff(want, f.seen); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	f.seen = nil
	mustPut(t, s, "x")
	if diff := cmp.Diff([]string{"sync shard"}, f.seen); diff != "" {
		t.Errorf("a second time: -want +got:\n%s", diff)
	}
}

func TestFailedDelete(t *testing.T) {
	for _, call := range []string{"remove", "sync shard"} {
		for _, after := range []bool{false, true} {
			s := newStore(t)
			h := mustPut(t, s, "x")
			f := &faulty{call: call, after: after}
			s.ops = f
			wantErr(t, s.Delete(ctx, h), syscall.ENOSPC)
			f.call, f.seen = "", nil
			if err := s.Delete(ctx, h); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff([]string{"remove", "sync shard"}, f.seen); diff != "" {
				t.Errorf("%s failed, again: -want +got:\n%s", call, diff)
			}
			if ok, _ := s.Has(ctx, h); ok {
				t.Errorf("%s failed, again: still there", call)
			}
		}
	}
}

func TestFailedOpen(t *testing.T) {
	for _, call := range []string{"mkdir blobs", "sync blobs"} {
		dir := filepath.Join(t.TempDir(), "blobs")
		if _, err := open(dir, &faulty{call: call}); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "check that it can be written") {
			t.Errorf("%s failed: got error %v", call, err)
		}
		if _, err := Open(ctx, dir); err != nil {
			t.Errorf("%s failed, again: %v", call, err)
		}
	}
}

// A step that fails is done or not, as the fault says; and is told so.
func TestFailing(t *testing.T) {
	s := newStore(t)
	broken := errors.New("broken")
	var steps []string
	applied := false
	f := s.Failing(func(step string) (bool, error) {
		steps = append(steps, step)
		return applied, broken
	})
	h := comity.Hash(sha256.Sum256([]byte("a box")))
	for _, applied = range []bool{false, true} {
		if _, err := f.Put(ctx, []byte("a box")); !errors.Is(err, broken) {
			t.Errorf("put: %v", err)
		}
		if there, err := f.Has(ctx, h); err != nil || there != applied {
			t.Errorf("after a put that was applied: %v, it is there: %v, %v", applied, there, err)
		}
	}
	for _, applied = range []bool{false, true} {
		if err := f.Delete(ctx, h); !errors.Is(err, broken) {
			t.Errorf("delete: %v", err)
		}
		if there, err := f.Has(ctx, h); err != nil || there == applied {
			t.Errorf("after a delete that was applied: %v, it is there: %v, %v", applied, there, err)
		}
	}
	if _, _, err := f.PutReader(ctx, strings.NewReader("a box"), 10); !errors.Is(err, broken) {
		t.Errorf("put from a reader: %v", err)
	}
	if want := "put put delete delete put"; strings.Join(steps, " ") != want {
		t.Errorf("steps: %q, want %s", steps, want)
	}
}
