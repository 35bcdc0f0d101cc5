package simtest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/monitor"
)

// known is what a node held when it was looked at last.
type known struct {
	trees map[comity.Domain]*tree
	start *desk.Desk // of the node, of which it was read
	pos   int64      // of the newest act that was read
	fresh bool       // the trees are what the node holds now
}

// entry is what the bytes of one say. What a node made of them is not asked.
type entry struct {
	act   *act.Act      // nil if it is sealed, or cannot be read
	blobs []comity.Hash // of a sealed one
}

// tree of a journal as somebody holds it.
type tree struct {
	leaves []comity.Hash
	hashes []tlog.Hash // stored hashes
}

func (t *tree) add(leaf comity.Hash) {
	hs, err := tlog.StoredHashesForRecordHash(int64(len(t.leaves)), tlog.Hash(leaf), t)
	if err != nil {
		panic(err)
	}
	t.leaves, t.hashes = append(t.leaves, leaf), append(t.hashes, hs...)
}

// ReadHashes implements tlog.HashReader.
func (t *tree) ReadHashes(at []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(at))
	for i, x := range at {
		out[i] = t.hashes[x]
	}
	return out, nil
}

// starts reports whether the tree starts with size entries of that root.
func (t *tree) starts(size int64, root tlog.Hash) bool {
	if t == nil || size > int64(len(t.leaves)) {
		return false
	}
	got, err := tlog.TreeHash(size, t)
	return err == nil && got == root
}

// check looks at every node that runs. Nothing moves meanwhile. What has come
// since the last time is read, and everything again when the node was started
// anew, or the check is to be thorough.
func (r *record) check(thorough bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.s.all() {
		k := r.known[h]
		if k == nil {
			k = &known{trees: map[comity.Domain]*tree{}}
			r.known[h] = k
		}
		k.fresh = false
		if d := h.desk(); d != nil {
			r.look(h, d, k, thorough || k.start != d)
		}
	}
	r.acks()
	r.claims()
	if line := r.s.logged.leaked(); line != "" {
		r.broken(Sealed, "a log has a sealed text: %s", line)
	}
}

func (r *record) look(h *house, d *desk.Desk, k *known, again bool) {
	if w := h.written(); !again && !h.forked {
		if w.frozen {
			r.s.happened("freeze looked at")
			r.frozenBy(h, d)
		}
		if w.opened {
			r.s.happened("opening looked at")
			r.opened(h, d, k)
		}
	}
	if !again && d.Held() == k.pos {
		k.fresh = true
		return
	}
	after, sizes := int64(0), map[comity.Domain]int{}
	if !again {
		after = k.pos
		for of, t := range k.trees {
			sizes[of] = len(t.leaves)
		}
	} else if h.forked {
		clear(k.trees) // what it promises is not believed
	}
	acts, err := d.Acts(context.Background(), officer, after, 1<<20)
	if err != nil {
		return // its database fails just now
	}
	k.start, k.pos, k.fresh = d, after, true
	wrong, which := r.hold(h, k, acts, sizes)
	if h.forked {
		return
	}
	if wrong != "" {
		r.broken(which, "%s", wrong)
		return
	}
	r.fold(h, d, k)
	if again {
		r.frozenBy(h, d)
	}
}

// hold compares acts that a node holds, in the order in which they arrived,
// with what it held before. Of each journal it has told so many up to now. What
// it returns first is wrong, if it is not empty.
func (r *record) hold(h *house, k *known, acts []desk.Held, sizes map[comity.Domain]int) (string, Invariant) {
	for _, a := range acts {
		d := a.Name.Domain
		t := k.trees[d]
		if t == nil {
			t = &tree{}
			k.trees[d] = t
		}
		i := int(a.Name.Index)
		switch leaf := r.read(a); {
		case i != sizes[d]:
			return fmt.Sprintf("%s holds %s after %d entries of that journal", h.name, a.Name, sizes[d]), Kept
		case leaf != a.Leaf:
			return fmt.Sprintf("%s holds %s with the leaf hash %s; its bytes have %s", h.name, a.Name, a.Leaf, leaf), OneHistory
		case i < len(t.leaves) && t.leaves[i] != leaf:
			return fmt.Sprintf("%s held another %s before", h.name, a.Name), OneHistory
		case i == len(t.leaves):
			t.add(leaf)
		}
		sizes[d]++
		k.pos = a.Pos
		if other := r.titled(h, a); other != a.Name {
			return fmt.Sprintf("%s recorded %s as %s, too", h.name, a.Name, other), Once
		}
		if a.Act != nil && a.Sealed != nil && !r.mayRead(h, a.Name) {
			return fmt.Sprintf("%s reads %s", h.name, a.Name), Sealed
		}
	}
	for d, t := range k.trees {
		if sizes[d] < len(t.leaves) {
			return fmt.Sprintf("%s held %d entries of %s, and now %d", h.name, len(t.leaves), d, sizes[d]), Kept
		}
	}
	return "", ""
}

