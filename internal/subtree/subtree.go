// Package subtree proves that a block of entries belongs to a Merkle tree:
// the subtree consistency proofs with which C2SP tlog-mirror
// (https://c2sp.org/tlog-mirror) authenticates entries one package at a time.
//
// A subtree [start, end) is an aligned run of leaves: start is a multiple of
// the smallest power of two that is at least end-start. Its hash is the RFC
// 6962 tree hash of those leaves alone. The proof consists of the hashes from
// which both that hash and the root of the larger tree follow. Definition,
// generation and verification are those of "Merkle Tree Certificates"
// (draft-ietf-plants-merkle-tree-certs, section 4); the draft's accumulated
// test vectors are among the tests.
//
//	proof, err := subtree.Prove(256, 300, 1000, hashes)         // at the origin
//	err = subtree.Check(proof, 256, 300, 1000, root, hash)      // at the mirror
//
// For start 0 the proof is an RFC 6962 consistency proof, for a single leaf an
// inclusion proof.
package subtree

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxProof is the most hashes that a proof can have: the bound of tlog-mirror,
// which no tree of fewer than 2^63 leaves exceeds.
const MaxProof = 63

// maxSize of a tree; beyond it indices of stored hashes leave 64 bits.
const maxSize = 1 << 60

// Valid reports whether [start, end) is a subtree: not empty, and start a
// multiple of the smallest power of two that is at least end-start.
func Valid(start, end int64) bool {
	if start < 0 || start >= end || end > maxSize {
		return false
	}
	return start&(ceil2(end-start)-1) == 0
}

// ceil2 is the smallest power of two that is at least n, which is at least 1.
func ceil2(n int64) int64 { return 1 << bits.Len64(uint64(n-1)) }

// split is the largest power of two that is smaller than n, which is at least 2.
func split(n int64) int64 { return ceil2(n) / 2 }

// Prove returns the proof that the subtree [start, end) belongs to the tree of
// size leaves. Hashes are read from r in one call.
func Prove(start, end, size int64, r tlog.HashReader) ([]tlog.Hash, error) {
	if err := fits(start, end, size); err != nil {
		return nil, err
	}
	nodes := proofNodes(start, end, size)
	hashes, err := hashNodes(nodes, r)
	if err != nil {
		return nil, fmt.Errorf("prove the subtree [%d, %d) of a tree of size %d: %w", start, end, size, err)
	}
	return hashes, nil
}

// Hash returns the hash of the subtree [start, end).
func Hash(start, end int64, r tlog.HashReader) (tlog.Hash, error) {
	if !Valid(start, end) {
		return tlog.Hash{}, fmt.Errorf("[%d, %d) is no subtree", start, end)
	}
	hashes, err := hashNodes([]node{{start, end}}, r)
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("hash the subtree [%d, %d): %w", start, end, err)
	}
	return hashes[0], nil
}

// HashLeaves returns the RFC 6962 tree hash over leaf hashes, of which there
// is at least one.
func HashLeaves(leaves []tlog.Hash) tlog.Hash {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := split(int64(len(leaves)))
	return tlog.NodeHash(HashLeaves(leaves[:k]), HashLeaves(leaves[k:]))
}

// ErrProof says that a proof does not show what it should.
var ErrProof = errors.New("the subtree proof does not hold")

// Check verifies that the subtree [start, end), whose hash is hash, belongs to
// the tree of size leaves whose root is root. A failing proof is ErrProof.
func Check(proof []tlog.Hash, start, end, size int64, root, hash tlog.Hash) error {
	if err := fits(start, end, size); err != nil {
		return err
	}
	v := verifier{proof: proof, hash: hash}
	sub, whole := v.run(start, end, size, true)
	if v.short || len(v.proof) > 0 || sub != hash || whole != root {
		return ErrProof
	}
	return nil
}

