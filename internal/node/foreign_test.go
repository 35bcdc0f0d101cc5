package node

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/comity"
)

// tarOf writes members as they are: names and contents in turn.
func tarOf(f *testing.F, members ...string) []byte {
	f.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		err := w.WriteHeader(&tar.Header{Name: members[i], Size: int64(len(members[i+1])), Mode: 0o600, Typeflag: tar.TypeReg})
		if err == nil {
			_, err = io.WriteString(w, members[i+1])
		}
		if err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	return b.Bytes()
}

// Whatever stands in a backup, nothing of it is put outside the folder, no root
// key is, no more comes out than went in, and what is cut off is not whole.
func FuzzArchive(f *testing.F) {
	head, err := json.Marshal(archiveHead{Backup: archiveVersion, Domain: "un.example", Name: "UN", Made: time.Unix(0, 0)})
	if err != nil {
		f.Fatal(err)
	}
	end := func(m, r, b int64) string { return fmt.Sprintf(`{"members":%d,"rows":%d,"blobs":%d}`, m, r, b) }
	sum := comity.Hash(sha256.Sum256([]byte("box")))
	good := []string{headMember, string(head), settingsFile, "{}", "keys/log.key", "k", "database/000000", "one\ntwo\n", "blobs/" + sum.String(), "box"}
	f.Add(tarOf(f, append(slices.Clone(good), endMember, end(5, 2, 1))...))
	f.Add(tarOf(f, append(slices.Clone(good), "database/000001", "three\n", endMember, end(6, 3, 1))...))
	f.Add(tarOf(f, append(slices.Clone(good), "feeds/"+sum.String(), "packed", endMember, `{"members":6,"rows":2,"blobs":1,"feeds":1}`)...))
	f.Add(tarOf(f, good...))
	for _, name := range []string{"../x", "/etc/passwd", "keys/../../x", "keys/..", "keys/root.key", "keys/./root.key", "keys//root.key", "x/../keys/a", "blobs/../x", "feeds/../x", "database/x", `keys\..\..\x`} {
		f.Add(tarOf(f, headMember, string(head), name, "x", endMember, end(2, 0, 0)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var out int64
		files, blobs, feeds := 0, int64(0), int64(0)
		lines := int64(-1)
		got, err := readArchive(t.Context(), bytes.NewReader(b), target{
			database: func(r io.Reader) (int64, error) {
				data, err := io.ReadAll(r)
				out += int64(len(data))
				lines = int64(bytes.Count(data, []byte("\n")))
				return lines, err
			},
			blob: func(h comity.Hash, r io.Reader, size int64) error {
				data, err := io.ReadAll(io.LimitReader(r, size))
				out += int64(len(data))
				blobs++
				if err == nil && h != comity.Hash(sha256.Sum256(data)) {
					err = errors.New("another blob")
				}
				return err
			},
			feed: func(h comity.Hash, packed io.Reader) error {
				data, err := io.ReadAll(packed)
				out += int64(len(data))
				feeds++
				return err
			},
			file: func(name string, data []byte) error {
				files++
				out += int64(len(data))
				clean := filepath.ToSlash(filepath.Clean(name))
				dir, base := filepath.Split(clean)
				if clean != filepath.ToSlash(name) || !filepath.IsLocal(name) || base == RootKeyFile || base == ".." || base == "." || strings.ContainsRune(base, 0) ||
					dir != "keys/" && !(dir == "" && (base == settingsFile || slices.Contains(operatorFiles(), base))) {
					t.Errorf("a file is put at %q", name)
				}
				return nil
			},
		})
		if out > int64(len(b)) && !sparse(b) {
			t.Errorf("%d bytes out of %d", out, len(b))
		}
		if err == nil && (got.Rows != lines || got.Blobs != blobs || got.Feeds != feeds || got.Domain == "" || !bytes.Contains(b, []byte(endMember))) {
			t.Errorf("taken for whole: %+v, of %d lines and %d blobs", got, lines, blobs)
		}
	})
}

// sparse reports whether a tar may have members with holes.
func sparse(b []byte) bool {
	return bytes.Contains(b, []byte("GNU.sparse")) || bytes.ContainsRune(b, 'S')
}

// A backup is gzipped; whatever is, or is not, opened without identities reads
// as gzip does.
func FuzzOpenArchive(f *testing.F) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, "text")
	z.Close()
	f.Add(b.Bytes())
	f.Add([]byte("age-encryption.org/v1\n-> X25519 abc\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := openArchive(bytes.NewReader(b), nil)
		z, errZ := gzip.NewReader(bytes.NewReader(b))
		if (err == nil) != (errZ == nil) {
			t.Fatalf("opened: %v; by gzip: %v", err, errZ)
		}
		if err != nil {
			return
		}
		const most = 1 << 20
		got, err := io.ReadAll(io.LimitReader(r, most))
		want, errZ := io.ReadAll(io.LimitReader(z, most))
		if !bytes.Equal(got, want) || (err == nil) != (errZ == nil) {
			t.Errorf("%d bytes, %v; by gzip %d, %v", len(got), err, len(want), errZ)
		}
	})
}

