package journaltest

import (
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"
)

// Root is the root of a tree of entries, computed as RFC 6962, section 2.1,
// defines it and no faster. It shares no code with what it is there to check.
func Root(entries [][]byte) tlog.Hash {
	switch n := len(entries); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaf(entries[0])
	default:
		k := 1
		for 2*k < n {
			k *= 2
		}
		return node(Root(entries[:k]), Root(entries[k:]))
	}
}

func leaf(entry []byte) tlog.Hash {
	return sha256.Sum256(append([]byte{0}, entry...))
}

func node(left, right tlog.Hash) tlog.Hash {
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

// peaks are the roots of the complete subtrees that a tree consists of, the
// largest first.
type peaks []peak

type peak struct {
	size int64
	hash tlog.Hash
}

func (t *peaks) add(entry []byte) {
	p := peak{1, leaf(entry)}
	for n := len(*t); n > 0 && (*t)[n-1].size == p.size; n-- {
		p = peak{2 * p.size, node((*t)[n-1].hash, p.hash)}
		*t = (*t)[:n-1]
	}
	*t = append(*t, p)
}

func (t peaks) root() tlog.Hash {
	if len(t) == 0 {
		return Root(nil)
	}
	h := t[len(t)-1].hash
	for i := len(t) - 2; i >= 0; i-- {
		h = node(t[i].hash, h)
	}
	return h
}
