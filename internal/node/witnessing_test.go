package node_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/internal/witness/witnesstest"
	"github.com/comity/comity/keys"
)

// Two houses with keys of both kinds: the checkpoint of one carries its own
// two signatures, and both of the other's witness.
func TestBothKindsOfSignature(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	au.follow(un)
	name := un.issue(situation("The situation in Alba"))
	k := un.Folder.Keys
	theirs := []string{au.Folder.Keys.Effect().Witness, au.Folder.Keys.Effect().WitnessPQ}
	until(t, "a checkpoint with all signatures", func() bool {
		signed := []byte(un.page("/journal/checkpoint"))
		for _, w := range theirs {
			for _, l := range []string{k.LogVerifier, k.Effect().LogPQ} {
				p, err := witness.Quorum(l, 1, w)
				check(t, err)
				if cp, _, err := torchwood.VerifyCheckpoint(signed, p); err != nil || cp.N <= name.Index {
					return false
				}
			}
		}
		return true
	})
	var r api.Record
	if !un.get("/api/v1/record", &r) || r.Demands != "au.example/witness" || r.Accepted != r.Size {
		t.Errorf("the record demands %q and is accepted up to %d of %d", r.Demands, r.Accepted, r.Size)
	}
	// So does what the other mirrors.
	mirror := "/mirror/" + un.Self.Origin.Hash() + "/checkpoint"
	for _, m := range []string{au.Folder.Keys.Effect().Mirror, au.Folder.Keys.Effect().MirrorPQ} {
		p, err := witness.Quorum(k.LogVerifier, 1, m)
		check(t, err)
		until(t, "a mirrored checkpoint with all signatures", func() bool {
			code, b := au.do("GET", mirror, "", nil)
			cp, _, err := torchwood.VerifyCheckpoint(b, p)
			return code == 200 && err == nil && cp.N > name.Index
		})
	}
	// What was pinned has both.
	p, err := node.Ask(t.Context(), au.url(""))
	check(t, err)
	h, err := p.Keys()
	check(t, err)
	if got := h.InForce(keys.Witness); len(got) != 2 || got[0] != theirs[0] || got[1] != theirs[1] {
		t.Errorf("%d witness keys of au.example are pinned, want 2", len(got))
	}
}

// Twenty witnesses with post-quantum keys: all that they sign is more than a reader
// takes of a checkpoint. It is pinned and followed, and accepted by all the same.
func TestManyWitnesses(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	logs := witness.LogList{}
	check(t, logs.Add("", un.Self.LogKey))
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	const many = 20
	var policy, members bytes.Buffer
	for i := range many {
		seed := make([]byte, witness.MLDSASeedSize)
		rand.Read(seed)
		s, err := witness.NewMLDSASigner(fmt.Sprintf("w%d.example/witness", i), seed, nil)
		check(t, err)
		at := fmt.Sprintf("/w%d", i)
		mux.Handle(at+"/", http.StripPrefix(at, witness.New(s, logs, witnesstest.NewMemory(), slog.New(slog.DiscardHandler)).Handler()))
		fmt.Fprintf(&policy, "witness w%d %s %s%s\n", i, s.Verifier(), srv.URL, at)
		fmt.Fprintf(&members, " w%d", i)
	}
	fmt.Fprintf(&policy, "group all %d%s\nquorum all\n", many, members.String())
	check(t, un.close())
	check(t, os.WriteFile(filepath.Join(un.dir, node.PolicyFile), policy.Bytes(), 0o600))
	un.start()
	file := un.issue(situation("The situation in Alba"))
	var r api.Record
	until(t, "all to cosign", func() bool {
		return un.get("/api/v1/record", &r) && r.Size > file.Index && r.Accepted == r.Size
	})
	if signed := un.page("/journal/checkpoint"); len(signed) > 48<<10 || strings.Count(signed, "\n— w") < 10 {
		t.Errorf("the checkpoint has %d bytes and %d cosignatures, want at most 49152 and most that fit", len(signed), strings.Count(signed, "\n— w"))
	}
	au.follow(un)
	au.reads(file)
	// The proof has them all, since the policy demands that.
	p, err := witness.ParsePolicy(append([]byte("log "+un.Self.LogKey+"\n"), policy.Bytes()...))
	check(t, err)
	code, proof := un.do("GET", fmt.Sprintf("/api/v1/acts/%s/proof?policy=accepted", file), un.token, nil)
	entry, err := torchwood.ProofExtraData(proof)
	if code != http.StatusOK || err != nil {
		t.Fatalf("the proof: %d, %v", code, err)
	}
	if err := torchwood.VerifyProof(p, tlog.RecordHash(entry), proof); err != nil {
		t.Errorf("the proof does not hold: %v", err)
	}
}

