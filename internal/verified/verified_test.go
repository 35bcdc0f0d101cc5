package verified

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A signature is remembered for its key, its text and its own bytes, and for
// nothing else.
func TestVerify(t *testing.T) {
	logs := [2]note.Signer{}
	witnesses := [2]note.Signer{}
	var logKeys, witnessKeys [2]string
	for i := range 2 {
		secret, public, err := note.GenerateKey(rand.Reader, "un.example/journal")
		if err != nil {
			t.Fatal(err)
		}
		logKeys[i] = public
		if logs[i], err = note.NewSigner(secret); err != nil {
			t.Fatal(err)
		}
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		s, err := torchwood.NewCosignatureSigner("au.example/witness", key)
		if err != nil {
			t.Fatal(err)
		}
		witnesses[i], witnessKeys[i] = s, s.Verifier().String()
	}
	text := func(n int64) []byte {
		return []byte(torchwood.Checkpoint{Origin: "un.example/journal", Tree: tlog.Tree{N: n}}.String())
	}
	for name, x := range map[string]struct {
		keys    [2]string
		signers [2]note.Signer
		parse   func(string) (note.Verifier, error)
	}{"log": {logKeys, logs, Log}, "witness": {witnessKeys, witnesses, Cosigner}} {
		t.Run(name, func(t *testing.T) {
			v, err := x.parse(x.keys[0])
			if err != nil {
				t.Fatal(err)
			}
			other, err := x.parse(x.keys[1])
			if err != nil {
				t.Fatal(err)
			}
			sig, err := x.signers[0].Sign(text(1))
			if err != nil {
				t.Fatal(err)
			}
			changed := bytes.Clone(sig)
			changed[len(changed)-1] ^= 1
			for range 2 {
				if !v.Verify(text(1), sig) {
					t.Error("a valid signature is not valid")
				}
				if v.Verify(text(2), sig) || v.Verify(text(1), changed) || other.Verify(text(1), sig) {
					t.Error("another text, signature or key passes for the one that was verified")
				}
			}
			if v.Name() != x.signers[0].Name() || v.KeyHash() != x.signers[0].KeyHash() {
				t.Errorf("the verifier is of %s %08x, want %s %08x", v.Name(), v.KeyHash(), x.signers[0].Name(), x.signers[0].KeyHash())
			}
		})
	}
	if _, err := Log(witnessKeys[0]); err == nil {
		t.Error("a witness's key passes for a log's")
	}
	if _, err := Cosigner(logKeys[0]); err == nil {
		t.Error("a log's key passes for a witness's")
	}
}

// What was valid is not verified again, what was not is.
func TestOnce(t *testing.T) {
	asked := 0
	verify := func(is bool) func(msg, sig []byte) bool {
		return func(_, _ []byte) bool { asked++; return is }
	}
	once := func(is bool, want int) {
		t.Helper()
		asked = 0
		for range 3 {
			if Once("key", []byte("text"), []byte("signature"), verify(is)) != is {
				t.Errorf("what is %v comes back otherwise", is)
			}
		}
		if asked != want {
			t.Errorf("three times %v was verified %d times, want %d", is, asked, want)
		}
	}
	once(false, 3)
	once(true, 1)
	asked = 0
	if Once("ke", []byte("ytext"), []byte("signature"), verify(false)) || asked != 1 {
		t.Error("bytes that move from one part to another make no difference")
	}
}

func BenchmarkVerify(b *testing.B) {
	secret, public, err := note.GenerateKey(rand.Reader, "un.example/journal")
	if err != nil {
		b.Fatal(err)
	}
	s, err := note.NewSigner(secret)
	if err != nil {
		b.Fatal(err)
	}
	text := make([]byte, 100)
	sig, err := s.Sign(text)
	if err != nil {
		b.Fatal(err)
	}
	for name, parse := range map[string]func(string) (note.Verifier, error){"computed": note.NewVerifier, "remembered": Log} {
		b.Run(name, func(b *testing.B) {
			v, err := parse(public)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if !v.Verify(text, sig) {
					b.Fatal("not valid")
				}
			}
		})
	}
}
