package verified

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

// signedBy is a note under signatures of so many keys, and their verifiers.
func signedBy(t testing.TB, text string, n int) (signed []byte, vs []note.Verifier) {
	t.Helper()
	var signers []note.Signer
	for i := range n {
		secret, public, err := note.GenerateKey(rand.Reader, fmt.Sprintf("%d.example/journal", i))
		if err != nil {
			t.Fatal(err)
		}
		s, err1 := note.NewSigner(secret)
		v, err2 := note.NewVerifier(public)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		signers, vs = append(signers, s), append(vs, v)
	}
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return signed, vs
}

// What is left of a note opens to the same text and the same signatures.
func TestBy(t *testing.T) {
	signed, vs := signedBy(t, "text\n\n— 1.example/journal AAAAAAAA\n\nmore\n", 4)
	_, strangers := signedBy(t, "text\n", 1)
	for _, known := range [][]note.Verifier{{vs[0]}, {vs[3], vs[1]}, vs} {
		short := By(signed, known...)
		if got, want := bytes.Count(short, []byte("\n"))-bytes.Count(signed, []byte("\n")), len(known)-len(vs); got != want {
			t.Errorf("under %d of %d keys the note has %d lines more", len(known), len(vs), got)
		}
		got, err1 := note.Open(short, note.VerifierList(known...))
		want, err2 := note.Open(signed, note.VerifierList(known...))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if got.Text != want.Text || !slices.Equal(got.Sigs, want.Sigs) || len(got.UnverifiedSigs) > 0 {
			t.Errorf("what is left opens as %+v, want %+v", got, want)
		}
	}
	for i, v := range vs {
		if !Bears(signed, v) || Bears(By(signed, vs[(i+1)%4]), v) {
			t.Errorf("the signature of %s is not told", v.Name())
		}
	}
	if Bears(signed, strangers[0]) || !bytes.Equal(By(signed, strangers...), signed) {
		t.Error("a note that a stranger has not signed is not left as it is") // it has the name of one that has
	}
}

// Open takes more lines than note.Open, and one that fails spoils nothing.
func TestOpen(t *testing.T) {
	const many = 150
	signed, vs := signedBy(t, "text\n\nmore\n", many)
	lines := bytes.SplitAfter(signed, []byte("\n"))
	forged := bytes.Clone(signed)
	// The first: the text has three lines, and an empty one follows.
	sig := lines[4]
	spoiled := &forged[bytes.Index(forged, sig)+len(sig)-10] // a letter of it
	*spoiled = map[bool]byte{true: 'B', false: 'A'}[*spoiled == 'A']
	for _, c := range []struct {
		what   string
		signed []byte
		known  []note.Verifier
		want   int
	}{
		{"all known", signed, vs, many},
		{"some known", signed, vs[140:], 10},
		{"one unknown key", signed, vs[:1], 1},
		{"a line twice", append(bytes.Clone(signed), sig...), vs, many},
		{"one that fails", forged, vs, many - 1},
	} {
		n, err := Open(c.signed, note.VerifierList(c.known...))
		if err != nil || len(n.Sigs) != c.want || n.Text != "text\n\nmore\n" {
			t.Errorf("%s: %+v, %v; want %d signatures", c.what, n, err, c.want)
		}
	}
	for what, b := range map[string][]byte{
		"of strangers alone": By(signed, vs[0]), "a line that is none": append(bytes.Clone(signed), "x\n"...),
		"cut": signed[:len(signed)-1], "no text": []byte("x"),
	} {
		if _, err := Open(b, note.VerifierList(vs[1:]...)); err == nil {
			t.Errorf("%s: opens", what)
		}
	}
}

// Nothing that does not open opens for what was left out of it, unless what was
// left out is a line of another key that cannot be decoded; and nothing else
// opens otherwise.
func FuzzBy(f *testing.F) {
	signed, vs := signedBy(f, "text\n", 3)
	f.Add(signed)
	for _, old := range []string{"\n\n", "— ", " ", "text", "="} {
		f.Add(bytes.Replace(signed, []byte(old), nil, 1))
		f.Add(bytes.ReplaceAll(signed, []byte(old), []byte(strings.Repeat(old, 2))))
	}
	f.Add(append(bytes.Clone(signed), "— 0.example/journal AAAA\n"...))
	f.Add(append(bytes.Clone(signed), '\n'))
	f.Add(signed[:len(signed)-1])
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err1 := note.Open(By(b, vs[0]), note.VerifierList(vs[0]))
		want, err2 := note.Open(b, note.VerifierList(vs[0]))
		if err2 == nil {
			if err1 != nil || got.Text != want.Text || !slices.Equal(got.Sigs, want.Sigs) {
				t.Fatalf("%q opens as %+v (%v), want %+v", b, got, err1, want)
			}
			if !Bears(b, vs[0]) {
				t.Fatalf("%q has a signature that is not told", b)
			}
			return
		}
		if err1 == nil && !bytes.Contains(b, []byte(got.Text+"\n")) {
			t.Fatalf("%q opens as %q", b, got.Text)
		}
		if err1 != nil && bytes.Equal(By(b, vs[0]), b) && !reflect.DeepEqual(err1, err2) {
			t.Fatalf("%q fails with %v, want %v", b, err1, err2)
		}
	})
}

func BenchmarkBy(b *testing.B) {
	signed, vs := signedBy(b, "text\n", 1)
	for i := range 6 { // post-quantum cosignatures
		signed = append(signed, fmt.Sprintf("— %d.example/witness %s\n", i, strings.Repeat("ABCD", 810))...)
	}
	for name, open := range map[string]func() error{
		"all lines": func() error { _, err := note.Open(signed, note.VerifierList(vs...)); return err },
		"one line":  func() error { _, err := note.Open(By(signed, vs...), note.VerifierList(vs...)); return err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := open(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