// A folder of an older version has no post-quantum keys, and needs none.
func TestWithoutPostQuantumKeys(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	check(t, un.close())
	for _, f := range []string{"log-pq.key", "witness-pq.key", "mirror-pq.key"} {
		check(t, os.Remove(filepath.Join(un.dir, "keys", f)))
	}
	un.start()
	au.follow(un)
	name := un.issue(situation("The situation in Alba"))
	au.reads(name)
	if e := un.Folder.Keys.Effect(); e.LogPQ != "" || e.WitnessPQ != "" || e.MirrorPQ != "" {
		t.Errorf("keys appeared that the folder does not have: %+v", e)
	}
}

func TestPolicyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	check(t, node.Init(dir, "un.example", "United Nations"))
	s, err := witness.NewMLDSASigner("w.example/witness", make([]byte, witness.MLDSASeedSize), nil)
	check(t, err)
	folder, err := node.ReadFolder(dir)
	check(t, err)
	for name, c := range map[string]struct{ text, want string }{
		"malformed":      {"# one\nwitness w\nquorum w\n", "witness-policy.txt: policy, line 2: write it as"},
		"another log":    {"log " + folder.Keys.Effect().Root + "\nquorum none\n", "no log line is for un.example/journal"},
		"no address":     {fmt.Sprintf("witness w %s ftp://w.example\nquorum w\n", s.Verifier()), "neither http nor https"},
		"without quorum": {fmt.Sprintf("witness w %s\n", s.Verifier()), "no quorum line"},
	} {
		check(t, os.WriteFile(filepath.Join(dir, node.PolicyFile), []byte(c.text), 0o600))
		n, err := node.Open(t.Context(), node.Config{Dir: dir})
		if err == nil {
			n.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
	// A witness that cannot be asked might have seen our journal before: nothing
	// is founded until it can.
	check(t, os.WriteFile(filepath.Join(dir, node.PolicyFile), fmt.Appendf(nil, "witness w %s\nquorum w\n", s.Verifier()), 0o600))
	n, err := node.Open(t.Context(), node.Config{Dir: dir})
	if err == nil {
		n.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "w: it is no peer, and has no address in witness-policy.txt") {
		t.Errorf("with a witness that cannot be asked: %v", err)
	}
	never := httptest.NewServer(http.NotFoundHandler())
	defer never.Close()
	check(t, os.WriteFile(filepath.Join(dir, node.PolicyFile), fmt.Appendf(nil, "witness w %s %s\nquorum w\n", s.Verifier(), never.URL), 0o600))
	n, err = node.Open(t.Context(), node.Config{Dir: dir})
	check(t, err)
	defer n.Close()
	r, err := n.Desk.Record(t.Context(), officer)
	check(t, err)
	if r.Demands != "w" || r.Accepted != 0 {
		t.Errorf("the record demands %q and is accepted up to %d; want w and 0", r.Demands, r.Accepted)
	}
}

// The policy decides who must answer before anything is signed: without au.example
// nothing is, and without eu.example everything goes on, though of two peers
// without a policy both must answer.
func TestPolicyDecidesWhoMustAnswer(t *testing.T) {
	t.Parallel()
	un, au, eu := newHouse(t, "un.example"), newHouse(t, "au.example"), newHouse(t, "eu.example")
	un.follow(au, eu)
	au.follow(un)
	eu.follow(un)
	file := un.issue(situation("The situation in Alba"))
	un.stored(file.Index+1, au, eu)
	check(t, un.close())
	policy := fmt.Appendf(nil, "witness au %s\nquorum au\n", au.Self.WitnessKey)
	check(t, os.WriteFile(filepath.Join(un.dir, node.PolicyFile), policy, 0o600))

	check(t, eu.close())
	un.start()
	next := un.issue(noteIn(file, "Without eu.example"))
	un.stored(next.Index+1, au)
	check(t, un.close())
	check(t, au.close())
	eu.start()
	un.start()
	why := un.refused(noteIn(file, "Without au.example"))
	if !strings.Contains(why, "0 of 1 witnesses have answered") || !strings.Contains(why, "au.example: No connection") || strings.Contains(why, "eu.example") {
		t.Errorf("refused because %s", why)
	}
	au.start()
	if n := un.issue(noteIn(file, "With au.example")); n.Index != next.Index+1 {
		t.Errorf("issued at %d, want %d", n.Index, next.Index+1)
	}
}

// witnessedOutside starts the node again with a policy that demands the cosignature
// of one witness, which is no peer and is served as serve says.
func (h *house) witnessedOutside(serve func(http.Handler) http.Handler) {
	t := h.t
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	signer, err := torchwood.NewCosignatureSigner("outside.example/witness", private)
	check(t, err)
	list := witness.LogList{}
	check(t, list.Add("", h.Self.LogKey))
	outside := httptest.NewServer(serve(witness.New(signer, list, witnesstest.NewMemory(), slog.New(slog.DiscardHandler)).Handler()))
	t.Cleanup(outside.Close)
	check(t, h.close())
	policy := fmt.Appendf(nil, "witness outside %s %s\nquorum outside\n", signer.Verifier(), outside.URL)
	check(t, os.WriteFile(filepath.Join(h.dir, node.PolicyFile), policy, 0o600))
	h.start()
}

// A witness of the policy that is no peer, and shows nobody what it cosigned,
// tells nevertheless that an old copy was put back.
func TestOutsideWitnessIsAsked(t *testing.T) {
	t.Parallel()
	un := newHouse(t, "un.example")
	un.witnessedOutside(func(w http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Method != "POST" {
				http.NotFound(rw, r)
				return
			}
			w.ServeHTTP(rw, r)
		})
	})
	file := un.issue(situation("The situation in Alba"))
	check(t, un.close())
	old := copyOf(t, un)
	un.start()
	last := un.issue(noteIn(file, "After the copy"))
	until(t, "it to be cosigned", func() bool { var r api.Record; return un.get("/api/v1/record", &r) && r.Accepted > last.Index })
	check(t, un.close())
	newest := copyOf(t, un)

	un.putBack(old)
	check(t, os.Remove(filepath.Join(un.dir, "checkpoint"))) // as if it had come from elsewhere
	un.start()
	if why := un.refused(noteIn(file, "In place of it")); !strings.Contains(why, "outside.example/witness says that it remembers 3 entries of our journal, but we have 2") {
		t.Errorf("refused because %s", why)
	}
	check(t, un.close())
	un.putBack(newest)
	un.start()
	if n := un.issue(noteIn(file, "It goes on")); n.Index != last.Index+1 {
		t.Errorf("issued at %d, want %d", n.Index, last.Index+1)
	}
}

