package witness_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/internal/witness/witnesstest"
)

func TestMemory(t *testing.T) {
	witnesstest.TestStore(t, func(*testing.T) witness.Store { return witnesstest.NewMemory() },
		func(*testing.T, witness.Store) witness.Store { return nil })
	witnesstest.TestCosignatures(t, func(*testing.T) witness.CosignatureStore { return witnesstest.NewCosignatures() })
}

var quiet = slog.New(slog.DiscardHandler)

// The witness in these tests is au.example; it knows un.example.
func newWitness(store witness.Store) *witness.Witness {
	au, un := peertest.NewOrg("au.example"), peertest.NewOrg("un.example")
	return witness.New(au.Witness, witness.Peers(peertest.NewMemory(un.Peer)), store, quiet)
}

func request(old int64, proof tlog.TreeProof, signed []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "old %d\n", old)
	for _, h := range proof {
		fmt.Fprintln(&b, h)
	}
	return b.String() + "\n" + string(signed)
}

func post(t *testing.T, h http.Handler, body string) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("POST", "/add-checkpoint", strings.NewReader(body)))
	return rec
}

func TestStatusCodes(t *testing.T) {
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 300)
	fork := un.Fork(50)
	las := witnesstest.NewLog(peertest.NewOrg("las.example"), 20)
	forged := func(n int64) []byte { // right origin and key name, wrong signature
		s := string(un.Checkpoint(n))
		return []byte(strings.Replace(s, base64.StdEncoding.EncodeToString(ptr(un.Root(n))[:]), base64.StdEncoding.EncodeToString(ptr(un.Root(n - 1))[:]), 1))
	}
	otherKey := func(n int64) []byte { // right origin, signed by somebody else
		c := torchwood.Checkpoint{Origin: string(un.Origin()), Tree: tlog.Tree{N: n, Hash: un.Root(n)}}
		signed, err := note.Sign(&note.Note{Text: c.String()}, las.Org.Log)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	wrongEmpty := un.Sign(torchwood.Checkpoint{Origin: string(un.Origin()), Tree: tlog.Tree{N: 0, Hash: un.Root(1)}})
	notCheckpoint, err := note.Sign(&note.Note{Text: string(un.Origin()) + "\nhello\n"}, un.Org.Log)
	if err != nil {
		t.Fatal(err)
	}
	long := make(tlog.TreeProof, 64)

	// Each case starts where the witness has cosigned un.example at size 100.
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"grows":                       {request(100, un.Proof(200, 100), un.Checkpoint(200)), 200},
		"same again":                  {request(100, nil, un.Checkpoint(100)), 200},
		"unknown origin":              {request(0, nil, las.Checkpoint(20)), 404},
		"signed by another key":       {request(100, un.Proof(200, 100), otherKey(200)), 403},
		"signature fails":             {request(100, un.Proof(200, 100), forged(200)), 403},
		"old larger than new":         {request(200, nil, un.Checkpoint(150)), 400},
		"not its size":                {request(99, un.Proof(200, 99), un.Checkpoint(200)), 409},
		"size asked with 0":           {request(0, nil, un.Checkpoint(200)), 409},
		"proof of nothing":            {request(100, nil, un.Checkpoint(200)), 422},
		"proof of another size":       {request(100, un.Proof(200, 99), un.Checkpoint(200)), 422},
		"fork":                        {request(100, fork.Proof(200, 100), fork.Checkpoint(200)), 422},
		"fork of the same size":       {request(100, nil, fork.Checkpoint(100)), 422},
		"same size but a proof":       {request(100, un.Proof(200, 100), un.Checkpoint(100)), 422},
		"64 proof lines":              {request(100, long, un.Checkpoint(200)), 400},
		"no empty line":               {"old 100\n", 400},
		"empty":                       {"", 400},
		"no old line":                 {"new 100\n\n" + string(un.Checkpoint(200)), 400},
		"leading zero":                {"old 0100\n\n" + string(un.Checkpoint(200)), 400},
		"negative":                    {"old -1\n\n" + string(un.Checkpoint(200)), 400},
		"proof line is no hash":       {"old 100\nAAAA\n\n" + string(un.Checkpoint(200)), 400},
		"carriage returns":            {strings.Replace(request(100, un.Proof(200, 100), un.Checkpoint(200)), "\n", "\n\r", 1), 400},
		"no checkpoint":               {"old 100\n\n", 400},
		"not a note":                  {"old 100\n\n" + string(un.Origin()) + "\n200\n", 400},
		"not a checkpoint":            {"old 100\n\n" + string(notCheckpoint), 400},
		"endless":                     {"old 100\n" + strings.Repeat(long[0].String()+"\n", 10000), 400},
		"absurd size":                 {request(100, nil, un.Sign(torchwood.Checkpoint{Origin: string(un.Origin()), Tree: tlog.Tree{N: 1<<63 - 1}})), 400},
		"html":                        {"<html>\n\n<body>\n", 400},
		"shrinks to size 0, asking 0": {request(0, nil, un.Checkpoint(0)), 409},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWitness(witnesstest.NewMemory())
			h := w.Handler()
			if rec := post(t, h, request(0, nil, un.Checkpoint(100))); rec.Code != 200 {
				t.Fatalf("first checkpoint: %d %s", rec.Code, rec.Body)
			}
			rec := post(t, h, c.body)
			if rec.Code != c.status {
				t.Fatalf("status %d (%s), want %d", rec.Code, strings.TrimSpace(rec.Body.String()), c.status)
			}
			switch c.status {
			case 409:
				if got, typ := rec.Body.String(), rec.Header().Get("Content-Type"); got != "100\n" || typ != "text/x.tlog.size" {
					t.Errorf("conflict says %q as %q, want \"100\\n\" as text/x.tlog.size", got, typ)
				}
			case 200:
				if !strings.HasPrefix(rec.Body.String(), "— au.example/witness ") {
					t.Errorf("answer is %q, want a signature line", rec.Body)
				}
			}
			// Whatever was refused left the state as it was.
			want := "\n100\n"
			if name == "grows" {
				want = "\n200\n"
			}
			rec = httptest.NewRecorder()
			h.ServeHTTP(rec, httptest.NewRequest("GET", "/"+un.Origin().Hash()+"/checkpoint", nil))
			if rec.Code != 200 || !strings.Contains(rec.Body.String(), want) {
				t.Errorf("remembered checkpoint: %d %q, want size %q", rec.Code, rec.Body, want)
			}
		})
	}

	t.Run("first", func(t *testing.T) {
		for name, c := range map[string]struct {
			body   string
			status int
		}{
			"any size":                {request(0, nil, un.Checkpoint(200)), 200},
			"size 0":                  {request(0, nil, un.Checkpoint(0)), 200},
			"size 0, wrong root":      {request(0, nil, wrongEmpty), 422},
			"proof from 0":            {request(0, un.Proof(200, 100), un.Checkpoint(200)), 422},
			"old size never cosigned": {request(100, un.Proof(200, 100), un.Checkpoint(200)), 409},
		} {
			if rec := post(t, newWitness(witnesstest.NewMemory()).Handler(), c.body); rec.Code != c.status {
				t.Errorf("%s: status %d (%s), want %d", name, rec.Code, rec.Body, c.status)
			}
		}
	})
}

