package witness_test

import (
	"bytes"
	"errors"
	"golang.org/x/mod/sumdb/note"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// Whatever is posted, the witness answers or refuses; it neither panics nor
// fails, and signs only what the journal signed.
func FuzzAdd(f *testing.F) {
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 20)
	f.Add([]byte(request(0, nil, un.Checkpoint(20))))
	f.Add([]byte(request(7, un.Proof(20, 7), un.Checkpoint(20))))
	f.Add([]byte("old 0\n\nun.example/journal\n1\n\n\n— x y\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		store := witnesstest.NewMemory()
		_, err := newWitness(store).Add(t.Context(), body)
		var no *witness.Refusal
		if err != nil && !errors.As(err, &no) {
			t.Errorf("the witness failed: %v", err)
		}
		if st, _ := store.State(t.Context(), un.Origin()); err == nil && st.Root != un.Root(20) {
			t.Errorf("cosigned something else: %q", st.Note)
		}
	})
}

// A cosigned checkpoint that is believed was signed by the journal, and says
// of every cosignature who made it, on what.
func FuzzOpenCosigned(f *testing.F) {
	un, au := witnesstest.NewLog(peertest.NewOrg("un.example"), 20), peertest.NewOrg("au.example")
	cosigned, err := note.Sign(&note.Note{Text: string(un.Checkpoint(20)[:bytes.Index(un.Checkpoint(20), []byte("\n\n"))+1])}, un.Org.Log, au.Witness)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(un.Checkpoint(20))
	f.Add(cosigned)
	f.Add(append(cosigned, cosigned[bytes.LastIndex(cosigned[:len(cosigned)-1], []byte("\n"))+1:]...))
	now := time.Now().Add(time.Hour)
	f.Fuzz(func(t *testing.T, signed []byte) {
		cp, sigs, err := witness.OpenCosigned(signed, now, un.Org.LogVerifier(), au.Witness.Verifier())
		if err != nil {
			return
		}
		n, err := note.Open(cp.Note, note.VerifierList(un.Org.LogVerifier()))
		if err != nil || !strings.HasPrefix(n.Text, string(un.Origin())+"\n") || cp.Size < 0 {
			t.Fatalf("believed %q: %v", signed, err)
		}
		for _, s := range sigs {
			if s.Signer != "au.example/witness" || s.Size != cp.Size || s.Root != cp.Root || s.Time.After(now.Add(time.Hour)) {
				t.Errorf("a cosignature %+v", s)
			}
		}
		again, _, err := witness.OpenCosigned(witness.Assemble(cp.Note, sigs), now, un.Org.LogVerifier(), au.Witness.Verifier())
		if err != nil || again.Root != cp.Root || again.Size != cp.Size {
			t.Errorf("put together again: %+v, %v", again, err)
		}
	})
}

// Whatever a witness answers, nothing is stored but a cosignature by its key on
// our own checkpoint, and we do not come to think that we are ahead of
// ourselves.
func FuzzWitnessAnswer(f *testing.F) {
	f.Add(409, "text/x.tlog.size", []byte("7\n"))
	f.Add(409, "text/plain", []byte("99999999999999999999\n"))
	f.Add(200, "text/plain", []byte("— au.example/witness AAAA\n"))
	f.Add(200, "text/plain", []byte{})
	f.Add(503, "application/problem+json", []byte(`{"detail":"later"}`))
	f.Fuzz(func(t *testing.T, status int, contentType string, body []byte) {
		if status < 200 || status > 599 {
			return
		}
		b := newBench(t)
		b.heads.grow(20)
		var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			w.Write(body)
		})
		b.handler.Store(&h)
		err := b.sub.Step(t.Context())
		if n := b.posts.Load(); n > 2 {
			t.Errorf("it was asked %d times", n)
		}
		if err == nil || b.sub.Status().Size != 0 {
			t.Errorf("%d %q was taken for a cosignature, of size %d: %v", status, body, b.sub.Status().Size, err)
		}
	})
}

// A key that is read has the name that stands in it.
func FuzzParseCosigner(f *testing.F) {
	au := peertest.NewOrg("au.example")
	for _, k := range []string{au.Peer.WitnessKey, au.Peer.LogKey, "au.example/witness+00000000+AAAA", "a+b+c"} {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, vkey string) {
		for _, parse := range []func(string) (note.Verifier, error){witness.ParseCosigner, witness.ParseLog} {
			v, err := parse(vkey)
			if err != nil {
				continue
			}
			if name, _, _ := strings.Cut(vkey, "+"); v.Name() != name || name == "" || v.Verify(nil, nil) {
				t.Errorf("%q is the key of %q", vkey, v.Name())
			}
		}
	})
}