// Our witness cosigns a log that is no organization's, once it is on the list.
func TestWitnessOfAnyLog(t *testing.T) {
	t.Parallel()
	un := newHouse(t, "un.example")
	public, private, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	const origin = "example.com/log42"
	vkey, err := note.NewEd25519VerifierKey(origin, public)
	check(t, err)
	v, err := note.NewVerifier(vkey)
	check(t, err)
	log := &anyLog{signer: anySigner{v, private}}
	for i := range 20 {
		log.add(t, fmt.Sprintf("entry %d", i))
	}

	submit := func(old, size int64) (int, string) {
		code, b := un.do("POST", "/journal/witness/add-checkpoint", "", log.request(t, old, size))
		return code, string(b)
	}
	if code, _ := submit(0, 5); code != http.StatusNotFound {
		t.Errorf("before it is on the list: %d, want 404", code)
	}
	list, err := un.Folder.Logs()
	check(t, err)
	check(t, list.Add("", vkey))
	check(t, un.Folder.SetLogs(list))
	for _, c := range []struct {
		old, size int64
		code      int
	}{{0, 5, 200}, {5, 20, 200}, {20, 20, 200}, {5, 20, 409}} {
		code, lines := submit(c.old, c.size)
		if code != c.code {
			t.Fatalf("from %d to %d: %d %s, want %d", c.old, c.size, code, lines, c.code)
		}
		if code != 200 {
			continue
		}
		for _, w := range []string{un.Folder.Keys.Effect().Witness, un.Folder.Keys.Effect().WitnessPQ} {
			p, err := witness.Quorum(vkey, 1, w)
			check(t, err)
			if _, _, err := torchwood.VerifyCheckpoint(append(log.checkpoint(t, c.size), lines...), p); err != nil {
				t.Errorf("size %d: %v", c.size, err)
			}
		}
	}
	// It is remembered over a restart, and served to monitors.
	check(t, un.close())
	un.start()
	if code, b := submit(0, 20); code != 409 || b != "20\n" {
		t.Errorf("after a restart: %d %q, want 409 and 20", code, b)
	}
	sum := un.page("/journal/witness/" + comity.Origin(origin).Hash() + "/checkpoint")
	if !strings.HasPrefix(sum, origin+"\n20\n") {
		t.Errorf("monitors read %q", sum)
	}
	// A broken list is an error of ours, not the log's; peers are not affected.
	check(t, os.WriteFile(filepath.Join(un.dir, node.LogsFile), []byte("what\n"), 0o600))
	if code, _ := submit(20, 20); code != http.StatusInternalServerError {
		t.Errorf("with a broken list: %d, want 500", code)
	}
	check(t, un.close())
	if n, err := node.Open(t.Context(), node.Config{Dir: un.dir}); err == nil || !strings.Contains(err.Error(), "line 1") {
		if err == nil {
			n.Close()
		}
		t.Errorf("a node with a broken list starts: %v", err)
	}
	check(t, os.Remove(filepath.Join(un.dir, node.LogsFile)))
}

