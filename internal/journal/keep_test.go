package journal

import (
	"bytes"
	"fmt"
	"testing"
)

func entriesOf(name string, n, size int) (out [][]byte) {
	for i := range n {
		out = append(out, fmt.Appendf(nil, "%-*s", size, fmt.Sprintf("%s %d", name, i)))
	}
	return out
}

// What was handed to readers of an attempt that failed stays as it was when the
// next attempt goes on from the same commit.
func TestRecentOfAFailedAttempt(t *testing.T) {
	var committed *recent
	committed = committed.with(&edge{size: 3}, entriesOf("committed", 3, 20))
	failed := committed.with(&edge{size: 5}, entriesOf("failed", 2, 20))
	next := committed.with(&edge{size: 6}, entriesOf("next", 3, 20))
	after := next.with(&edge{size: 7}, entriesOf("after", 1, 20))
	for _, c := range []struct {
		of    *recent
		index int
		want  string
	}{{failed, 3, "failed 0"}, {failed, 4, "failed 1"}, {next, 3, "next 0"}, {next, 5, "next 2"}, {after, 0, "committed 0"}, {after, 5, "next 2"}, {after, 6, "after 0"}} {
		if got := string(bytes.TrimRight(c.of.entries[c.index], " ")); got != c.want {
			t.Errorf("entry %d of the tree of %d: %q, want %q", c.index, c.of.size, got, c.want)
		}
	}
}

// The newest entries are kept, and what is kept of older ones is bounded, however
// large they are and however many come at once.
func TestRecentIsBounded(t *testing.T) {
	for _, c := range []struct{ at, size, keeps int }{
		{1, 1 << 10, recentEntries}, {1, 100 << 10, 11}, {3, 700 << 10, 2}, {700, 10, recentEntries}, {4096, 1 << 10, recentEntries}, {1, 3 << 20, 1},
	} {
		var r *recent
		for size := int64(c.at); size < 6000; size += int64(c.at) {
			added := make([][]byte, c.at)
			for i := range added {
				added[i] = large[:c.size]
			}
			r = r.with(&edge{size: size}, added)
			bytes := 0
			for _, e := range r.entries {
				bytes += len(e)
			}
			if bytes != r.bytes || r.dropped > recentBytes || len(r.entries) > recentEntries || bytes-len(r.entries[0]) >= recentBytes {
				t.Fatalf("%+v: at %d entries %d are kept, of %d bytes (%d said), and %d bytes of older ones", c, size, len(r.entries), bytes, r.bytes, r.dropped)
			}
			if size >= 1100 && len(r.entries) != c.keeps {
				t.Fatalf("%+v: at %d entries %d are kept", c, size, len(r.entries))
			}
			if room := cap(r.entries); room > 4*recentEntries+2*c.at {
				t.Fatalf("%+v: at %d entries there is room for %d", c, size, room)
			}
		}
	}
}

var large = make([]byte, 3<<20)
