// Package witness is both sides of C2SP tlog-witness v1.0.0
// (https://c2sp.org/tlog-witness) and keeps the cosignatures that come of it.
//
// A witness remembers, for each journal it knows, the newest checkpoint that it
// cosigned. It signs a newer one only if it is signed by the pinned key and
// proven to extend the remembered one, and it remembers it before it answers.
// So it never signs two checkpoints of one journal that contradict each other,
// whatever it is sent, by how many at once, and whenever it is killed:
//
//	w := witness.New(signer, witness.Peers(roster), store, logger)
//	mux.Handle("/journal/witness/", http.StripPrefix("/journal/witness", w.Handler()))
//
// The origin's side is a Submitter per witness. It sends the newest checkpoint
// with a consistency proof from what the witness remembers, checks the
// cosignature that comes back, and stores it:
//
//	s := witness.NewSubmitter(witness.SubmitterConfig{…})
//	go s.Run(ctx)
//	s.Wake() // after each new checkpoint
//
// A cosignature is a statement with a time: "seen up to N, at T, and nothing
// contradicting it before". The times are real time, never a scenario's. A
// checkpoint and its cosignatures make one signed note (Assemble), which any
// C2SP verifier checks against a policy (ParsePolicy, Quorum). Cosignatures are
// Ed25519 (type 0x04) and ML-DSA-44 (type 0x06) ones; a witness with keys of
// both kinds answers with both.
package witness

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/verified"
	"github.com/comity/comity/keys"
)

// State is the newest checkpoint of one journal that this witness cosigned.
// Of a journal never cosigned only Origin is set.
type State struct {
	Origin comity.Origin
	Size   int64
	Root   tlog.Hash
	Note   []byte // with the journal's signature and this witness's cosignature
}

// Store keeps the State of each journal. Implementations are safe for
// concurrent use by several processes.
type Store interface {
	// State returns what is kept of o; a State with only Origin set if
	// nothing is.
	State(ctx context.Context, o comity.Origin) (State, error)

	// StateByHash returns the State whose Origin.Hash is hash; ErrNone if
	// there is none.
	StateByHash(ctx context.Context, hash string) (State, error)

	// Advance replaces old by next in one step if what is kept has old's size
	// and root (or, when old.Note is empty, if nothing is kept). Otherwise it
	// changes nothing and returns ErrConflict. A nil error means that next is
	// durable.
	Advance(ctx context.Context, old, next State) error
}

// Errors that stores and rosters return and callers branch on.
var (
	ErrNone          = errors.New("nothing of that journal is kept here")
	ErrConflict      = errors.New("the witness moved on meanwhile")
	ErrUnknownOrigin = errors.New("no journal of that origin is known here")
)

// Roster says which key signs a journal.
type Roster interface {
	// LogVerifiers returns the keys of o that are in force, one of which must
	// have signed; ErrUnknownOrigin if none is known.
	LogVerifiers(ctx context.Context, o comity.Origin) ([]note.Verifier, error)
}

// Peers makes a Roster of the pinned peers.
func Peers(s peer.Store) Roster { return peers{s} }

type peers struct{ store peer.Store }

func (p peers) LogVerifiers(ctx context.Context, o comity.Origin) ([]note.Verifier, error) {
	d, err := o.Domain()
	if err != nil {
		return nil, ErrUnknownOrigin
	}
	pr, err := p.store.Peer(ctx, d)
	if errors.Is(err, peer.ErrUnknown) {
		return nil, ErrUnknownOrigin
	}
	if err != nil {
		return nil, err
	}
	return pr.InForce(keys.Log)
}

// Refusal is why a witness does not cosign, with the HTTP status that the
// specification gives it.
type Refusal struct {
	Status int
	Size   int64 // for 409: the size that the witness remembers
	Text   string
}

func (r *Refusal) Error() string { return r.Text }

func refuse(status int, format string, args ...any) error {
	return &Refusal{Status: status, Text: fmt.Sprintf(format, args...)}
}

// Witness cosigns checkpoints of the journals in its roster. It is safe for
// concurrent use.
type Witness struct {
	signers atomic.Pointer[[]note.Signer] // none if it is stopped
	stopped atomic.Pointer[string]        // why
	roster  Roster
	store   Store
	log     *slog.Logger

	// Contradicted is told of what the witness cosigned and of a signed
	// checkpoint of the same journal that was not shown to extend it; may be
	// nil. It must not wait. Set it before the first Add.
	Contradicted func(kept State, signed []byte)

	// Hold says why nothing of a journal is cosigned at present; nil if it is. May
	// be nil. Set it before the first Add.
	Hold func(context.Context, comity.Origin) error
}

