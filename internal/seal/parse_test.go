package seal

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

func sample() Opening {
	o := Opening{Issuer: "ecowas.example", Purpose: Effects, Payload: []byte("payload")}
	for i := range o.Salt {
		o.Salt[i] = byte(i)
	}
	for i := range o.Nonce {
		o.Nonce[i] = 0xab
	}
	return o
}

// The bytes that the package comment promises.
func TestPlaintext(t *testing.T) {
	msg := "comity/seal/v1\neffects\necowas.example\nabababababababababababababababab\npayload"
	want := append(bytes.Clone(sample().salt()), 0, 0, 0, byte(len(msg)))
	want = append(want, msg...)
	want = append(want, make([]byte, 1024-len(want))...)
	if got := sample().plaintext(); !bytes.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	if got := string(sample().Message()); got != msg {
		t.Errorf("got message\n%s\nwant\n%s", got, msg)
	}
}

func (o Opening) salt() []byte { return o.Salt[:] }

func TestClasses(t *testing.T) {
	for n, want := range map[int]int{
		0: 1 << 10, 1: 1 << 10, 1024: 1 << 10, 1025: 2 << 10, 4096: 4 << 10, 4097: 8 << 10, 32769: 64 << 10,
		65536: 64 << 10, 65537: 128 << 10, 131072: 128 << 10, 131073: 192 << 10, MaxPlaintext: MaxPlaintext,
	} {
		if got := plaintextClass(n); got != want {
			t.Errorf("plaintext of %d bytes: class %d, want %d", n, got, want)
		}
	}
	for n, want := range map[int]int{1: 2, 2: 2, 3: 4, 4: 4, 5: 8, 7: 8, 9: 16, 17: 32, 256: 256} {
		if got := recipientClass(n); got != want {
			t.Errorf("%d recipients: class %d, want %d", n, got, want)
		}
	}
	longest := Opening{Issuer: "x", Purpose: Effects}
	longest.Issuer += "." // ParseDomain allows 100 bytes
	header := prefix + len(longest.header()) + 98
	if header != 193 || MaxPayload+header > MaxPlaintext {
		t.Errorf("a header of %d bytes, documented are 193", header)
	}
}

func TestParseRefuses(t *testing.T) {
	message := func(s string) []byte {
		out := append(make([]byte, 32), 0, 0, 0, 0)
		binary.BigEndian.PutUint32(out[32:], uint32(len(s)))
		out = append(out, s...)
		return append(out, make([]byte, plaintextClass(len(out))-len(out))...)
	}
	good := string(sample().Message())
	if _, err := parse(message(good)); err != nil {
		t.Fatal(err)
	}
	edit := func(old, new string) []byte { return message(strings.Replace(good, old, new, 1)) }
	at := func(i int, b byte) []byte {
		out := message(good)
		out[i] = b
		return out
	}
	for name, bad := range map[string][]byte{
		"empty":            nil,
		"only a prefix":    make([]byte, 36),
		"no class":         append(message(good), 0),
		"next class":       append(message(good), make([]byte, 1024)...),
		"dirty filling":    at(1023, 1),
		"length beyond":    at(32, 0xff),
		"length too long":  at(34, 0x04),
		"empty message":    make([]byte, 1024),
		"other version":    edit("v1", "v2"),
		"other purpose":    edit("effects", "minutes"),
		"bad domain":       edit("ecowas.example", "ECOWAS"),
		"upper-case nonce": edit("abab", "ABab"),
		"no hexadecimal":   edit("abab", "xyab"),
		"short nonce":      edit("abab", "ab"),
		"cut in header":    message(good[:50]),
		"no payload line":  message(strings.TrimSuffix(good, "\npayload")),
		"too large":        make([]byte, MaxPlaintext+65536),
	} {
		if o, err := parse(bad); err == nil {
			t.Errorf("%s: parsed as %q", name, o.Message())
		}
	}
}

// Whatever parses is exactly what would be written for it.
func FuzzParse(f *testing.F) {
	f.Add(sample().plaintext())
	empty := sample()
	empty.Payload = nil
	f.Add(empty.plaintext())
	long := sample()
	long.Payload = bytes.Repeat([]byte{0}, 70_000)
	f.Add(long.plaintext())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := parse(b)
		if err != nil {
			return
		}
		if got := o.plaintext(); !bytes.Equal(got, b) {
			t.Errorf("parsed\n%q\nwritten\n%q", b, got)
		}
	})
}