// anyLog is a log made with x/mod alone.
type anyLog struct {
	signer note.Signer
	n      int64
	hashes []tlog.Hash
}

type anySigner struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (s anySigner) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

func (l *anyLog) ReadHashes(at []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range at {
		out = append(out, l.hashes[i])
	}
	return out, nil
}

func (l *anyLog) add(t *testing.T, entry string) {
	t.Helper()
	hs, err := tlog.StoredHashes(l.n, []byte(entry), l)
	check(t, err)
	l.hashes = append(l.hashes, hs...)
	l.n++
}

func (l *anyLog) checkpoint(t *testing.T, size int64) []byte {
	t.Helper()
	root, err := tlog.TreeHash(size, l)
	check(t, err)
	signed, err := note.Sign(&note.Note{Text: torchwood.Checkpoint{Origin: l.signer.Name(), Tree: tlog.Tree{N: size, Hash: root}}.String()}, l.signer)
	check(t, err)
	return signed
}

func (l *anyLog) request(t *testing.T, old, size int64) []byte {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	if old > 0 {
		proof, err := tlog.ProveTree(size, old, l)
		check(t, err)
		for _, h := range proof {
			fmt.Fprintln(&b, h)
		}
	}
	b.WriteString("\n")
	b.Write(l.checkpoint(t, size))
	return b.Bytes()
}