func ptr(h tlog.Hash) *tlog.Hash { return &h }

func TestCheckpointNeverCosigned(t *testing.T) {
	rec := httptest.NewRecorder()
	newWitness(witnesstest.NewMemory()).Handler().ServeHTTP(rec,
		httptest.NewRequest("GET", "/"+comity.Origin("un.example/journal").Hash()+"/checkpoint", nil))
	if rec.Code != 404 {
		t.Errorf("status %d, want 404", rec.Code)
	}
}

func TestAnswersAreCosignatures(t *testing.T) {
	un, au := witnesstest.NewLog(peertest.NewOrg("un.example"), 5), peertest.NewOrg("au.example")
	store := witnesstest.NewMemory()
	w := newWitness(store)
	before := time.Now().Add(-time.Second)
	lines, err := w.Add(t.Context(), []byte(request(0, nil, un.Checkpoint(5))))
	if err != nil {
		t.Fatal(err)
	}
	mv, err := au.Peer.WitnessVerifier()
	if err != nil {
		t.Fatal(err)
	}
	cp, sigs, err := witness.OpenCosigned(append(un.Checkpoint(5), lines...), time.Now(), un.Org.LogVerifier(), mv)
	if err != nil || len(sigs) != 1 || cp.Size != 5 {
		t.Fatalf("OpenCosigned = %+v, %v, %v", cp, sigs, err)
	}
	if sigs[0].Time.Before(before) || string(sigs[0].Line) != string(lines) {
		t.Errorf("cosignature %+v, want the line %q and a time not before %v", sigs[0], lines, before)
	}
	if string(cp.Note) != string(un.Checkpoint(5)) {
		t.Errorf("the checkpoint alone is %q, want %q", cp.Note, un.Checkpoint(5))
	}

	// A new process over the same store remembers.
	rec := post(t, newWitness(store).Handler(), request(0, nil, un.Checkpoint(5)))
	if rec.Code != 409 || rec.Body.String() != "5\n" {
		t.Errorf("after a restart: %d %q, want 409 \"5\\n\"", rec.Code, rec.Body)
	}
}