// Whatever a stranger asks a whole node, it answers, does not fail, and records
// nothing.
func FuzzNode(f *testing.F) {
	dir := f.TempDir()
	if err := Init(dir, "un.example", "United Nations"); err != nil {
		f.Fatal(err)
	}
	n, err := Open(f.Context(), Config{Dir: dir})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { n.Close() })
	h := n.Handler()
	for _, path := range []string{"/", "/journal/checkpoint", "/journal/blob/" + strings.Repeat("ab", 32), "/journal/keys", "/acts/un.example/0", "/acts/un.example/0/proof", "/find?q=x&after=-1",
		"/record?after=99999999999999999999", "/api/v1/acts?after=1&limit=2", "/api/v1/acts/un.example/0/proof?wait=0", "/board?lang=ar", "/mirror/x/checkpoint", "/%00", "/..%2f..%2fetc", "/static/../x", "/sign-in?t=x"} {
		f.Add("GET", path, "text/plain", "Bearer x", "", "ar, en;q=0.5", []byte{})
	}
	f.Add("POST", "/journal/witness/add-checkpoint", "text/plain", "", "", "", []byte("old 0\n\nun.example/journal\n1\nAAAA\n\n— x AAAA\n"))
	f.Add("POST", "/mirror/add-entries", "application/octet-stream", "", "", "", []byte{0, 1, 'x', 0, 0})
	f.Add("POST", "/mirror/add-checkpoint", "text/plain", "", "", "", []byte("old 0\n"))
	f.Add("POST", "/sign-in", "application/x-www-form-urlencoded", "", "comity_session_un_example=x", "", []byte("t=x"))
	f.Add("POST", "/api/v1/acts", "application/json", "Basic x", "", "", []byte("{}"))
	f.Fuzz(func(t *testing.T, method, path, contentType, authorization, cookie, language string, body []byte) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://un.example/", bytes.NewReader(body))
		if err != nil || !strings.HasPrefix(path, "/") || strings.Contains(path, "stream") || strings.Contains(path, "wait=") {
			return // a stream has no end
		}
		if r.URL, err = r.URL.Parse(path); err != nil || r.URL.Host != "un.example" {
			return // a server would not take it for a request
		}
		r.RequestURI = path
		for name, v := range map[string]string{"Content-Type": contentType, "Authorization": authorization, "Cookie": cookie, "Accept-Language": language} {
			if v != "" {
				r.Header.Set(name, v)
			}
		}
		size := n.journal.Head().Size
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Errorf("%s %q: %d %.300s", method, path, w.Code, w.Body)
		}
		if n.journal.Head().Size != size {
			t.Errorf("%s %q recorded something", method, path)
		}
	})
}
