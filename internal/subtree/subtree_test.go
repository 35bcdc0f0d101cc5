package subtree_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/subtree"
)

var update = flag.Bool("update", false, "write testdata/vectors.json")

// naive is RFC 6962, section 2.1, and the draft's section 4, word for word.
type naive [][]byte

func (d naive) mth() tlog.Hash {
	if len(d) == 1 {
		return tlog.RecordHash(d[0])
	}
	k := d.k()
	return tlog.NodeHash(d[:k].mth(), d[k:].mth())
}

// k is the largest power of two smaller than the number of leaves.
func (d naive) k() int {
	k := 1
	for 2*k < len(d) {
		k *= 2
	}
	return k
}

func (d naive) subproof(start, end int, b bool) []tlog.Hash {
	if start == 0 && end == len(d) {
		if b {
			return nil
		}
		return []tlog.Hash{d.mth()}
	}
	switch k := d.k(); {
	case end <= k:
		return append(d[:k].subproof(start, end, b), d[k:].mth())
	case k <= start:
		return append(d[k:].subproof(start-k, end-k, b), d[:k].mth())
	default:
		return append(d[k:].subproof(0, end-k, false), d[:k].mth())
	}
}

// leaves d[0] = 0x00, d[1] = 0x01, …, as in the draft's vectors.
func leaves(n int) naive {
	d := make(naive, n)
	for i := range d {
		d[i] = []byte{byte(i)}
	}
	return d
}

// stored hashes of leaves.
func stored(t testing.TB, d naive) tlog.HashReader {
	t.Helper()
	var all []tlog.Hash
	r := tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range idx {
			if i >= int64(len(all)) {
				return nil, fmt.Errorf("no hash %d", i)
			}
			out = append(out, all[i])
		}
		return out, nil
	})
	for i, e := range d {
		hs, err := tlog.StoredHashes(int64(i), e, r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, hs...)
	}
	return r
}

// The "accumulated" vectors of draft-ietf-plants-merkle-tree-certs: one hash
// over every subtree, and over every proof, of all trees of up to 130 leaves.
func TestDraftVectors(t *testing.T) {
	const most = 130
	d := leaves(most)
	r := stored(t, d)
	hashes, proofs := sha256.New(), sha256.New()
	for n := range most + 1 {
		for end := range n + 1 {
			for start := range end + 1 {
				empty := start == end // a subtree there, and none here
				if !empty && !subtree.Valid(int64(start), int64(end)) {
					continue
				}
				var p []tlog.Hash
				h := tlog.Hash(sha256.Sum256(nil))
				if !empty {
					var err1, err2 error
					p, err1 = subtree.Prove(int64(start), int64(end), int64(n), r)
					h, err2 = subtree.Hash(int64(start), int64(end), r)
					if err := errors.Join(err1, err2); err != nil {
						t.Fatal(err)
					}
				}
				if end == n {
					fmt.Fprintf(hashes, "[%d, %d) %x\n", start, end, h[:])
				}
				fmt.Fprintf(proofs, "[%d, %d) %d", start, end, n)
				for _, x := range p {
					fmt.Fprintf(proofs, " %x", x[:])
				}
				fmt.Fprintln(proofs)
			}
		}
	}
	if got, want := hex.EncodeToString(hashes.Sum(nil)), "b82806ad4265bb151c1119c0f4db437bb4d1a1f887b3a7fba1cd4ebf552e3e81"; got != want {
		t.Errorf("subtree hashes: %s, want %s", got, want)
	}
	if got, want := hex.EncodeToString(proofs.Sum(nil)), "10fa99b37bf9bf9ffa26b412fbd98bd75363256d0b75d61bc4538b9c9c5a0a74"; got != want {
		t.Errorf("subtree consistency proofs: %s, want %s", got, want)
	}
}