// TreeProof turns a checked proof of the full subtree [start, end) into the
// RFC 6962 proof that a tree of size leaves starts with its first end leaves.
// It lets whoever took entries in block by block show that all of them belong
// to what was signed.
func TreeProof(proof []tlog.Hash, start, end, size int64, hash tlog.Hash) (tlog.TreeProof, error) {
	if err := fits(start, end, size); err != nil {
		return nil, err
	}
	width := end - start
	if width&(width-1) != 0 || end == size {
		return nil, fmt.Errorf("[%d, %d) of a tree of size %d is not a full subtree before its end", start, end, size)
	}
	path := proofNodes(start, end, size)
	if len(path) != len(proof) {
		return nil, ErrProof
	}
	// On the way up, as long as what is covered still ends at end, everything
	// lies to the left; from there on the two proofs are the same.
	at, i := node{start, end}, 0
	for ; i < len(path) && path[i].hi == at.lo; i++ {
		hash = tlog.NodeHash(proof[i], hash)
		at.lo = path[i].lo
	}
	var out tlog.TreeProof
	if at.lo > 0 {
		out = append(out, hash)
	}
	return append(out, proof[i:]...), nil
}

func fits(start, end, size int64) error {
	if !Valid(start, end) || end > size || size > maxSize {
		return fmt.Errorf("[%d, %d) is no subtree of a tree of size %d", start, end, size)
	}
	return nil
}

// node of a tree: that over the leaves lo to hi-1.
type node struct{ lo, hi int64 }

// proofNodes lists the nodes whose hashes make the proof, in its order.
func proofNodes(start, end, size int64) []node {
	var up []node // from the root down
	lo, hi := int64(0), size
	whole := true // the subtree is itself a node of the tree
	for lo != start || hi != end {
		k := lo + split(hi-lo)
		switch {
		case end <= k:
			up = append(up, node{k, hi})
			hi = k
		case k <= start:
			up = append(up, node{lo, k})
			lo = k
		default:
			up = append(up, node{lo, k})
			lo, start, whole = k, k, false
		}
	}
	if !whole {
		up = append(up, node{lo, hi})
	}
	slices.Reverse(up)
	return up
}

// hashNodes reads the hashes of nodes, each of which begins at a multiple of
// its width rounded up to a power of two.
func hashNodes(nodes []node, r tlog.HashReader) ([]tlog.Hash, error) {
	var indexes []int64
	for _, n := range nodes {
		eachFull(n, func(level int, i int64) { indexes = append(indexes, tlog.StoredHashIndex(level, i)) })
	}
	if len(indexes) == 0 {
		return nil, nil
	}
	stored, err := r.ReadHashes(indexes)
	if err != nil {
		return nil, err
	}
	if len(stored) != len(indexes) {
		return nil, fmt.Errorf("asked for %d hashes and got %d", len(indexes), len(stored))
	}
	hashes := make([]tlog.Hash, len(nodes))
	for i, n := range nodes {
		var full []tlog.Hash
		eachFull(n, func(int, int64) { full, stored = append(full, stored[0]), stored[1:] })
		h := full[len(full)-1]
		for _, left := range slices.Backward(full[:len(full)-1]) {
			h = tlog.NodeHash(left, h)
		}
		hashes[i] = h
	}
	return hashes, nil
}

// eachFull calls f with the full subtrees that a node consists of, the largest
// first: the i'th of 2^level leaves.
func eachFull(n node, f func(level int, i int64)) {
	for lo := n.lo; lo < n.hi; {
		level := bits.Len64(uint64(n.hi-lo)) - 1
		f(level, lo>>level)
		lo += 1 << level
	}
}

// verifier runs a proof from its last hash, next to the root, to its first.
type verifier struct {
	proof []tlog.Hash
	hash  tlog.Hash // of the subtree
	short bool      // the proof was at its end too early
}

func (v *verifier) last() tlog.Hash {
	if len(v.proof) == 0 {
		v.short = true
		return tlog.Hash{}
	}
	h := v.proof[len(v.proof)-1]
	v.proof = v.proof[:len(v.proof)-1]
	return h
}

// run returns what the proof makes of the subtree's hash and of the root of a
// tree of size leaves. known says that what is left of the subtree is all of
// it.
func (v *verifier) run(start, end, size int64, known bool) (sub, root tlog.Hash) {
	if start == 0 && end == size {
		h := v.hash
		if !known {
			h = v.last()
		}
		return h, h
	}
	k, sibling := split(size), v.last()
	if v.short {
		return sub, root
	}
	switch {
	case end <= k:
		sub, root = v.run(start, end, k, known)
		return sub, tlog.NodeHash(root, sibling)
	case k <= start:
		sub, root = v.run(start-k, end-k, size-k, known)
		return sub, tlog.NodeHash(sibling, root)
	}
	sub, root = v.run(0, end-k, size-k, false)
	return tlog.NodeHash(sibling, sub), tlog.NodeHash(sibling, root)
}
