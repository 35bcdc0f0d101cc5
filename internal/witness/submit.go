package witness

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
)

// Prefix under which a node is a witness, for submission and for monitoring.
const Prefix = "/journal/witness"

// SubmitterConfig says what a Submitter sends, whereto, and by whose clock.
type SubmitterConfig struct {
	Journal      journal.Store          // holds the journal
	Log          note.Verifier          // the journal's key; its name is the origin
	Former       func() []note.Verifier // other keys that the journal has or had; may be nil
	Witness      note.Verifier          // the witness's pinned key
	Also         []note.Verifier        // its other keys, as of another kind
	Client       *peer.Client           // to the witness
	Base         string                 // path of the witness below the client's address; "" is Prefix, "/" the address itself
	Cosignatures CosignatureStore       // where what comes back is kept
	Own          *Own                   // signs what is submitted a second time; may be nil

	Refresh time.Duration    // ask again for the same size after this long; 0 means 1 h
	Spacing time.Duration    // at least this long between two submissions; 0 means 1 s
	Now     func() time.Time // real time; nil means time.Now
	Rand    func() float64   // for back-off; nil means none
	Logger  *slog.Logger
}

// Submitter brings the newest checkpoints of one journal to one witness, one
// request at a time. Step does one round; Run calls it when there is
// something to do.
type Submitter struct {
	c    SubmitterConfig
	base string // path before /add-checkpoint
	wake chan struct{}

	step    sync.Mutex // held during Step: one request in flight
	known   bool       // size below has been learned
	size    int64      // what the witness is believed to remember
	backoff peer.Backoff

	mu     sync.Mutex
	status SubmitterStatus
}

// SubmitterStatus is a snapshot for pages and metrics.
type SubmitterStatus struct {
	Witness  string
	Size     int64     // newest size cosigned by this witness, 0 if none
	Cosigned time.Time // when, by the witness's clock
	Reason   peer.Reason
	Err      string // of the last round, "" if it went well
	Failures int    // in a row
	NextTry  time.Time
}

// AheadError: the witness says that it remembers a larger tree than ours. If
// that is so (Seen returns the proof), our storage has lost entries that we
// signed, or somebody else signs with our key.
type AheadError struct {
	Witness   string
	Remembers int64
	Have      int64
}

func (e *AheadError) Error() string {
	return fmt.Sprintf("%s says that it remembers %d entries of our journal, but we have %d: restore the journal from a copy that has them, or find out who else has the key",
		e.Witness, e.Remembers, e.Have)
}

// NewSubmitter returns a Submitter that has not sent anything yet.
func NewSubmitter(c SubmitterConfig) *Submitter {
	if c.Refresh <= 0 {
		c.Refresh = time.Hour
	}
	if c.Spacing <= 0 {
		c.Spacing = time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	base := Prefix
	if c.Base != "" {
		base = strings.TrimRight(c.Base, "/")
	}
	return &Submitter{
		c: c, base: base, wake: make(chan struct{}, 1), backoff: peer.Backoff{Rand: c.Rand},
		status: SubmitterStatus{Witness: c.Witness.Name()},
	}
}

func (s *Submitter) origin() comity.Origin { return comity.Origin(s.c.Log.Name()) }

// Wake tells Run that there is a newer checkpoint. It never blocks.
func (s *Submitter) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Status of the last rounds.
func (s *Submitter) Status() SubmitterStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Run steps until ctx ends: when woken, when the cosignature grows old, and
// after failures when the back-off allows.
func (s *Submitter) Run(ctx context.Context) {
	s.step.Lock()
	s.known = false // another process may have submitted since the last Run
	s.step.Unlock()
	for {
		err := s.Step(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if !sleep(ctx, s.Status().NextTry.Sub(s.c.Now()), nil) {
				return
			}
		default:
			// Let checkpoints gather, then wait for one.
			if !sleep(ctx, s.c.Spacing, nil) || !sleep(ctx, s.c.Refresh-s.c.Spacing, s.wake) {
				return
			}
		}
	}
}

// sleep for d or until woken; false if ctx ended.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	t := time.NewTimer(max(d, 0))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
	case <-wake:
	}
	return true
}

