package simtest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/monitor"
)

// Invariant is something that must hold at every moment.
type Invariant string

// The invariants.
const (
	// Kept: an act that was answered with 201 is in its journal, with the
	// same leaf hash, whenever its node runs; and what a node held once, it
	// holds for ever.
	Kept Invariant = "nothing acknowledged is lost"

	// OneHistory: all that an honest node holds, witnesses and mirrors of one
	// journal is one history; an honest organization signs only one.
	OneHistory Invariant = "no one accepts two histories"

	// Receipted: whoever signs as a mirror holds what it says, blobs included.
	Receipted Invariant = "a receipt is true"

	// Sealed: what is sealed to others is not read, and is not in what nodes
	// tell each other, nor in any log.
	Sealed Invariant = "no one reads what was not sealed to them"

	// SameFold: nodes that hold the same acts have the same digest, and it is
	// that of a book that takes the acts in another order.
	SameFold Invariant = "the fold agrees on equal input"

	// Proven: a journal is frozen only on evidence that holds, never that of
	// an honest organization.
	Proven Invariant = "only a proven fork freezes"

	// Converges: after the faults all honest nodes hold, cosign and read the
	// same.
	Converges Invariant = "all agree after healing"
)

// Invariants lists all.
func Invariants() []Invariant {
	return []Invariant{Kept, OneHistory, Receipted, Sealed, SameFold, Proven, Converges}
}

// Violation is an invariant that did not hold, with what was seen.
type Violation struct {
	Invariant Invariant
	What      string
}

// record is what was promised and seen so far, over all nodes and crashes.
type record struct {
	s *sim

	mu      sync.Mutex
	bad     []Violation
	acked   []comity.Ref
	secrets []secret
	held    map[*house]map[comity.Domain]*tree // by each node, of each journal
	own     map[comity.Domain]*tree            // of honest organizations, as their own node holds them
	shown   map[claim]bool                     // signed checkpoints that were seen, by who signed
	todo    []claim                            // those that were not yet held against a tree
	parsed  map[[32]byte]bool
	keys    note.Verifiers
	digests map[[32]byte]comity.Hash // by the set of acts
	frozen  map[string]bool          // looked at
}

// secret is a sealed act.
type secret struct {
	name comity.ActName
	text string
	to   []comity.Domain // and its issuer
}

// claim is a signature on a checkpoint: by a log, a witness or a mirror.
type claim struct {
	signer string
	origin comity.Origin
	size   int64
	root   tlog.Hash
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

func newRecord(s *sim) *record {
	return &record{s: s, held: map[*house]map[comity.Domain]*tree{}, own: map[comity.Domain]*tree{}, shown: map[claim]bool{},
		parsed: map[[32]byte]bool{}, digests: map[[32]byte]comity.Hash{}, frozen: map[string]bool{}}
}

func (r *record) violate(i Invariant, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken(i, format, args...)
}

// broken is violate for who holds mu.
func (r *record) broken(i Invariant, format string, args ...any) {
	r.bad = append(r.bad, Violation{i, fmt.Sprintf(format, args...)})
}

func (r *record) clean() bool { return len(r.violations()) == 0 }

func (r *record) violations() []Violation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.bad)
}

func (r *record) acknowledged(ref comity.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acked = append(r.acked, ref)
	r.s.happened("act acknowledged")
}

func (r *record) sealed(s secret) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets = append(r.secrets, s)
	r.s.happened("act sealed")
}

// mark stands in the text of every sealed act.
const mark = "MARKED-AS-SEALED"

// exchange looks at what one node told another.
func (r *record) exchange(x exchange) {
	if bytes.Contains(x.answer, []byte(mark)) || bytes.Contains(x.request, []byte(mark)) {
		r.violate(Sealed, "%s told %s a sealed text: %s", x.to, x.from, x.path)
	}
	switch {
	case x.status != http.StatusOK:
	case strings.HasSuffix(x.path, "/checkpoint"):
		r.signed(x.by, x.answer)
	case strings.HasSuffix(x.path, "/add-checkpoint"):
		_, cp, _ := bytes.Cut(x.request, []byte("\n\n"))
		r.signed(x.by, append(bytes.Clone(cp), x.answer...))
	}
}