// A slowStore lets all requests read the state before any of them advances it.
type slowStore struct {
	witness.Store
	ready *sync.WaitGroup
}

func (s *slowStore) Advance(ctx context.Context, old, next witness.State) error {
	s.ready.Done()
	s.ready.Wait()
	return s.Store.Advance(ctx, old, next)
}

func TestOfConcurrentRequestsOneWins(t *testing.T) {
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 100)
	mem := witnesstest.NewMemory()
	if rec := post(t, newWitness(mem).Handler(), request(0, nil, un.Checkpoint(10))); rec.Code != 200 {
		t.Fatal(rec.Code)
	}
	const n = 5
	var ready, wg sync.WaitGroup
	ready.Add(n)
	h := newWitness(&slowStore{Store: mem, ready: &ready}).Handler()
	codes := make([]int, n)
	bodies := make([]string, n)
	for i := range n {
		wg.Go(func() {
			size := int64(20 + 10*i)
			rec := post(t, h, request(10, un.Proof(size, 10), un.Checkpoint(size)))
			codes[i], bodies[i] = rec.Code, rec.Body.String()
		})
	}
	wg.Wait()
	won := -1
	for i, c := range codes {
		switch {
		case c == 200 && won < 0:
			won = i
		case c == 200:
			t.Fatalf("two requests from the same size were cosigned: %v", codes)
		case c != 409:
			t.Errorf("request %d: status %d, want 409", i, c)
		}
	}
	if won < 0 {
		t.Fatalf("no request was cosigned: %v", codes)
	}
	want := fmt.Sprintf("%d\n", 20+10*won)
	for i, b := range bodies {
		if i != won && b != want {
			t.Errorf("loser %d is told %q, want %q", i, b, want)
		}
	}
}

// brokenStore fails to advance, before or after it did.
type brokenStore struct {
	witness.Store
	applied bool
}

func (s *brokenStore) Advance(ctx context.Context, old, next witness.State) error {
	if s.applied {
		if err := s.Store.Advance(ctx, old, next); err != nil {
			return err
		}
	}
	return errors.New("disk full")
}

