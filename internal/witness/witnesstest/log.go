package witnesstest

import (
	"fmt"
	"slices"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/peer/peertest"
)

// Log is a journal in memory that can also lie: it is what an origin has
// before anything of this program touches it.
type Log struct {
	Org     peertest.Org
	Entries [][]byte
	hashes  []tlog.Hash // by stored hash index
}

// NewLog returns a log of org with n entries.
func NewLog(org peertest.Org, n int) *Log {
	l := &Log{Org: org}
	l.Grow(n)
	return l
}

// Append one entry.
func (l *Log) Append(entry []byte) {
	hs, err := tlog.StoredHashes(l.Size(), entry, l.Hashes())
	must(err)
	l.Entries = append(l.Entries, slices.Clone(entry))
	l.hashes = append(l.hashes, hs...)
}

// Grow by n entries that say where they stand.
func (l *Log) Grow(n int) {
	for range n {
		l.Append(fmt.Appendf(nil, "entry %d of %s", l.Size(), l.Org.Domain))
	}
}

// Fork returns a log with the same first n entries and then others, up to the
// same size.
func (l *Log) Fork(n int64) *Log {
	f := &Log{Org: l.Org}
	for i, e := range l.Entries {
		if int64(i) >= n {
			e = fmt.Appendf(nil, "another past: %s", e)
		}
		f.Append(e)
	}
	return f
}

// Size in entries.
func (l *Log) Size() int64 { return int64(len(l.Entries)) }

// Hashes by stored hash index.
func (l *Log) Hashes() tlog.HashReader {
	return tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range idx {
			if i >= int64(len(l.hashes)) {
				return nil, fmt.Errorf("no hash %d", i)
			}
			out = append(out, l.hashes[i])
		}
		return out, nil
	})
}

// Root at size n.
func (l *Log) Root(n int64) tlog.Hash {
	h, err := tlog.TreeHash(n, l.Hashes())
	must(err)
	return h
}

// Checkpoint of size n, signed.
func (l *Log) Checkpoint(n int64) []byte {
	return l.Sign(torchwood.Checkpoint{Origin: string(l.Org.Domain.Origin()), Tree: tlog.Tree{N: n, Hash: l.Root(n)}})
}

// Sign whatever checkpoint with the log's key.
func (l *Log) Sign(c torchwood.Checkpoint) []byte {
	signed, err := note.Sign(&note.Note{Text: c.String()}, l.Org.Log)
	must(err)
	return signed
}

// Proof that size n extends size m.
func (l *Log) Proof(n, m int64) tlog.TreeProof {
	if m == 0 {
		return nil
	}
	p, err := tlog.ProveTree(n, m, l.Hashes())
	must(err)
	return p
}

// Origin of the log.
func (l *Log) Origin() comity.Origin { return l.Org.Domain.Origin() }

func must(err error) {
	if err != nil {
		panic(err)
	}
}
