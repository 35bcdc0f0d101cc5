package simtest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/peer"
)

// Invariant is something that must hold at every moment.
type Invariant string

// The invariants.
const (
	// Kept: an act that was answered with 201 is in its journal, with the
	// same leaf hash, whenever its node runs; and what a node held once, it
	// holds for ever.
	Kept Invariant = "nothing acknowledged is lost"

	// Once: an act is in its journal once, however often somebody had to ask
	// for it to be recorded.
	Once Invariant = "nothing is recorded twice"

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
	return []Invariant{Kept, Once, OneHistory, Receipted, Sealed, SameFold, Proven, Converges}
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
	titles  map[string]comity.ActName // of what was recorded for somebody
	secrets []secret
	known   map[*house]*known
	entries map[comity.Hash]entry // by leaf hash: those that some node held
	shown   map[claim]bool        // signed checkpoints that were seen
	by      map[signer][]claim    // the same
	todo    []claim               // those that were not yet held against a tree
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

// signer is a log, a witness or a mirror, and what it signs.
type signer struct {
	name   string
	origin comity.Origin
}

// claim is a signature on a checkpoint.
type claim struct {
	signer
	size int64
	root tlog.Hash
}

func newRecord(s *sim) *record {
	return &record{s: s, keys: verifiers(s.from.peers), titles: map[string]comity.ActName{}, known: map[*house]*known{}, entries: map[comity.Hash]entry{}, shown: map[claim]bool{}, by: map[signer][]claim{},
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
	case strings.HasSuffix(x.path, "/add-entries"): // the answer is the receipt
		if text := pushed(x.request, x.from); text != "" {
			r.signed(x.by, append([]byte(text+"\n"), x.answer...))
		}
	}
}

// pushed is the text of the checkpoint in an add-entries request; "" if there
// is none.
func pushed(request []byte, by comity.Domain) string {
	_, after, ok := bytes.Cut(request, []byte(by.Origin()+"\n"))
	text, _, whole := bytes.Cut(after, []byte("\n\n"))
	if !ok || !whole {
		return ""
	}
	return string(by.Origin()) + "\n" + string(text) + "\n"
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
	n, err := note.Open(short(checkpoint), r.keys)
	if err != nil {
		return // of a journal that forged it, or altered on the way to the witness
	}
	cp, err := torchwood.ParseCheckpoint(n.Text)
	if err != nil {
		return
	}
	for _, g := range n.Sigs {
		c := claim{signer{g.Name, comity.Origin(cp.Origin)}, cp.N, cp.Hash}
		if !r.shown[c] {
			r.shown[c] = true
			r.by[c.signer] = append(r.by[c.signer], c)
			r.todo = append(r.todo, c)
		}
	}
}

// short is a checkpoint without the signatures that none of the keys here can
// have made: Ed25519 takes less than 200 bytes, post-quantum ones take 3,300 and
// most of the time in which a checkpoint is opened.
func short(checkpoint []byte) []byte {
	const longest = 1000
	var out []byte
	for line := range bytes.Lines(checkpoint) {
		if len(line) < longest || !bytes.HasPrefix(line, []byte("— ")) {
			out = append(out, line...)
		}
	}
	return out
}

// remembering is a verifier of a node's key that does not verify the same twice:
// a checkpoint goes to every witness and every mirror. It is for one goroutine.
type remembering struct {
	note.Verifier
	seen map[[32]byte]bool
}

// Verify implements note.Verifier.
func (v *remembering) Verify(msg, sig []byte) bool {
	key := sha256.Sum256(slices.Concat(binary.AppendUvarint(nil, uint64(len(msg))), msg, sig))
	good, ok := v.seen[key]
	if !ok {
		if v.seen == nil {
			v.seen = map[[32]byte]bool{}
		}
		good = v.Verifier.Verify(msg, sig)
		v.seen[key] = good
	}
	return good
}

// verifiers knows every key of every node. They are none of those that nodes
// verify with, which may be wrong.
func verifiers(of map[comity.Domain]peer.Peer) note.Verifiers {
	var all []note.Verifier
	for _, p := range of {
		l, err1 := note.NewVerifier(p.LogKey)
		w, err2 := torchwood.NewCosignatureVerifier(p.WitnessKey)
		m, err3 := torchwood.NewCosignatureVerifier(p.MirrorKey)
		if err := cmp.Or(err1, err2, err3); err != nil {
			panic(err)
		}
		all = append(all, &remembering{Verifier: l}, &remembering{Verifier: w}, &remembering{Verifier: m})
	}
	return note.VerifierList(all...)
}