func TestNothingLeavesBeforeItIsDurable(t *testing.T) {
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 10)
	for _, applied := range []bool{false, true} {
		mem := witnesstest.NewMemory()
		rec := post(t, newWitness(&brokenStore{mem, applied}).Handler(), request(0, nil, un.Checkpoint(5)))
		if rec.Code != 500 || strings.Contains(rec.Body.String(), "—") || strings.Contains(rec.Body.String(), "disk") {
			t.Errorf("applied %v: answer %d %q, want 500 without a signature or inner errors", applied, rec.Code, rec.Body)
		}
		// The same request again, once the store works, gets an honest answer.
		want := 200
		if applied {
			want = 409
		}
		if rec := post(t, newWitness(mem).Handler(), request(0, nil, un.Checkpoint(5))); rec.Code != want {
			t.Errorf("applied %v: afterwards %d, want %d", applied, rec.Code, want)
		}
	}
}

func TestOpenCosigned(t *testing.T) {
	un, au, eu := witnesstest.NewLog(peertest.NewOrg("un.example"), 5), peertest.NewOrg("au.example"), peertest.NewOrg("eu.example")
	cosign := func(s *torchwood.CosignatureSigner) []byte {
		n, err := note.Open(un.Checkpoint(5), note.VerifierList(un.Org.LogVerifier()))
		if err != nil {
			t.Fatal(err)
		}
		signed, err := note.Sign(n, s)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	mirror := au.Mirror.Verifier()
	// Unknown cosigners are ignored.
	if _, sigs, err := witness.OpenCosigned(cosign(eu.Mirror), time.Now(), un.Org.LogVerifier(), mirror); err != nil || len(sigs) != 0 {
		t.Errorf("cosigned by an unknown key: %v, %v; want no error and no cosignature", sigs, err)
	}
	// A cosignature from the future proves nothing.
	if _, _, err := witness.OpenCosigned(cosign(au.Mirror), time.Now().Add(-time.Hour), un.Org.LogVerifier(), mirror); err == nil {
		t.Error("a cosignature dated an hour ahead was accepted")
	}
	// The journal's own signature must be there.
	var unverified *note.UnverifiedNoteError
	stripped, err := note.Sign(&note.Note{Text: strings.SplitAfter(string(un.Checkpoint(5)), "\n\n")[0][:len(strings.SplitAfter(string(un.Checkpoint(5)), "\n\n")[0])-1]}, au.Mirror)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := witness.OpenCosigned(stripped, time.Now(), un.Org.LogVerifier(), mirror); !errors.As(err, &unverified) {
		t.Errorf("without the journal's signature: %v, want an unverified note", err)
	}
	// Another journal's checkpoint is not ours, whoever cosigned it.
	if _, _, err := witness.OpenCosigned(cosign(au.Mirror), time.Now(), eu.LogVerifier(), mirror); err == nil {
		t.Error("a checkpoint of another origin was accepted")
	}
}

// LogOf finds under which key a checkpoint is to be opened. It verifies none:
// under a key whose signature is false opening fails.
func TestLogOf(t *testing.T) {
	key := func() (note.Signer, note.Verifier) {
		secret, public, err := note.GenerateKey(rand.Reader, "un.example/journal")
		if err != nil {
			t.Fatal(err)
		}
		s, err1 := note.NewSigner(secret)
		v, err2 := note.NewVerifier(public)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		return s, v
	}
	now, inForce := key()
	before, former := key()
	stranger, _ := key()
	text := strings.SplitAfter(string(witnesstest.NewLog(peertest.NewOrg("un.example"), 5).Checkpoint(5)), "\n\n")[0]
	sign := func(by ...note.Signer) []byte {
		signed, err := note.Sign(&note.Note{Text: strings.TrimSuffix(text, "\n")}, by...)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	altered := bytes.Replace(sign(before), []byte("\n5\n"), []byte("\n6\n"), 1)
	for _, c := range []struct {
		name   string
		signed []byte
		want   note.Verifier
		opens  bool
	}{
		{"in force", sign(now), inForce, true},
		{"former", sign(before), former, true},
		{"both", sign(before, now), inForce, true},
		{"a stranger's too", sign(stranger, before), former, true},
		{"only a stranger's", sign(stranger), inForce, false},
		{"altered", altered, former, false},
		{"no note", []byte("<html>"), inForce, false},
	} {
		got := witness.LogOf(c.signed, inForce, former)
		if got != c.want {
			t.Errorf("%s: key %08x, want %08x", c.name, got.KeyHash(), c.want.KeyHash())
		}
		if _, _, err := witness.OpenCosigned(c.signed, time.Now(), got); (err == nil) != c.opens {
			t.Errorf("%s: opens with %v", c.name, err)
		}
	}
}

func TestQuorum(t *testing.T) {
	ctx := t.Context()
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 30)
	orgs := []peertest.Org{peertest.NewOrg("au.example"), peertest.NewOrg("eu.example"), peertest.NewOrg("oas.example")}
	store := witnesstest.NewCosignatures()
	cosign := func(size int64, by ...peertest.Org) {
		for _, o := range by {
			n, err := note.Open(un.Checkpoint(size), note.VerifierList(un.Org.LogVerifier()))
			if err != nil {
				t.Fatal(err)
			}
			signed, err := note.Sign(n, o.Witness)
			if err != nil {
				t.Fatal(err)
			}
			cp, sigs, err := witness.OpenCosigned(signed, time.Now(), un.Org.LogVerifier(), o.Witness.Verifier())
			if err != nil {
				t.Fatal(err)
			}
			if err := store.Put(ctx, cp, sigs...); err != nil {
				t.Fatal(err)
			}
		}
	}
	cosign(10, orgs...)
	cosign(20, orgs[0])
	cosign(30, orgs[0], orgs[2])
	keys := []string{orgs[0].Peer.WitnessKey, orgs[1].Peer.WitnessKey, orgs[2].Peer.WitnessKey}
	for _, c := range []struct {
		n          int
		from, want int64 // 0: none
	}{
		{0, 5, 10}, {1, 11, 20}, {2, 11, 30}, {3, 5, 10}, {3, 11, 0}, {1, 31, 0},
	} {
		p, err := witness.Quorum(un.Org.Peer.LogKey, c.n, keys...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := witness.Satisfying(ctx, store, un.Origin(), c.from, p)
		if c.want == 0 {
			if !errors.Is(err, witness.ErrNone) {
				t.Errorf("%d of 3 from size %d = %d, %v; want ErrNone", c.n, c.from, got.Size, err)
			}
			continue
		}
		if err != nil || got.Size != c.want {
			t.Errorf("%d of 3 from size %d = %d, %v; want %d", c.n, c.from, got.Size, err, c.want)
		}
		if _, _, err := torchwood.VerifyCheckpoint(got.Assembled(), p); err != nil {
			t.Errorf("assembled checkpoint of size %d: %v", got.Size, err)
		}
	}
	for name, f := range map[string]func() error{
		"too many wanted": func() error { _, err := witness.Quorum(un.Org.Peer.LogKey, 4, keys...); return err },
		"twice the same":  func() error { _, err := witness.Quorum(un.Org.Peer.LogKey, 2, keys[0], keys[0]); return err },
		"not a cosigner":  func() error { _, err := witness.Quorum(un.Org.Peer.LogKey, 1, un.Org.Peer.LogKey); return err },
		"no log key":      func() error { _, err := witness.Quorum(keys[0], 1, keys[0]); return err },
	} {
		if f() == nil {
			t.Errorf("%s: a policy was made", name)
		}
	}
}

func TestReachedAt(t *testing.T) {
	sig := func(name string, sec int64) witness.Cosignature {
		return witness.Cosignature{Signer: name, Time: time.Unix(sec, 0)}
	}
	sigs := []witness.Cosignature{sig("a", 50), sig("b", 20), sig("a", 10), sig("c", 30)}
	for n, want := range map[int]int64{1: 10, 2: 20, 3: 30, 4: 0, 0: 0} {
		got, ok := witness.ReachedAt(sigs, n)
		if ok != (want != 0) || ok && got.Unix() != want {
			t.Errorf("ReachedAt %d = %v, %v; want %d", n, got.Unix(), ok, want)
		}
	}
}