// Every proof of every subtree of every small tree, against the naive one; and
// none of them holds once any part of it is changed.
func TestProofs(t *testing.T) {
	const most = 40
	all := leaves(most)
	r := stored(t, all)
	n := 0
	for size := 1; size <= most; size++ {
		d := all[:size]
		root := d.mth()
		for end := 1; end <= size; end++ {
			for start := range end {
				if !subtree.Valid(int64(start), int64(end)) {
					continue
				}
				n++
				s, e, z := int64(start), int64(end), int64(size)
				proof, err := subtree.Prove(s, e, z, r)
				if err != nil {
					t.Fatal(err)
				}
				if want := d.subproof(start, end, true); fmt.Sprint(proof) != fmt.Sprint(want) {
					t.Fatalf("[%d, %d) of %d: %v, want %v", start, end, size, proof, want)
				}
				hash := d[start:end].mth()
				if err := subtree.Check(proof, s, e, z, root, hash); err != nil {
					t.Fatalf("[%d, %d) of %d: %v", start, end, size, err)
				}
				refuse := func(what string, p []tlog.Hash, s, e, z int64, root, hash tlog.Hash) {
					t.Helper()
					if subtree.Check(p, s, e, z, root, hash) == nil {
						t.Fatalf("[%d, %d) of %d: accepted with %s", start, end, size, what)
					}
				}
				bad := tlog.Hash{1}
				refuse("another hash", proof, s, e, z, root, bad)
				refuse("another root", proof, s, e, z, bad, hash)
				refuse("one hash more", append(proof[:len(proof):len(proof)], bad), s, e, z, root, hash)
				for i := range proof {
					p := append([]tlog.Hash(nil), proof...)
					p[i] = bad
					refuse("a hash changed", p, s, e, z, root, hash)
				}
				if len(proof) > 0 {
					refuse("one hash less", proof[1:], s, e, z, root, hash)
					refuse("one hash less", proof[:len(proof)-1], s, e, z, root, hash)
				}
				checkTreeProof(t, d, start, end, proof)
			}
		}
	}
	if n < 2000 {
		t.Errorf("only %d subtrees were tried", n)
	}
}

// checkTreeProof turns the proof into one that the tree starts with all that
// ends where the subtree does.
func checkTreeProof(t *testing.T, d naive, start, end int, proof []tlog.Hash) {
	t.Helper()
	size, width := len(d), end-start
	p, err := subtree.TreeProof(proof, int64(start), int64(end), int64(size), d[start:end].mth())
	if width&(width-1) != 0 || end == size {
		if err == nil {
			t.Errorf("[%d, %d) of %d was made a tree proof", start, end, size)
		}
		return
	}
	if err == nil {
		err = tlog.CheckTree(p, int64(size), d.mth(), int64(end), d[:end].mth())
	}
	if err != nil {
		t.Errorf("tree proof from [%d, %d) of %d: %v", start, end, size, err)
	}
}

func TestValid(t *testing.T) {
	for _, c := range []struct {
		start, end int64
		want       bool
	}{
		{0, 1, true}, {0, 5, true}, {4, 8, true}, {4, 7, true}, {8, 13, true}, {256, 300, true}, {256, 512, true},
		{0, 0, false}, {3, 3, false}, {2, 1, false}, {-1, 1, false}, {2, 5, false}, {4, 13, false}, {1, 3, false},
		{1 << 59, 1 << 60, true}, {0, 1<<63 - 1, false}, {1 << 62, 1<<63 - 1, false},
	} {
		if got := subtree.Valid(c.start, c.end); got != c.want {
			t.Errorf("Valid(%d, %d) = %v", c.start, c.end, got)
		}
	}
	if _, err := subtree.Prove(0, 3, 2, stored(t, leaves(3))); err == nil {
		t.Error("proved a subtree that is larger than the tree")
	}
	if _, err := subtree.Prove(0, 2, 4, stored(t, leaves(3))); err == nil {
		t.Error("proved with hashes that are not there")
	}
}

// vector is one of testdata/vectors.json, for other implementations. The tree's
// leaves are the bytes 0x00, 0x01, … up to its size, modulo 256.
type vector struct {
	Start int64    `json:"start"`
	End   int64    `json:"end"`
	Size  int64    `json:"size"`
	Hash  string   `json:"hash"`  // of the subtree, hexadecimal
	Root  string   `json:"root"`  // of the tree
	Proof []string `json:"proof"` // from the leaves to the root
}

func hash(t testing.TB, s string) (h tlog.Hash) {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(h) {
		t.Fatalf("%q is no hash", s)
	}
	return tlog.Hash(b)
}

