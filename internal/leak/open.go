package leak

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"io"
	"strings"
)

// maxPlain bounds what is read of one compressed stream.
const maxPlain = 16 << 20

// begins are the first two bytes of what open knows.
var begins = func() (t [1 << 16]bool) {
	for _, s := range []string{"\x1f\x8b", "\x78\x01", "\x78\x5e", "\x78\x9c", "\x78\xda", "PK", "H4", "eJ", "eN", "eA", "eF", "1f", "1F", "78"} {
		t[key(s[0], s[1])] = true
	}
	return t
}()

// open searches the stream that may begin at b[i].
func (m *Marks) open(b []byte, i int, say func(Found), depth int) {
	rest := b[i:]
	form, plain := "", []byte(nil)
	switch {
	case bytes.HasPrefix(rest, []byte("\x1f\x8b\x08")):
		form, plain = "gzip", gunzip(rest)
	case rest[0] == 0x78:
		form, plain = "zlib", inflate(rest)
	case bytes.HasPrefix(rest, []byte("PK\x03\x04")) && len(rest) > 30:
		from := 30 + int(binary.LittleEndian.Uint16(rest[26:])) + int(binary.LittleEndian.Uint16(rest[28:]))
		form, plain = "zip", deflated(rest, from)
	case bytes.HasPrefix(rest, []byte("H4sI")) || rest[0] == 'e':
		form, plain = "base64", compressed(unbase64(rest))
	case rest[0] == '1' && len(rest) > 2 && rest[2] == '8' || rest[0] == '7' && rest[1] == '8':
		form, plain = "hexadecimal", compressed(unhex(rest))
	}
	if len(plain) > 0 {
		m.find(plain, inside(form, i, say), depth+1)
	}
}

// compressed returns b if it begins as a gzip or zlib stream that can be
// opened.
func compressed(b []byte) []byte {
	if gunzip(b) == nil && inflate(b) == nil {
		return nil
	}
	return b
}

// opened reads what a stream gives before it ends or breaks: a part is enough
// for a text to have leaked.
func opened(r io.Reader, err error) []byte {
	if err != nil {
		return nil
	}
	b, _ := io.ReadAll(io.LimitReader(r, maxPlain))
	return b
}

func gunzip(b []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(b))
	return opened(z, err)
}

func inflate(b []byte) []byte {
	z, err := zlib.NewReader(bytes.NewReader(b))
	return opened(z, err)
}

func deflated(b []byte, from int) []byte {
	if from >= len(b) {
		return nil
	}
	return opened(flate.NewReader(bytes.NewReader(b[from:])), nil)
}

// run is the longest beginning of b of some characters.
func run(b []byte, of string) string {
	n := bytes.IndexFunc(b, func(r rune) bool { return !strings.ContainsRune(of, r) })
	if n < 0 {
		n = len(b)
	}
	return string(b[:n])
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func unbase64(b []byte) []byte {
	s := strings.NewReplacer("-", "+", "_", "/").Replace(run(b, alphanumeric+"+/-_"))
	if len(s)%4 == 1 {
		s = s[:len(s)-1]
	}
	out, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	return out
}

func unhex(b []byte) []byte {
	s := run(b, "0123456789abcdefABCDEF")
	out, err := hex.DecodeString(s[:len(s)&^1])
	if err != nil {
		return nil
	}
	return out
}
