package spec_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
	"github.com/comity/comity/internal/witness"
)

// journalVectors is journal.json; journal.md says what stands where.
type journalVectors struct {
	Origin      comity.Origin     `json:"origin"`
	OriginHash  string            `json:"origin_sha256"`
	Seed        string            `json:"seed"`
	VKey        string            `json:"vkey"`
	Entries     []string          `json:"entries"`
	Leaves      []string          `json:"leaves"`
	Trees       []tree            `json:"trees"`
	Files       map[string][]byte `json:"files"`
	Inclusion   []inclusion       `json:"inclusion"`
	Consistency []consistency     `json:"consistency"`
	Cosigned    cosigned          `json:"cosigned"`
	Witness     addCheckpoint     `json:"add_checkpoint"`
	Paths       []tilePath        `json:"paths"`
	Long        long              `json:"long"`
}

type tree struct {
	Size       int64  `json:"size"`
	Root       string `json:"root"`
	Checkpoint string `json:"checkpoint,omitempty"`
}

type inclusion struct {
	Index int64    `json:"index"`
	Size  int64    `json:"size"`
	Proof []string `json:"proof"`
}

type consistency struct {
	From  int64    `json:"from"`
	To    int64    `json:"to"`
	Proof []string `json:"proof"`
}

type cosigned struct {
	Seed   string `json:"seed"`
	VKey   string `json:"vkey"`
	Time   int64  `json:"time"`
	Signed string `json:"signed"` // what Ed25519 signs
	Line   string `json:"line"`
}

type addCheckpoint struct {
	Request string `json:"request"`
}

type tilePath struct {
	Level int    `json:"level"`
	Index int64  `json:"index"`
	Width int    `json:"width"`
	Path  string `json:"path"`
}

// long is a journal whose entry i is the text "entry <i>".
type long struct {
	Size  int64             `json:"size"`
	Trees []tree            `json:"trees"`
	Files map[string]string `json:"files"` // path, SHA-256 of what is served there
}

// key of a task, from a seed that the vectors name.
func key(task string) (seed [32]byte, k ed25519.PrivateKey) {
	seed = sha256.Sum256([]byte("comity vector: " + task))
	return seed, ed25519.NewKeyFromSeed(seed[:])
}

const origin = comity.Origin("ecowas.example/journal")

// signer of checkpoints with a key.
type signer struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (s signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

func logSigner(t *testing.T, o comity.Origin) (vkey string, s note.Signer) {
	_, k := key("log of " + string(o))
	vkey = must[string](t)(note.NewEd25519VerifierKey(string(o), k.Public().(ed25519.PublicKey)))
	return vkey, signer{must[note.Verifier](t)(note.NewVerifier(vkey)), k}
}

// entries of the short journal.
func entries(t *testing.T) [][]byte {
	at := must[comity.Time](t)(comity.ParseTime("2003-04-11T09:00:00Z"))
	var out [][]byte
	for i, title := range []string{"First", "Second", "Third: “żółć”", "Fourth", "Fifth"} {
		doc := fmt.Sprintf(`{"kind":"note.v1","date":"2003-04-%02d","status":"test","tlp":"CLEAR","title":%q,"effects":[{"do":"say"}]}`, i+1, title)
		out = append(out, must[[]byte](t)(act.EncodeEntry([]byte(doc), "ecowas.example", at)))
	}
	return out
}

// write appends entries and returns every head on the way.
func write(t *testing.T, s journal.Store, sign note.Signer, entries [][]byte) []journal.Head {
	j := must[*journal.Journal](t)(journal.Open(t.Context(), journal.Config{Store: s, Origin: comity.Origin(sign.Name()), Signer: sign}))
	defer j.Close()
	var heads []journal.Head
	for _, e := range entries {
		a, err := j.Append(t.Context(), func(int64) ([]byte, error) { return e, nil })
		if err != nil {
			t.Fatal(err)
		}
		heads = append(heads, a.Head)
	}
	return heads
}

func get(t *testing.T, s journal.Store, path string) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	journal.Handler(s, origin, journal.Checkpoint(s, origin)).ServeHTTP(w, httptest.NewRequest("GET", "/"+path, nil))
	if w.Code != 200 {
		t.Fatalf("%s: status %d", path, w.Code)
	}
	return w.Body.Bytes()
}