// read reads an entry from its bytes, once, and returns its leaf hash.
func (r *record) read(a desk.Held) comity.Hash {
	leaf := comity.LeafHash(a.Entry)
	if _, ok := r.entries[leaf]; ok {
		return leaf
	}
	var e entry
	if x, err := act.DecodeEntry(a.Name.Domain, a.Entry); err == nil {
		e.act = x.Act
		if x.Sealed != nil {
			e.blobs = []comity.Hash{x.Sealed.Effects.SHA256, x.Sealed.Content.SHA256}
		}
	}
	r.entries[leaf] = e
	return leaf
}

// titled is the first act of that title which a node has recorded: each attempt
// has its own.
func (r *record) titled(h *house, a desk.Held) comity.ActName {
	if a.Act == nil || a.Name.Domain != h.domain || !strings.Contains(a.Act.Title, h.name) {
		return a.Name
	}
	if _, ok := r.titles[a.Act.Title]; !ok {
		r.titles[a.Act.Title] = a.Name
	}
	return r.titles[a.Act.Title]
}

// mayRead reports whether a sealed act is sealed to the node.
func (r *record) mayRead(h *house, n comity.ActName) bool {
	i := slices.IndexFunc(r.secrets, func(s secret) bool { return s.name == n })
	return i < 0 || h.domain == n.Domain || slices.Contains(r.secrets[i].to, h.domain)
}

// fold compares digests of equal sets of acts.
func (r *record) fold(h *house, d *desk.Desk, k *known) {
	folded, err := d.Digest(context.Background())
	if err != nil {
		return // its database fails just now
	}
	journals := slices.Sorted(maps.Keys(k.trees))
	var heads strings.Builder
	for _, of := range journals {
		t := k.trees[of]
		root, err := tlog.TreeHash(int64(len(t.leaves)), t)
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(&heads, of, len(t.leaves), root)
	}
	set := sha256.Sum256([]byte(heads.String()))
	got := r.s.plan.break_.digest(h, folded.SHA256)
	want, ok := r.digests[set]
	if !ok {
		book := casefile.NewBook()
		for _, of := range slices.Backward(journals) {
			for i, leaf := range slices.Backward(k.trees[of].leaves) {
				if a := r.entries[leaf].act; a != nil {
					book.Add(casefile.Item{Name: comity.ActName{Domain: of, Index: int64(i)}, Leaf: leaf, Act: a})
				}
			}
		}
		want = book.Digest().SHA256
		r.digests[set] = want
	}
	if got != want {
		r.broken(SameFold, "%s has the digest %s, want %s over\n%s", h.name, got, want, &heads)
	}
}

// opened looks at the sealed acts that a node held before: it may have opened
// one since.
func (r *record) opened(h *house, d *desk.Desk, k *known) {
	for of, t := range k.trees {
		for i, leaf := range t.leaves {
			n := comity.ActName{Domain: of, Index: int64(i)}
			if r.entries[leaf].blobs == nil || r.mayRead(h, n) {
				continue
			}
			if a, err := d.Act(context.Background(), officer, n); err == nil && r.s.plan.break_.opens(h, a.Act) != nil {
				r.broken(Sealed, "%s has opened %s", h.name, n)
			}
		}
	}
}

// frozenBy looks at the journals that a node has frozen.
func (r *record) frozenBy(h *house, d *desk.Desk) {
	peers, err := d.Peers(context.Background(), officer)
	if err != nil {
		return // its database fails just now
	}
	for _, o := range r.s.houses {
		var e *monitor.Evidence
		if slices.ContainsFunc(peers, func(p desk.PeerView) bool { return p.Domain == o.domain && p.Follow.Frozen }) {
			e = h.evidence(o.domain)
		}
		e = r.s.plan.break_.evidence(h, o, e)
		if e == nil || r.frozen[h.name+string(o.domain)] {
			continue
		}
		if !o.forked {
			r.broken(Proven, "%s froze the honest %s", h.name, o.domain)
			continue
		}
		r.frozen[h.name+string(o.domain)] = true
		r.s.happened("journal frozen")
		v, err := r.s.from.peers[o.domain].LogVerifier()
		if err == nil {
			err = e.Verify(v)
		}
		if err != nil {
			r.broken(Proven, "%s froze %s on evidence that does not hold: %v", h.name, o.domain, err)
		}
	}
}