// New returns a witness that signs with signer, whose name is
// "<domain>/witness", and with others of that name, as of another kind.
func New(signer note.Signer, roster Roster, store Store, log *slog.Logger, also ...note.Signer) *Witness {
	w := &Witness{roster: roster, store: store, log: log}
	w.SetSigners(signer, also...)
	return w
}

// SetSigners makes the witness sign with other keys from now on.
func (w *Witness) SetSigners(signer note.Signer, also ...note.Signer) {
	w.signers.Store(new(append([]note.Signer{signer}, also...)))
}

// Stop makes the witness sign nothing, and answer 503 with the reason, until
// SetSigners is called.
func (w *Witness) Stop(why string) {
	w.stopped.Store(&why)
	w.signers.Store(new([]note.Signer))
}

// Add answers the body of one add-checkpoint request: signature lines, or a
// *Refusal, or another error if the witness itself failed.
func (w *Witness) Add(ctx context.Context, body []byte) ([]byte, error) {
	return w.add(ctx, body, w.Hold)
}

// Resume is Add that nothing holds up: for what is known not to contradict
// anything that this witness may have cosigned.
func (w *Witness) Resume(ctx context.Context, body []byte) ([]byte, error) {
	return w.add(ctx, body, nil)
}

func (w *Witness) add(ctx context.Context, body []byte, hold func(context.Context, comity.Origin) error) ([]byte, error) {
	old, proof, signed, err := parseRequest(body)
	if err != nil {
		return nil, err
	}
	cp, n, err := w.open(ctx, signed)
	if err != nil {
		return nil, err
	}
	if old > cp.N {
		return nil, refuse(http.StatusBadRequest, "old size %d is larger than the checkpoint's %d", old, cp.N)
	}
	if hold != nil {
		if why := hold(ctx, comity.Origin(cp.Origin)); why != nil {
			return nil, refuse(http.StatusServiceUnavailable, "%v", why)
		}
	}
	kept, err := w.store.State(ctx, comity.Origin(cp.Origin))
	if err != nil {
		return nil, fmt.Errorf("reading what the witness remembers of %s: %w", cp.Origin, err)
	}
	if kept.Size != old {
		return nil, conflict(kept.Size)
	}
	if err := checkExtends(kept, cp, proof); err != nil {
		w.log.WarnContext(ctx, "witness: a signed checkpoint does not extend the last one",
			"origin", cp.Origin, "old", old, "size", cp.N, "root", cp.Hash.String(), "why", err)
		if w.Contradicted != nil && kept.Size > 0 {
			w.Contradicted(kept, signed)
		}
		return nil, err
	}

	signers := *w.signers.Load()
	if len(signers) == 0 {
		return nil, refuse(http.StatusServiceUnavailable, "nothing is cosigned now: %s", *w.stopped.Load())
	}
	cosigned, err := note.Sign(n, signers...)
	if err != nil {
		return nil, fmt.Errorf("cosigning the checkpoint of %s: %w", cp.Origin, err)
	}
	next := State{Origin: comity.Origin(cp.Origin), Size: cp.N, Root: cp.Hash, Note: cosigned}
	// The cosignature leaves this function only after the state is durable.
	switch err := w.store.Advance(ctx, kept, next); {
	case errors.Is(err, ErrConflict):
		now, err := w.store.State(ctx, next.Origin)
		if err != nil {
			return nil, fmt.Errorf("reading what the witness remembers of %s: %w", cp.Origin, err)
		}
		return nil, conflict(now.Size)
	case err != nil:
		return nil, fmt.Errorf("remembering the checkpoint of %s: %w", cp.Origin, err)
	}
	return lastLines(cosigned, len(signers)), nil
}