// signed notes who signed a checkpoint that was shown.
func (r *record) signed(by *house, checkpoint []byte) {
	sum := sha256.Sum256(checkpoint)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.parsed[sum] {
		return
	}
	r.parsed[sum] = true
	if r.keys == nil {
		r.keys = r.verifiers()
	}
	n, err := note.Open(checkpoint, r.keys)
	if err != nil {
		return // of a journal that forged it, or altered on the way to the witness
	}
	cp, err := torchwood.ParseCheckpoint(n.Text)
	if err != nil {
		return
	}
	for _, g := range n.Sigs {
		c := claim{g.Name, comity.Origin(cp.Origin), cp.N, cp.Hash}
		if !r.shown[c] {
			r.shown[c] = true
			r.todo = append(r.todo, c)
		}
	}
}

// verifiers knows every key of every node.
func (r *record) verifiers() note.Verifiers {
	var all []note.Verifier
	for _, h := range r.s.houses {
		p, ok := h.peer()
		if !ok {
			return note.VerifierList() // not all have run yet
		}
		l, err1 := p.LogVerifier()
		w, err2 := p.WitnessVerifier()
		m, err3 := p.MirrorVerifier()
		if err := cmp.Or(err1, err2, err3); err != nil {
			panic(err)
		}
		all = append(all, l, w, m)
	}
	return note.VerifierList(all...)
}

// check looks at every node that runs. Nothing moves meanwhile.
func (r *record) check() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.s.honest() {
		d := h.desk()
		if d == nil {
			continue
		}
		acts, err := d.Acts(context.Background(), officer, 0, 1<<20)
		if err != nil {
			continue // its database fails just now
		}
		r.hold(h, acts)
		r.fold(h, d, acts)
		r.frozenBy(h, d)
	}
	r.acks()
	r.claims()
	r.s.logMu.Lock()
	defer r.s.logMu.Unlock()
	if i := bytes.Index(r.s.logged.Bytes(), []byte(mark)); i >= 0 {
		line := r.s.logged.Bytes()[max(0, i-200):i]
		r.broken(Sealed, "a log has a sealed text: …%s", line)
	}
	r.s.logged.Reset()
}

// hold compares what a node holds with what it held, and with what the
// organization itself holds.
func (r *record) hold(h *house, acts []desk.Held) {
	trees := r.held[h]
	if trees == nil {
		trees = map[comity.Domain]*tree{}
		r.held[h] = trees
	}
	sizes := map[comity.Domain]int{}
	for _, a := range acts {
		d := a.Name.Domain
		t := trees[d]
		if t == nil {
			t = &tree{}
			trees[d] = t
		}
		i := int(a.Name.Index)
		if i != sizes[d] {
			r.broken(Kept, "%s holds %s after %d entries of that journal", h.name, a.Name, sizes[d])
			return
		}
		sizes[d]++
		switch {
		case i < len(t.leaves) && t.leaves[i] != a.Leaf:
			r.broken(OneHistory, "%s held another %s before", h.name, a.Name)
			return
		case i == len(t.leaves):
			t.add(a.Leaf)
		}
		r.reads(h, a)
	}
	for d, t := range trees {
		if sizes[d] < len(t.leaves) {
			r.broken(Kept, "%s held %d entries of %s, and now %d", h.name, len(t.leaves), d, sizes[d])
		}
	}
	r.own[h.domain] = trees[h.domain]
}

// reads checks that a sealed act is open only to whom it is sealed.
func (r *record) reads(h *house, a desk.Held) {
	if a.Act == nil || a.Sealed == nil {
		return
	}
	i := slices.IndexFunc(r.secrets, func(s secret) bool { return s.name == a.Name })
	if i >= 0 && h.domain != a.Name.Domain && !slices.Contains(r.secrets[i].to, h.domain) {
		r.broken(Sealed, "%s reads %s", h.name, a.Name)
	}
}