// acks looks for what was acknowledged.
func (r *record) acks() {
	for _, a := range r.acked {
		k := r.known[r.s.houseOf(a.Act.Domain)]
		if !k.fresh {
			continue
		}
		switch t := k.trees[a.Act.Domain]; {
		case t == nil || a.Act.Index >= int64(len(t.leaves)):
			r.broken(Kept, "%s was acknowledged and is not there", a.Act)
		case t.leaves[a.Act.Index] != a.Leaf:
			r.broken(Kept, "%s was acknowledged with the leaf hash %s and has %s", a.Act, a.Leaf, t.leaves[a.Act.Index])
		}
	}
}

// claims holds signed checkpoints against what the signer holds. Those of
// nodes that are down wait.
func (r *record) claims() {
	var later []claim
	for _, c := range r.todo {
		name, role, _ := strings.Cut(c.name, "/")
		h := r.s.houseOf(comity.Domain(name))
		of, err := c.origin.Domain()
		if err != nil || h == nil || h.forked {
			continue
		}
		if !r.known[h].fresh {
			later = append(later, c)
			continue
		}
		origin := r.s.houseOf(of)
		switch role {
		case "journal":
			r.s.happened("checkpoint compared")
			if !r.known[h].trees[of].starts(c.size, c.root) {
				r.broken(OneHistory, "%s signed a checkpoint of size %d that is not of its journal", c.name, c.size)
			}
		case "mirror":
			r.s.happened("receipt compared")
			if t := r.known[h].trees[of]; !t.starts(c.size, c.root) {
				r.broken(Receipted, "%s signed for %d entries of %s and does not hold them", c.name, c.size, of)
			} else if missing := r.lacks(h, t.leaves[:c.size]); missing != "" {
				r.broken(Receipted, "%s signed for %d entries of %s and lacks the blob %s", c.name, c.size, of, missing)
			}
		case "witness":
			if own := r.known[origin]; !origin.forked && !own.fresh {
				later = append(later, c)
				continue
			} else if !origin.forked && !own.trees[of].starts(c.size, c.root) {
				r.broken(OneHistory, "%s cosigned a checkpoint of size %d that is not of %s", c.name, c.size, of)
			}
			r.s.happened("cosignature compared")
			for _, other := range r.by[c.signer] {
				if other.size == c.size && other.root != c.root {
					r.broken(OneHistory, "%s cosigned two checkpoints of size %d of %s", c.name, c.size, of)
				}
			}
			r.oneBranch(c)
		}
	}
	r.todo = later
}

// oneBranch checks that a witness has cosigned only one of the two histories.
func (r *record) oneBranch(c claim) {
	second := r.s.twin
	of, _ := c.origin.Domain()
	if second == nil || second.domain != of {
		return
	}
	a, b := r.known[r.s.houseOf(of)], r.known[second]
	if !a.fresh || !b.fresh {
		return
	}
	only := [2]bool{}
	for _, x := range r.by[c.signer] {
		inA, inB := a.trees[of].starts(x.size, x.root), b.trees[of].starts(x.size, x.root)
		only[0], only[1] = only[0] || inA && !inB, only[1] || inB && !inA
	}
	if only[0] && only[1] {
		r.broken(OneHistory, "%s cosigned both histories of %s", c.name, of)
	}
}

// lacks names a blob of some entries that the node does not serve.
func (r *record) lacks(h *house, leaves []comity.Hash) string {
	for _, leaf := range leaves {
		for _, b := range r.entries[leaf].blobs {
			req, err := http.NewRequest(http.MethodGet, "/journal/blob/"+b.String(), nil)
			if err != nil {
				panic(err)
			}
			w := &recorder{header: http.Header{}, status: http.StatusOK}
			h.handler().ServeHTTP(w, req)
			if w.status != http.StatusOK || comity.Hash(sha256.Sum256(w.body.Bytes())) != b {
				return b.String()
			}
		}
	}
	return ""
}
