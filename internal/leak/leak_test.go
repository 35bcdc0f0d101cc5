package leak_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"

	"archive/zip"

	"github.com/comity/comity/internal/leak"
)

func Example() {
	marks := leak.Of("The convoy leaves at dawn")
	file := "log: " + base64.StdEncoding.EncodeToString([]byte("note: The convoy leaves at dawn."))
	fmt.Println(marks.Find([]byte(file)))
	// Output: ["The convoy leaves at dawn" (base64, at byte 13)]
}

const secret = `Überfall "at dawn" <bridge> & 2/3 of the ±guards`

func packed(t *testing.T, open func(io.Writer) io.WriteCloser, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := open(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gz(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
func zl(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }
func fl(w io.Writer) io.WriteCloser {
	f, err := flate.NewWriter(w, flate.BestCompression)
	if err != nil {
		panic(err)
	}
	return f
}

func zipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	w, err := z.Create("a.txt")
	if err == nil {
		_, err = w.Write(b)
	}
	if err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func wide(s string, big bool) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		hi, lo := byte(u>>8), byte(u)
		if big {
			out = append(out, hi, lo)
		} else {
			out = append(out, lo, hi)
		}
	}
	return out
}

// A leak planted in each form, at every alignment, among bytes that mean
// nothing, is found; and nothing is found where nothing is.
func TestPlanted(t *testing.T) {
	marks := leak.Of("another text, which is nowhere", secret)
	noise := func(n int) []byte {
		b := make([]byte, n)
		rand.Read(b)
		return b
	}
	in := func(s string) []byte { return []byte(`{"a":1,"title":"` + s + `","z":[1,2,3]}`) }
	j, _ := json.Marshal(secret)
	quoted := string(j[1 : len(j)-1])
	forms := map[string][]byte{
		"plain":              []byte(secret),
		"lower":              []byte(strings.ToLower(secret)),
		"upper":              []byte(strings.ToUpper(secret)),
		"json":               j,
		"json, ASCII":        []byte(strings.NewReplacer("Ü", `\u00dc`, "±", `\u00b1`, `"`, `\"`).Replace(secret)),
		"go":                 fmt.Appendf(nil, "%q", secret),
		"go, ASCII":          fmt.Appendf(nil, "%+q", secret),
		"go bytes":           fmt.Appendf(nil, "%v", []byte(secret)),
		"html":               []byte(html.EscapeString(secret)),
		"query":              []byte(url.QueryEscape(secret)),
		"path":               []byte(url.PathEscape(secret)),
		"hex":                []byte(hex.EncodeToString([]byte(secret))),
		"HEX":                fmt.Appendf(nil, "%X", secret),
		"hex, spaced":        fmt.Appendf(nil, "% x", secret),
		"utf-16le":           wide(secret, false),
		"utf-16be":           wide(secret, true),
		"gzip":               packed(t, gz, in(secret)),
		"gzip of json":       packed(t, gz, in(quoted)),
		"zlib":               packed(t, zl, in(secret)),
		"zip":                zipped(t, in(secret)),
		"gzip in gzip":       packed(t, gz, packed(t, gz, in(secret))),
		"gzip in base64":     []byte(base64.StdEncoding.EncodeToString(packed(t, gz, in(secret)))),
		"gzip in base64 url": []byte(base64.RawURLEncoding.EncodeToString(packed(t, gz, in(secret)))),
		"zlib in base64":     []byte(base64.StdEncoding.EncodeToString(packed(t, zl, in(secret)))),
		"gzip in hex":        []byte(hex.EncodeToString(packed(t, gz, in(secret)))),
		"base64 in gzip":     packed(t, gz, []byte(base64.StdEncoding.EncodeToString(in(secret)))),
		"half a gzip":        packed(t, gz, append(in(secret), noise(5000)...))[:4000],
	}
	for lead := range 6 {
		text := []byte("......"[:lead] + secret + "...")
		forms[fmt.Sprint("base64 at ", lead)] = []byte(base64.StdEncoding.EncodeToString(text))
		forms[fmt.Sprint("base64 url at ", lead)] = []byte(base64.RawURLEncoding.EncodeToString(text))
	}
	for name, b := range forms {
		for _, at := range []int{0, 1, 3000} {
			// Not of the alphabets, so that a run of them begins and ends here.
			hay := append(append(append(noise(at), '\n'), b...), append([]byte{'\n'}, noise(100)...)...)
			found := marks.Find(hay)
			if len(found) == 0 {
				t.Errorf("%s, after %d bytes: not found", name, at)
			}
			for _, f := range found {
				if f.Text != secret {
					t.Errorf("%s: found %v", name, f)
				}
			}
		}
	}
	if found := marks.Find(packed(t, fl, in(secret))); len(found) == 0 {
		t.Error("a raw deflate stream: not found")
	}
	if found := marks.Find(noise(4 << 20)); len(found) > 0 {
		t.Errorf("in noise: %v", found)
	}
	if found := marks.Find(nil); len(found) > 0 {
		t.Errorf("in nothing: %v", found)
	}
}

// Short texts would be found everywhere.
func TestShort(t *testing.T) {
	if m := leak.Of("alpha", ""); m.Len() != 0 {
		t.Errorf("short texts make %d patterns", m.Len())
	}
}

// What is hostile costs no more than what is not.
func TestBombs(t *testing.T) {
	bomb := packed(t, gz, packed(t, gz, make([]byte, 64<<20)))
	if found := leak.Of(secret).Find(bomb); len(found) > 0 {
		t.Errorf("in zeroes: %v", found)
	}
}

func BenchmarkFind(b *testing.B) {
	hay := make([]byte, 16<<20)
	rand.Read(hay)
	marks := leak.Of(secret, "another text, which is nowhere")
	b.SetBytes(int64(len(hay)))
	for b.Loop() {
		if len(marks.Find(hay)) > 0 {
			b.Fatal("found")
		}
	}
}