// open finds the journal's key and checks the note with it.
func (w *Witness) open(ctx context.Context, signed []byte) (torchwood.Checkpoint, *note.Note, error) {
	bad := func(err error) (torchwood.Checkpoint, *note.Note, error) { return torchwood.Checkpoint{}, nil, err }
	origin, _, ok := bytes.Cut(signed, []byte("\n"))
	if !ok {
		return bad(refuse(http.StatusBadRequest, "no checkpoint after the empty line"))
	}
	vs, err := w.roster.LogVerifiers(ctx, comity.Origin(origin))
	if errors.Is(err, ErrUnknownOrigin) {
		return bad(refuse(http.StatusNotFound, "no journal of origin %q is known here", clip(string(origin))))
	}
	if err != nil {
		return bad(fmt.Errorf("looking up the key of %q: %w", clip(string(origin)), err))
	}
	n, err := note.Open(verified.By(signed, vs...), note.VerifierList(vs...))
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unverified), errors.As(err, &invalid):
		return bad(refuse(http.StatusForbidden, "the checkpoint has no valid signature of the key known for %q", clip(string(origin))))
	case err != nil:
		return bad(refuse(http.StatusBadRequest, "the checkpoint is not a signed note"))
	}
	cp, err := torchwood.ParseCheckpoint(n.Text)
	if err != nil {
		return bad(refuse(http.StatusBadRequest, "the signed note is not a checkpoint"))
	}
	if cp.N > maxSize {
		return bad(refuse(http.StatusBadRequest, "a size of %d is more than any journal has", cp.N))
	}
	n.UnverifiedSigs = nil
	return cp, n, nil
}

// checkExtends applies the consistency rules of add-checkpoint; kept.Size is
// the request's old size.
func checkExtends(kept State, cp torchwood.Checkpoint, proof tlog.TreeProof) error {
	const status = http.StatusUnprocessableEntity
	if cp.N == 0 {
		if empty, _ := tlog.TreeHash(0, nil); cp.Hash != empty {
			return refuse(status, "a checkpoint of size 0 must have the hash of the empty tree")
		}
	}
	if kept.Size == 0 {
		if len(proof) != 0 {
			return refuse(status, "a proof from size 0 must be empty")
		}
		return nil
	}
	if kept.Size == cp.N && kept.Root != cp.Hash {
		return refuse(status, "another checkpoint of size %d was cosigned before", cp.N)
	}
	if err := tlog.CheckTree(proof, cp.N, cp.Hash, kept.Size, kept.Root); err != nil {
		return refuse(status, "the proof does not show that size %d extends size %d", cp.N, kept.Size)
	}
	return nil
}

func conflict(size int64) error {
	return &Refusal{Status: http.StatusConflict, Size: size, Text: fmt.Sprintf("the witness remembers size %d", size)}
}

// maxProofLines of one request.
const maxProofLines = 63

// maxSize of a journal; far beyond it tree arithmetic leaves 64 bits.
const maxSize = 1 << 48

// parseRequest takes the body of add-checkpoint apart.
func parseRequest(body []byte) (old int64, proof tlog.TreeProof, signed []byte, err error) {
	bad := func(format string, args ...any) (int64, tlog.TreeProof, []byte, error) {
		return 0, nil, nil, refuse(http.StatusBadRequest, format, args...)
	}
	head, signed, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok {
		return bad("no empty line before the checkpoint")
	}
	lines := strings.Split(string(head), "\n")
	if len(lines)-1 > maxProofLines {
		return bad("more than %d proof lines", maxProofLines)
	}
	size, ok := strings.CutPrefix(lines[0], "old ")
	if !ok {
		return bad("the first line must be \"old \" and a size")
	}
	old, err = strconv.ParseInt(size, 10, 64)
	if err != nil || old < 0 || strconv.FormatInt(old, 10) != size {
		return bad("the old size %q is not a decimal number", clip(size))
	}
	for _, l := range lines[1:] {
		raw, err := base64.StdEncoding.Strict().DecodeString(l)
		if err != nil || len(raw) != tlog.HashSize || strings.Contains(l, "\r") { // which the decoder passes over
			return bad("the proof line %q is not a hash", clip(l))
		}
		proof = append(proof, tlog.Hash(raw))
	}
	return old, proof, signed, nil
}

// formatRequest is the inverse of parseRequest.
func formatRequest(old int64, proof tlog.TreeProof, signed []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	for _, h := range proof {
		fmt.Fprintf(&b, "%s\n", h)
	}
	b.WriteByte('\n')
	b.Write(signed)
	return b.Bytes()
}

// lastLines of a signed note: the n signatures added last.
func lastLines(signed []byte, n int) []byte {
	i := len(signed)
	for range n {
		i = bytes.LastIndexByte(signed[:i-1], '\n') + 1
	}
	return signed[i:]
}

// clip shortens foreign text for a message.
func clip(s string) string {
	if len(s) <= 80 {
		return s
	}
	return strings.ToValidUTF8(s[:80], "") + "…"
}