func TestJournal(t *testing.T) {
	vkey, sign := logSigner(t, origin)
	seed, _ := key("log of " + string(origin))
	v := journalVectors{Origin: origin, OriginHash: origin.Hash(), Seed: hex.EncodeToString(seed[:]), VKey: vkey, Files: map[string][]byte{}}
	store := journaltest.NewStore()
	list := entries(t)
	heads := write(t, store, sign, list)
	for _, e := range list {
		v.Entries = append(v.Entries, string(e))
		v.Leaves = append(v.Leaves, hexOf(tlog.RecordHash(e)))
	}
	empty, _ := tlog.TreeHash(0, nil)
	v.Trees = append(v.Trees, tree{Root: hexOf(empty)})
	for _, h := range heads {
		v.Trees = append(v.Trees, tree{h.Size, hexOf(h.Root), string(h.Note)})
	}
	for _, p := range []string{"tile/0/000.p/3", "tile/0/000.p/5", "tile/entries/000.p/2"} {
		v.Files[p] = get(t, store, p)
	}
	v.Inclusion = inclusions(t, store)
	v.Consistency = consistencies(t, store)
	v.Cosigned = cosign(t, heads[4].Note)
	v.Witness.Request = string(witness.FormatRequest(2, must[tlog.TreeProof](t)(journal.ProveTree(t.Context(), store, origin, 5, 2)), heads[4].Note))
	for _, p := range []tlog.Tile{{L: 0, N: 0, W: 256}, {L: 0, N: 1234067, W: 256}, {L: 1, N: 1000, W: 17}, {L: -1, N: 999, W: 256}, {L: -1, N: 1000, W: 1}} {
		p.H = torchwood.TileHeight
		v.Paths = append(v.Paths, tilePath{p.L, p.N, p.W, torchwood.TilePath(p)})
	}
	v.Long = longJournal(t, sign)
	sameJSON(t, "journal.json", v)

	proof := torchwood.FormatProofWithExtraData(2, list[2], must[tlog.RecordProof](t)(journal.ProveRecord(t.Context(), store, origin, 2, 5)),
		slices.Concat(heads[4].Note, []byte(v.Cosigned.Line)))
	policy := must[*witness.Policy](t)(witness.Quorum(vkey, 1, v.Cosigned.VKey))
	if err := torchwood.VerifyProof(policy, tlog.RecordHash(list[2]), proof); err != nil {
		t.Errorf("the proof does not hold: %v", err)
	}
	same(t, "act.tlog-proof", proof)
}

func inclusions(t *testing.T, s journal.Store) (out []inclusion) {
	for _, x := range [][2]int64{{0, 1}, {0, 5}, {2, 3}, {2, 5}, {4, 5}} {
		p := must[tlog.RecordProof](t)(journal.ProveRecord(t.Context(), s, origin, x[0], x[1]))
		out = append(out, inclusion{x[0], x[1], hexes(p)})
	}
	return out
}

func consistencies(t *testing.T, s journal.Store) (out []consistency) {
	for _, x := range [][2]int64{{1, 5}, {2, 3}, {3, 5}, {4, 5}, {5, 5}} {
		p := must[tlog.TreeProof](t)(journal.ProveTree(t.Context(), s, origin, x[1], x[0]))
		out = append(out, consistency{x[0], x[1], hexes(p)})
	}
	return out
}

// cosign makes a witness's cosignature at a fixed time, from the specification,
// and has our verifier check it.
func cosign(t *testing.T, signed []byte) cosigned {
	seed, k := key("witness")
	const name, at = "au.example/witness", int64(1050052800)
	id := sha256.Sum256(append([]byte(name+"\n\x04"), k.Public().(ed25519.PublicKey)...))
	vkey := fmt.Sprintf("%s+%x+%s", name, id[:4], base64.StdEncoding.EncodeToString(append([]byte{4}, k.Public().(ed25519.PublicKey)...)))
	text, _, _ := bytes.Cut(signed, []byte("\n\n"))
	msg := fmt.Sprintf("cosignature/v1\ntime %d\n%s\n", at, text)
	sig := binary.BigEndian.AppendUint64(bytes.Clone(id[:4]), uint64(at))
	sig = append(sig, ed25519.Sign(k, []byte(msg))...)
	line := "— " + name + " " + base64.StdEncoding.EncodeToString(sig) + "\n"

	_, log := logSigner(t, origin)
	_, sigs, err := witness.OpenCosigned(append(bytes.Clone(signed), line...), time.Unix(at, 0), log.(signer).Verifier, must[note.Verifier](t)(witness.ParseCosigner(vkey)))
	if err != nil || len(sigs) != 1 || sigs[0].Time.Unix() != at {
		t.Fatalf("our verifier says %v, %v", sigs, err)
	}
	return cosigned{hex.EncodeToString(seed[:]), vkey, at, msg, line}
}

func longJournal(t *testing.T, sign note.Signer) long {
	l := long{Size: 600, Files: map[string]string{}}
	var list [][]byte
	for i := range l.Size {
		list = append(list, fmt.Appendf(nil, "entry %d", i))
	}
	s := journaltest.NewStore()
	for _, h := range write(t, s, sign, list) {
		if slices.Contains([]int64{1, 2, 255, 256, 257, 512, 600}, h.Size) {
			l.Trees = append(l.Trees, tree{Size: h.Size, Root: hexOf(h.Root)})
		}
	}
	for _, p := range []string{"tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/1", "tile/1/000.p/2", "tile/entries/000", "tile/entries/002.p/88"} {
		l.Files[p] = fmt.Sprintf("%x", sha256.Sum256(get(t, s, p)))
	}
	return l
}

func hexOf(h tlog.Hash) string { return hex.EncodeToString(h[:]) }

func hexes(hs []tlog.Hash) []string {
	out := []string{}
	for _, h := range hs {
		out = append(out, hexOf(h))
	}
	return out
}