// fold compares digests of equal sets of acts.
func (r *record) fold(h *house, d *desk.Desk, acts []desk.Held) {
	names := make([]string, 0, len(acts))
	for _, a := range acts {
		names = append(names, a.Name.String()+" "+a.Leaf.String())
	}
	slices.Sort(names)
	set := sha256.Sum256([]byte(strings.Join(names, "\n")))
	folded, err := d.Digest(context.Background())
	if err != nil {
		return // its database fails just now
	}
	got := r.s.plan.break_.digest(h, folded.SHA256)
	want, ok := r.digests[set]
	if !ok {
		book := casefile.NewBook()
		for _, a := range slices.Backward(acts) {
			// From its bytes: what the node made of them is not asked.
			if e, err := act.DecodeEntry(a.Name.Domain, a.Entry); err == nil && e.Act != nil {
				book.Add(casefile.Item{Name: a.Name, Leaf: comity.LeafHash(a.Entry), Act: e.Act})
			}
		}
		want = book.Digest().SHA256
		r.digests[set] = want
	}
	if got != want {
		r.broken(SameFold, "%s has the digest %s over %d acts, want %s", h.name, got, len(acts), want)
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
		r.frozen[h.name+string(o.domain)] = true
		r.s.happened("journal frozen")
		if !o.forked {
			r.broken(Proven, "%s froze the honest %s", h.name, o.domain)
			continue
		}
		p, ok := o.peer()
		if !ok {
			continue
		}
		v, err := p.LogVerifier()
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
		h := r.s.houseOf(a.Act.Domain)
		d := h.desk()
		if d == nil {
			continue
		}
		got, err := d.Act(context.Background(), officer, a.Act)
		if err != nil && !errors.Is(err, desk.ErrNotFound) {
			continue // its database fails just now
		}
		if err != nil || got.Leaf != a.Leaf {
			r.broken(Kept, "%s was acknowledged and is not there: %v, leaf %s, want %s", a.Act, err, got.Leaf, a.Leaf)
		}
	}
}

// claims holds signed checkpoints against what the signer holds. Those of
// nodes that are down wait.
func (r *record) claims() {
	var later []claim
	for _, c := range r.todo {
		name, role, _ := strings.Cut(c.signer, "/")
		h := r.s.houseOf(comity.Domain(name))
		of, err := c.origin.Domain()
		if err != nil || h == nil || h.forked {
			continue
		}
		if !h.up() {
			later = append(later, c)
			continue
		}
		origin := r.s.houseOf(of)
		switch role {
		case "journal":
			r.s.happened("checkpoint compared")
			if !r.own[of].starts(c.size, c.root) {
				r.broken(OneHistory, "%s signed a checkpoint of size %d that is not of its journal", c.signer, c.size)
			}
		case "mirror":
			r.s.happened("receipt compared")
			if t := r.held[h][of]; !t.starts(c.size, c.root) {
				r.broken(Receipted, "%s signed for %d entries of %s and does not hold them", c.signer, c.size, of)
			} else if missing := h.lacks(of, c.size); missing != "" {
				r.broken(Receipted, "%s signed for %d entries of %s and lacks the blob %s", c.signer, c.size, of, missing)
			}
		case "witness":
			r.s.happened("cosignature compared")
			if !origin.forked && !r.own[of].starts(c.size, c.root) && origin.up() {
				r.broken(OneHistory, "%s cosigned a checkpoint of size %d that is not of %s", c.signer, c.size, of)
			}
			for other := range r.shown {
				if other.signer == c.signer && other.origin == c.origin && other.size == c.size && other.root != c.root {
					r.broken(OneHistory, "%s cosigned two checkpoints of size %d of %s", c.signer, c.size, of)
				}
			}
			r.oneBranch(c)
		}
	}
	r.todo = later
}

// oneBranch checks that a witness has cosigned only one of the two histories.
func (r *record) oneBranch(c claim) {
	t := r.s.twin
	of, _ := c.origin.Domain()
	if t == nil || t.domain != of {
		return
	}
	var branches [2]*tree
	for i, h := range []*house{r.s.houseOf(t.domain), t} {
		d := h.desk()
		if d == nil {
			return
		}
		acts, err := d.Acts(context.Background(), officer, 0, 1<<20)
		if err != nil {
			return
		}
		branches[i] = &tree{}
		for _, a := range acts {
			if a.Name.Domain == of {
				branches[i].add(a.Leaf)
			}
		}
	}
	only := [2]bool{}
	for x := range r.shown {
		if x.signer != c.signer || x.origin != c.origin {
			continue
		}
		a, b := branches[0].starts(x.size, x.root), branches[1].starts(x.size, x.root)
		only[0], only[1] = only[0] || a && !b, only[1] || b && !a
	}
	if only[0] && only[1] {
		r.broken(OneHistory, "%s cosigned both histories of %s", c.signer, of)
	}
}

func (s *sim) houseOf(d comity.Domain) *house {
	for _, h := range s.houses {
		if h.domain == d {
			return h
		}
	}
	return nil
}