// Step brings the newest checkpoint to the witness unless it is cosigned
// there already and fresh. An error is a *peer.Error, an *AheadError, or one
// of our own storage; Status says when to try again.
func (s *Submitter) Step(ctx context.Context) error {
	s.step.Lock()
	defer s.step.Unlock()
	err := s.submit(ctx)
	if err != nil && ctx.Err() != nil {
		return err // we were stopped; the witness is not to blame
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.backoff.Reset()
		s.status.Reason, s.status.Err, s.status.Failures, s.status.NextTry = "", "", 0, time.Time{}
		return nil
	}
	reason := peer.ReasonOf(err)
	if reason == "" {
		reason = peer.Local
	}
	if a := (*AheadError)(nil); errors.As(err, &a) {
		reason = peer.Inconsistent
	}
	wait := s.backoff.Fail(peer.RetryAfterOf(err))
	if reason != s.status.Reason {
		s.c.Logger.WarnContext(ctx, "witness: no cosignature", "witness", s.c.Witness.Name(), "reason", reason, "err", err)
	}
	s.status.Reason, s.status.Err = reason, err.Error()
	s.status.Failures, s.status.NextTry = s.backoff.Failures(), s.c.Now().Add(wait)
	return err
}

func (s *Submitter) submit(ctx context.Context) error {
	head, err := s.c.Journal.Head(ctx, s.origin())
	if err != nil {
		return fmt.Errorf("reading the head of %s: %w", s.origin(), err)
	}
	if head.Size == 0 || len(head.Note) == 0 {
		return nil // nothing signed yet
	}
	if !s.known {
		if err := s.recall(ctx); err != nil {
			return err
		}
	}
	if st := s.Status(); st.Size == head.Size && s.c.Now().Sub(st.Cosigned) < s.c.Refresh {
		return nil
	}
	signed, err := s.signed(head)
	if err != nil {
		return err
	}
	return s.bring(ctx, head, signed)
}

// bring brings a checkpoint to the witness, whatever the witness remembers.
func (s *Submitter) bring(ctx context.Context, head journal.Head, signed []byte) error {
	learned := false
	for {
		resp, err := s.post(ctx, head, signed)
		if err != nil {
			return err
		}
		switch {
		case resp.Status == http.StatusOK:
			return s.accept(ctx, signed, resp.Body)
		case resp.Status == http.StatusConflict && !learned:
			if err := s.learn(resp, head.Size); err != nil {
				return err
			}
			learned = true
		default:
			return s.c.Client.Err(s.base+"/add-checkpoint", resp)
		}
	}
}

// recall starts from the last cosignatures that are kept. By those of any of its
// keys the witness remembers the checkpoint; but it has cosigned under the pinned
// key, which may have been rotated since, only what that signed.
func (s *Submitter) recall(ctx context.Context) error {
	var last Cosignature
	var size int64
	for i, v := range slices.Concat([]note.Verifier{s.c.Witness}, s.c.Also) {
		c, err := s.c.Cosignatures.Latest(ctx, s.origin(), v.Name(), v.KeyHash())
		if errors.Is(err, ErrNone) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading the last cosignature of %s: %w", v.Name(), err)
		}
		if i == 0 {
			last = c
		}
		size = max(size, c.Size)
	}
	s.known, s.size = true, size
	s.mu.Lock()
	s.status.Size, s.status.Cosigned = last.Size, last.Time
	s.mu.Unlock()
	return nil
}

// signed is the checkpoint to submit, with both signatures if there are two.
func (s *Submitter) signed(head journal.Head) ([]byte, error) {
	if s.c.Own == nil {
		return head.Note, nil
	}
	line, err := s.c.Own.Line(head)
	if err != nil {
		return nil, fmt.Errorf("signing the checkpoint of %s: %w", s.origin(), err)
	}
	return slices.Concat(head.Note, line), nil
}

func (s *Submitter) post(ctx context.Context, head journal.Head, signed []byte) (peer.Response, error) {
	old := s.size
	if old > head.Size {
		return peer.Response{}, &AheadError{s.c.Witness.Name(), old, head.Size}
	}
	var proof tlog.TreeProof
	if old > 0 && old < head.Size {
		var err error
		proof, err = journal.ProveTree(ctx, s.c.Journal, s.origin(), head.Size, old)
		if err != nil {
			return peer.Response{}, err
		}
	}
	return s.c.Client.Post(ctx, s.base+"/add-checkpoint", "text/plain; charset=utf-8",
		formatRequest(old, proof, signed), peer.MaxCosigned)
}

// learn takes the witness's size out of a 409.
func (s *Submitter) learn(resp peer.Response, have int64) error {
	text := strings.TrimSuffix(string(resp.Body), "\n")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || !strings.HasPrefix(resp.ContentType, "text/x.tlog.size") {
		return &peer.Error{Reason: peer.Malformed, URL: s.c.Client.Base() + s.base + "/add-checkpoint", Status: resp.Status,
			Err: fmt.Errorf("the conflict does not say a size: %q", clip(text))}
	}
	if n > have { // it may be lying; ask again another time
		return &AheadError{s.c.Witness.Name(), n, have}
	}
	s.size = n
	return nil
}