// The packages of tlog-mirror: blocks that begin at multiples of 256.
func TestVectors(t *testing.T) {
	const file = "testdata/vectors.json"
	if *update {
		r := stored(t, leaves(1100))
		var out []vector
		for _, c := range [][3]int64{{0, 1, 1}, {0, 1, 2}, {1, 2, 2}, {0, 3, 5}, {4, 8, 14}, {8, 13, 14}, {0, 256, 256}, {0, 256, 257},
			{256, 257, 257}, {0, 200, 300}, {256, 300, 1000}, {256, 512, 1000}, {512, 768, 1000}, {768, 1000, 1000}, {1024, 1100, 1100}} {
			p, err1 := subtree.Prove(c[0], c[1], c[2], r)
			h, err2 := subtree.Hash(c[0], c[1], r)
			root, err3 := tlog.TreeHash(c[2], r)
			if err := errors.Join(err1, err2, err3); err != nil {
				t.Fatal(err)
			}
			v := vector{Start: c[0], End: c[1], Size: c[2], Hash: hex.EncodeToString(h[:]), Root: hex.EncodeToString(root[:]), Proof: []string{}}
			for _, x := range p {
				v.Proof = append(v.Proof, hex.EncodeToString(x[:]))
			}
			out = append(out, v)
		}
		b, err := json.MarshalIndent(out, "", "\t")
		if err == nil {
			err = os.WriteFile(file, append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	d := leaves(1100)
	for _, v := range all {
		name := fmt.Sprintf("[%d, %d) of %d", v.Start, v.End, v.Size)
		var proof []tlog.Hash
		for _, s := range v.Proof {
			proof = append(proof, hash(t, s))
		}
		root, h := hash(t, v.Root), hash(t, v.Hash)
		if err := subtree.Check(proof, v.Start, v.End, v.Size, root, h); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if want := d[:v.Size].mth(); root != want {
			t.Errorf("%s: root %s, want %s", name, root, want)
		}
		if want := d[v.Start:v.End].mth(); h != want || subtree.HashLeaves(records(d[v.Start:v.End])) != want {
			t.Errorf("%s: hash %s, want %s", name, h, want)
		}
		if want := d[:v.Size].subproof(int(v.Start), int(v.End), true); fmt.Sprint(want) != fmt.Sprint(proof) {
			t.Errorf("%s: proof %v, want %v", name, proof, want)
		}
	}
	if len(all) < 15 {
		t.Errorf("only %d vectors", len(all))
	}
}

func records(d naive) []tlog.Hash {
	var out []tlog.Hash
	for _, e := range d {
		out = append(out, tlog.RecordHash(e))
	}
	return out
}

// Whatever the proof and the numbers are, nothing but the subtree's own hash
// is ever accepted, and nothing panics.
func FuzzCheck(f *testing.F) {
	const size = 300
	d := leaves(size)
	root := d.mth()
	r := stored(f, d)
	for _, c := range [][2]int64{{0, 1}, {256, 300}, {0, 256}, {0, 200}, {128, 200}, {0, 300}} {
		p, err := subtree.Prove(c[0], c[1], size, r)
		if err != nil {
			f.Fatal(err)
		}
		h, err := subtree.Hash(c[0], c[1], r)
		if err != nil {
			f.Fatal(err)
		}
		var b strings.Builder
		for _, x := range p {
			b.Write(x[:])
		}
		f.Add(c[0], c[1], int64(size), h[:], []byte(b.String()))
	}
	f.Add(int64(0), int64(1)<<59, int64(1)<<60, make([]byte, 32), make([]byte, 32*63))
	f.Fuzz(func(t *testing.T, start, end, n int64, h, b []byte) {
		if len(h) != tlog.HashSize {
			return
		}
		var proof []tlog.Hash
		for ; len(b) >= tlog.HashSize; b = b[tlog.HashSize:] {
			proof = append(proof, tlog.Hash(b[:tlog.HashSize]))
		}
		if subtree.Check(proof, start, end, n, root, tlog.Hash(h)) != nil || n != size {
			return
		}
		if want := d[start:end].mth(); tlog.Hash(h) != want {
			t.Errorf("[%d, %d): accepted %x, want %s", start, end, h, want)
		}
		if width := end - start; width&(width-1) == 0 && end < n {
			p, err := subtree.TreeProof(proof, start, end, n, tlog.Hash(h))
			if err == nil {
				err = tlog.CheckTree(p, n, root, end, d[:end].mth())
			}
			if err != nil {
				t.Errorf("[%d, %d): %v", start, end, err)
			}
		}
	})
}