// behind says what is missing until all agree; "" if nothing is.
func (r *record) behind() string {
	honest := r.s.honest()
	var digest casefile.Digest
	for i, h := range honest {
		d := h.desk()
		if d == nil {
			return fmt.Sprintf("%s is down: %v", h.name, h.why())
		}
		for _, o := range honest {
			own := o.desk()
			if own == nil {
				return o.name + " is down"
			}
			if h == o {
				continue
			}
			size := int64(len(r.tree(o, o.domain)))
			if got := int64(len(r.tree(h, o.domain))); got != size {
				return fmt.Sprintf("%s holds %d of %d entries of %s", h.name, got, size, o.name)
			}
			peers, err := own.Peers(context.Background(), officer)
			if err != nil {
				return err.Error()
			}
			i := slices.IndexFunc(peers, func(p desk.PeerView) bool { return p.Domain == h.domain })
			if p := peers[i]; p.Stored.Size < size || p.Witness.Size < size {
				return fmt.Sprintf("%s has receipts of %s up to %d and cosignatures up to %d, of %d", o.name, h.name, p.Stored.Size, p.Witness.Size, size)
			}
		}
		if what := r.unfrozen(h, d); what != "" {
			return what
		}
		for _, x := range r.secrets {
			if x.name.Domain != h.domain && !slices.Contains(x.to, h.domain) || r.s.houseOf(x.name.Domain).forked {
				continue
			}
			a, err := d.Act(context.Background(), officer, x.name)
			if err != nil || a.Act == nil || a.Act.Text != x.text {
				return fmt.Sprintf("%s cannot read %s, which is sealed to it: %v %s", h.name, x.name, err, a.Why)
			}
		}
		if r.s.twin == nil {
			got, err := d.Digest(context.Background())
			if err != nil || i > 0 && got != digest {
				return fmt.Sprintf("%s has the digest %v (%v), %s %v", h.name, got, err, honest[0].name, digest)
			}
			digest = got
		}
	}
	return ""
}

// unfrozen says that a node holds another history of the hostile journal than
// it is shown now, and has not noticed.
func (r *record) unfrozen(h *house, d *desk.Desk) string {
	first := r.s.houses[len(r.s.houses)-1]
	if r.s.twin == nil || first.desk() == nil {
		return ""
	}
	shown, err := first.desk().Acts(context.Background(), officer, 0, 1<<20)
	if err != nil {
		return err.Error()
	}
	now := map[int64]comity.Hash{}
	for _, a := range shown {
		if a.Name.Domain == first.domain {
			now[a.Name.Index] = a.Leaf
		}
	}
	for i, leaf := range r.tree(h, first.domain) {
		if now[int64(i)] == leaf || now[int64(i)] == (comity.Hash{}) { // the longer one may go on
			continue
		}
		if h.evidence(first.domain) == nil {
			return fmt.Sprintf("%s holds another entry %d of %s than it is shown, and has not noticed", h.name, i, first.domain)
		}
	}
	return ""
}

func (r *record) tree(h *house, of comity.Domain) []comity.Hash {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.held[h][of]; t != nil {
		return t.leaves
	}
	return nil
}

// final searches everything that nodes keep for what is sealed to others.
func (r *record) final() {
	for _, h := range r.s.honest() {
		for _, x := range r.secrets {
			if x.name.Domain == h.domain || slices.Contains(x.to, h.domain) {
				continue
			}
			if where, found := h.keeps(x.text); found {
				r.violate(Sealed, "%s keeps the text of %s: %s", h.name, x.name, where)
			}
		}
	}
}

// lacks names a blob of the first size entries of a journal that the node
// does not serve.
func (h *house) lacks(of comity.Domain, size int64) string {
	d := h.desk()
	for i := range size {
		a, err := d.Act(context.Background(), officer, comity.ActName{Domain: of, Index: i})
		if err != nil || a.Sealed == nil {
			continue
		}
		for _, b := range []comity.Hash{a.Sealed.Effects.SHA256, a.Sealed.Content.SHA256} {
			w := httptest.NewRecorder()
			h.handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/journal/blob/"+b.String(), nil))
			if w.Code != http.StatusOK || comity.Hash(sha256.Sum256(w.Body.Bytes())) != b {
				return b.String()
			}
		}
	}
	return ""
}