// accept checks the cosignatures and stores them.
func (s *Submitter) accept(ctx context.Context, signed, lines []byte) error {
	bad := func(err error) error {
		return &peer.Error{Reason: peer.WrongKey, URL: s.c.Client.Base() + s.base + "/add-checkpoint", Err: err}
	}
	cp, sigs, at, err := s.open(slices.Concat(signed, lines))
	if err != nil {
		return bad(fmt.Errorf("the answer is no cosignature of our checkpoint: %w", err))
	}
	if at.IsZero() {
		return bad(fmt.Errorf("the answer has no signature of the pinned key %s", s.c.Witness.Name()))
	}
	s.size = cp.Size
	if cp.Size == 0 {
		return nil // nothing that a proof could be made against
	}
	if err := s.c.Cosignatures.Put(ctx, cp, sigs...); err != nil {
		return fmt.Errorf("storing the cosignature of %s: %w", s.c.Witness.Name(), err)
	}
	s.mu.Lock()
	s.status.Size, s.status.Cosigned = cp.Size, at
	s.mu.Unlock()
	return nil
}

// open checks a cosigned checkpoint of our journal. at is when the witness
// cosigned it; zero if it did not.
func (s *Submitter) open(signed []byte) (cp Checkpoint, sigs []Cosignature, at time.Time, err error) {
	known := slices.Concat([]note.Verifier{s.c.Witness}, s.c.Also)
	if s.c.Own != nil {
		if v := s.c.Own.Verifier(); v != nil {
			known = append(known, v)
		}
	}
	log := s.c.Log
	if s.c.Former != nil {
		former := s.c.Former()
		log, known = LogOf(signed, log, former...), append(known, former...)
	}
	if cp, sigs, err = OpenCosigned(signed, s.c.Now(), log, known...); err != nil {
		return cp, nil, at, err
	}
	for _, g := range sigs {
		if g.Signer != s.c.Log.Name() && g.Time.After(at) {
			at = g.Time
		}
	}
	return cp, sigs, at, nil
}

// Seen asks the witness for the newest checkpoint of our journal that it
// cosigned, and checks both signatures: what a node compares its own head with
// before it signs again after a restart. A zero Checkpoint means that it
// never cosigned one.
func (s *Submitter) Seen(ctx context.Context) (Checkpoint, error) {
	path := s.base + "/" + s.origin().Hash() + "/checkpoint"
	body, err := s.c.Client.Get(ctx, path, peer.MaxCheckpoint)
	if peer.StatusOf(err) == http.StatusNotFound {
		return Checkpoint{}, nil
	}
	if err != nil {
		return Checkpoint{}, err
	}
	cp, _, at, err := s.open(body)
	if err == nil && at.IsZero() {
		err = errors.New("not cosigned by the pinned key")
	}
	if err != nil {
		return Checkpoint{}, &peer.Error{Reason: peer.WrongKey, URL: s.c.Client.Base() + path, Err: err}
	}
	return cp, nil
}

// Asked is Seen for any C2SP witness: not all of them show what they have
// cosigned. Such a one is brought what is stored of our journal. Either it
// cosigns that, and has seen nothing beyond it, or it says how far it has, which
// is an *AheadError. If nothing is stored it is brought empty: a checkpoint of
// size 0, signed with our key, which any journal extends.
func (s *Submitter) Asked(ctx context.Context, empty func() ([]byte, error)) (Checkpoint, error) {
	cp, err := s.Seen(ctx)
	if err != nil && peer.StatusOf(err) == 0 || cp.Size > 0 {
		return cp, err
	}
	s.step.Lock()
	defer s.step.Unlock()
	head, err := s.c.Journal.Head(ctx, s.origin())
	if err != nil {
		return Checkpoint{}, fmt.Errorf("reading the head of %s: %w", s.origin(), err)
	}
	if head.Size == 0 || len(head.Note) == 0 {
		head = journal.Head{Origin: s.origin()}
		if head.Note, err = empty(); err != nil {
			return Checkpoint{}, err
		}
	}
	if err := s.recall(ctx); err != nil {
		return Checkpoint{}, err
	}
	s.size = min(s.size, head.Size)
	if err := s.bring(ctx, head, head.Note); err != nil {
		if peer.StatusOf(err) == http.StatusNotFound {
			err = nil // it knows no journal of that origin
		}
		return Checkpoint{}, err
	}
	return Checkpoint{Origin: head.Origin, Size: head.Size, Root: head.Root, Note: head.Note}, nil
}
