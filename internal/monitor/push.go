package monitor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/subtree"
	"github.com/comity/comity/internal/witness"
)

// PusherConfig says what a Pusher sends, whereto, and by whose clock.
type PusherConfig struct {
	Journal      journal.Store // holds our journal
	Log          note.Verifier // its key; its name is the origin
	Mirror       note.Verifier // the mirror's pinned key
	Client       *peer.Client  // to the mirror's node
	Cosignatures witness.CosignatureStore

	// Boxes returns those that entries of ours name and that are here, those of
	// the first entry first, as far as they have at most so many bytes; nil if
	// entries name none.
	Boxes func(ctx context.Context, entries [][]byte, most int64) ([][]byte, error)

	// Received is told of each receipt once it is stored; may be nil.
	Received func(witness.Cosignature)
	// Observe is called with the outcome of each Step that sent something:
	// "received", "taken" (the receipt comes later) or a peer.Reason; may be nil.
	Observe func(outcome string)

	MaxBytes int64            // of entries and boxes in one request; 0 means 2 MiB, at least one package is sent
	Spacing  time.Duration    // Run stores receipts no more often; 0 means 100 ms
	Now      func() time.Time // real time; nil means time.Now
	Rand     func() float64   // for back-off; nil means none
	Logger   *slog.Logger     // nil discards
}

// Pusher brings our journal to one mirror, one request at a time: delivery
// and receipt in one exchange. A mirror that cannot be reached, or does not
// take pushes, loses nothing: it fetches. Step does one round; Run calls it when
// there is something to do.
type Pusher struct {
	c     PusherConfig
	wake  chan struct{}
	again chan struct{} // a failure may be over

	coming atomic.Pointer[journal.Coming] // of which Expect told last

	step    sync.Mutex // held during Step
	known   bool       // the sizes below were learned
	pending int64      // the mirror's pending checkpoint, as far as is known
	next    int64      // the entry that it wants next
	ticket  []byte     // the mirror's
	apart   bool       // it takes checkpoints by add-checkpoint only
	boxless bool       // it takes no boxes
	backoff peer.Backoff

	// The newest receipt, until it is stored. What is not stored when the
	// process ends, the mirror gives again.
	receipt *receipt
	kept    time.Time // when one was stored last

	mu     sync.Mutex
	status PusherStatus
}

// receipt is a mirror's cosignature of one of our checkpoints.
type receipt struct {
	of  witness.Checkpoint
	sig witness.Cosignature
}

// PusherStatus is a snapshot for pages and metrics.
type PusherStatus struct {
	Sent     int64 // entries that the mirror has taken
	Receipt  witness.Cosignature
	Reason   peer.Reason // why the last round failed
	Err      string
	Failures int // in a row
	NextTry  time.Time
}

// NewPusher returns a Pusher that has not sent anything yet.
func NewPusher(c PusherConfig) *Pusher {
	def(&c.MaxBytes, 2<<20)
	def(&c.Spacing, 100*time.Millisecond)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Pusher{c: c, wake: make(chan struct{}, 1), again: make(chan struct{}, 1), backoff: peer.Backoff{Base: 2 * time.Second, Rand: c.Rand}}
}

// Wake tells Run that there is a newer checkpoint. It never blocks.
func (p *Pusher) Wake() { nudge(p.wake) }

// Expect tells of a checkpoint that is about to be committed: the request with it
// is made meanwhile, up to its body, which waits. It never blocks.
func (p *Pusher) Expect(c *journal.Coming) {
	p.coming.Store(c)
	p.Wake()
}

// Retry says that a mirror which refused is likely to take pushes now: it has
// fetched. It never blocks.
func (p *Pusher) Retry() { nudge(p.again) }

// retryLeast is how long a failure counts whatever is heard.
const retryLeast = 10 * time.Second

// Status of the last rounds.
func (p *Pusher) Status() PusherStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// Run steps until ctx ends: when woken, and after failures when the back-off
// allows. It stores the first receipt after a rest at once, then the newest one
// every Spacing: each takes a commit, for which the journal would wait.
func (p *Pusher) Run(ctx context.Context) {
	for {
		err := p.round(ctx, false)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			least := min(retryLeast, p.Status().NextTry.Sub(p.c.Now()))
			if !sleep(ctx, least, nil) || !sleep(ctx, p.Status().NextTry.Sub(p.c.Now()), p.again) {
				return
			}
		default:
			if wait := p.unkept(); wait > 0 && !sleep(ctx, wait, p.wake) {
				return
			} else if wait > 0 {
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-p.wake:
			}
		}
	}
}

// unkept is how long to wait before the receipt is stored that came last; 0 if
// it is.
func (p *Pusher) unkept() time.Duration {
	p.step.Lock()
	defer p.step.Unlock()
	if p.receipt == nil {
		return 0
	}
	return max(p.c.Spacing-p.c.Now().Sub(p.kept), time.Millisecond)
}

// Step brings what the mirror lacks of our journal to it, unless it has it. An
// error is a *peer.Error, or one of our own storage; Status says when to try
// again.
func (p *Pusher) Step(ctx context.Context) error { return p.round(ctx, true) }

// round is Step that may leave the receipt to be stored by a later one.
func (p *Pusher) round(ctx context.Context, keep bool) error {
	p.step.Lock()
	defer p.step.Unlock()
	outcome, err := p.push(ctx)
	if keep || err != nil || p.c.Now().Sub(p.kept) >= p.c.Spacing {
		if err2 := p.keep(ctx); err == nil {
			err = err2
		}
	}
	if err != nil && ctx.Err() != nil {
		return err // we were stopped; the mirror is not to blame
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.status
	if err == nil {
		p.backoff.Reset()
		s.Reason, s.Err, s.Failures, s.NextTry = "", "", 0, time.Time{}
		p.observe(outcome)
		return nil
	}
	p.known = false // what is believed of the mirror may be why
	reason := peer.ReasonOf(err)
	if reason == "" {
		reason = peer.Local
	}
	if reason != s.Reason {
		p.c.Logger.InfoContext(ctx, "monitor: a mirror takes no pushes; it will fetch", "mirror", p.c.Mirror.Name(), "reason", reason, "err", err)
	}
	wait := p.backoff.Fail(peer.RetryAfterOf(err))
	s.Reason, s.Err, s.Failures, s.NextTry = reason, err.Error(), p.backoff.Failures(), p.c.Now().Add(wait)
	p.observe(string(reason))
	return err
}

func (p *Pusher) observe(outcome string) {
	if p.c.Observe != nil && outcome != "" {
		p.c.Observe(outcome)
	}
}

func (p *Pusher) origin() comity.Origin { return comity.Origin(p.c.Log.Name()) }

const (
	addCheckpointPath = MirrorPrefix + "/add-checkpoint"
	addEntriesPath    = MirrorPrefix + "/add-entries"
)

// push sends until the mirror has everything up to the head that it began
// with.
func (p *Pusher) push(ctx context.Context) (outcome string, err error) {
	head, err := p.c.Journal.Head(ctx, p.origin())
	if err != nil {
		return "", fmt.Errorf("reading the head of %s: %w", p.origin(), err)
	}
	if head.Size == 0 || len(head.Note) == 0 {
		return "", nil // nothing signed yet
	}
	if !p.known {
		if err := p.recall(ctx); err != nil {
			return "", err
		}
	}
	var ready func(context.Context) error
	store := p.c.Journal
	if c := p.coming.Swap(nil); c != nil && c.Head.Size > head.Size && p.Status().Sent >= head.Size && !p.apart {
		head, store, ready = c.Head, c.Store(), c.Wait
	}
	if p.Status().Sent >= head.Size {
		return "", nil
	}
	// A mirror may say no a few times before it is understood: what it has, and
	// how it takes checkpoints.
	for misses := 0; ; {
		if p.apart && p.pending != head.Size {
			if err := p.addCheckpoint(ctx, head); err != nil {
				return "", err
			}
		}
		from := p.next
		resp, err := p.addEntries(ctx, store, head, ready)
		if ready != nil {
			if ready(ctx) != nil && ctx.Err() == nil {
				return "", nil // it was not committed, and nothing was sent of it
			}
			store, ready = p.c.Journal, nil
			if err != nil && peer.ReasonOf(err) == "" {
				continue // what the proofs need was not there yet, such as a tile that became full
			}
		}
		if err != nil {
			return "", err
		}
		switch resp.Status {
		case http.StatusOK:
			return "received", p.accept(head, resp.Body)
		case http.StatusAccepted, http.StatusConflict:
			if err := p.learn(resp, head); err != nil {
				return "", err
			}
			if resp.Status == http.StatusAccepted && p.next >= head.Size {
				p.sent(head.Size, nil)
				return "taken", nil // the receipt comes when the mirror has the blobs, too
			}
			if p.next > from {
				continue
			}
			misses++
		case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusForbidden:
			if p.apart {
				return "", p.c.Client.Err(addEntriesPath, resp)
			}
			p.apart, p.ticket = true, nil // it may not know our tickets
			misses++
		default:
			return "", p.c.Client.Err(addEntriesPath, resp)
		}
		if misses > 3 {
			return "", p.c.Client.Err(addEntriesPath, resp)
		}
	}
}

// recall starts from the last receipt that is kept.
func (p *Pusher) recall(ctx context.Context) error {
	c, err := p.c.Cosignatures.Latest(ctx, p.origin(), p.c.Mirror.Name(), p.c.Mirror.KeyHash())
	if err != nil && !errors.Is(err, witness.ErrNone) {
		return fmt.Errorf("reading the last receipt of %s: %w", p.c.Mirror.Name(), err)
	}
	p.known, p.pending, p.next, p.apart, p.boxless, p.ticket = true, c.Size, c.Size, false, false, nil
	if err == nil {
		p.sent(c.Size, &c)
	}
	return nil
}

func (p *Pusher) sent(size int64, c *witness.Cosignature) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status.Sent = max(p.status.Sent, size)
	if c != nil && c.Size >= p.status.Receipt.Size {
		p.status.Receipt = *c
	}
}

// checkpointRequest is the body of add-checkpoint that leads from the mirror's
// pending checkpoint to head.
func (p *Pusher) checkpointRequest(ctx context.Context, store journal.Store, head journal.Head) ([]byte, error) {
	if p.pending > head.Size {
		return nil, &peer.Error{Reason: peer.Inconsistent, URL: p.c.Client.Base() + addCheckpointPath,
			Err: fmt.Errorf("it says that it has a checkpoint of %d entries of our journal, which has %d", p.pending, head.Size)}
	}
	var proof tlog.TreeProof
	if p.pending > 0 && p.pending < head.Size {
		var err error
		if proof, err = journal.ProveTree(ctx, store, p.origin(), head.Size, p.pending); err != nil {
			return nil, err
		}
	}
	return witness.FormatRequest(p.pending, proof, head.Note), nil
}

// addCheckpoint makes head the mirror's pending checkpoint in a request of its
// own.
func (p *Pusher) addCheckpoint(ctx context.Context, head journal.Head) error {
	for learned := false; ; learned = true {
		body, err := p.checkpointRequest(ctx, p.c.Journal, head)
		if err != nil {
			return err
		}
		resp, err := p.c.Client.Post(ctx, addCheckpointPath, "text/plain; charset=utf-8", body, peer.MaxCosigned)
		if err != nil {
			return err
		}
		if resp.Status == http.StatusOK {
			p.pending = head.Size
			return nil
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(string(resp.Body), "\n"), 10, 64)
		if resp.Status != http.StatusConflict || learned || err != nil || n < 0 {
			return p.c.Client.Err(addCheckpointPath, resp)
		}
		if p.pending = n; n == head.Size {
			return nil // somebody else brought it
		}
	}
}

// addEntries sends the packages that the mirror lacks, as far as one request
// goes, out of store. If ready is not nil the body waits for it.
func (p *Pusher) addEntries(ctx context.Context, store journal.Store, head journal.Head, ready func(context.Context) error) (peer.Response, error) {
	u := upload{Origin: p.origin(), Start: min(p.next, head.Size), End: head.Size, Ticket: p.ticket}
	if !p.apart {
		request, err := p.checkpointRequest(ctx, store, head)
		if err != nil {
			return peer.Response{}, err
		}
		u.Ticket = withCheckpoint(request)
	}
	body := u.header()
	empty := int64(len(body))
	var sent [][]byte
	for at, n := u.Start, 0; at < u.End && n < maxPackages && (n == 0 || int64(len(body))-empty < p.c.MaxBytes); n++ {
		end := next(at, u.End)
		entries, err := store.Entries(ctx, p.origin(), at, end)
		if err != nil {
			return peer.Response{}, fmt.Errorf("reading entries of %s: %w", p.origin(), err)
		}
		proof, err := subtree.Prove(at/width*width, end, u.End, journal.HashReader(ctx, store, p.origin()))
		if err != nil {
			return peer.Response{}, err
		}
		if body, err = (pack{start: at, entries: entries, proof: proof}).appendTo(body); err != nil {
			return peer.Response{}, err
		}
		sent = append(sent, entries...)
		at = end
	}
	if u.Start+int64(len(sent)) == u.End && p.c.Boxes != nil && !p.apart && !p.boxless {
		boxes, err := p.c.Boxes(ctx, sent, p.c.MaxBytes-(int64(len(body))-empty))
		if err != nil {
			return peer.Response{}, fmt.Errorf("reading boxes of %s: %w", p.origin(), err)
		}
		for _, box := range boxes {
			body = appendBox(body, box)
		}
	}
	return p.c.Client.PostWhen(ctx, ready, addEntriesPath, "application/octet-stream", body, peer.MaxCosigned)
}

// learn takes what the mirror says of itself in a 409 or 202.
func (p *Pusher) learn(resp peer.Response, head journal.Head) error {
	i, err := parseMirrorInfo(resp.Body)
	if err == nil && !strings.HasPrefix(resp.ContentType, mirrorInfoType) {
		err = fmt.Errorf("it is of type %q", clip(resp.ContentType))
	}
	if err == nil && i.Next > head.Size {
		err = fmt.Errorf("it wants entry %d of a journal that has %d", i.Next, head.Size)
	}
	if err != nil {
		return &peer.Error{Reason: peer.Malformed, URL: p.c.Client.Base() + addEntriesPath, Status: resp.Status,
			Err: fmt.Errorf("the answer does not say how to go on: %w", err)}
	}
	p.next, p.pending = i.Next, i.Size
	p.apart = !bytes.HasPrefix(i.Ticket, []byte(ticketCheckpoint))
	p.boxless = string(i.Ticket) != ourTicket
	if p.ticket = nil; p.apart {
		p.ticket = i.Ticket
	}
	return nil
}

// accept checks the receipt.
func (p *Pusher) accept(head journal.Head, lines []byte) error {
	cp, sigs, err := witness.OpenCosigned(append(bytes.Clone(head.Note), lines...), p.c.Now(), p.c.Log, p.c.Mirror)
	if err == nil && len(sigs) == 0 {
		err = fmt.Errorf("it has no signature of %s", p.c.Mirror.Name())
	}
	if err != nil {
		return &peer.Error{Reason: peer.WrongKey, URL: p.c.Client.Base() + addEntriesPath, Err: fmt.Errorf("the answer is no receipt: %w", err)}
	}
	p.pending, p.next = head.Size, head.Size
	p.receipt = &receipt{cp, sigs[0]}
	p.sent(head.Size, &sigs[0])
	return nil
}

// keep stores the newest receipt.
func (p *Pusher) keep(ctx context.Context) error {
	r := p.receipt
	if r == nil {
		return nil
	}
	if err := p.c.Cosignatures.Put(ctx, r.of, r.sig); err != nil {
		return fmt.Errorf("storing the receipt of %s: %w", p.c.Mirror.Name(), err)
	}
	p.receipt, p.kept = nil, p.c.Now()
	if p.c.Received != nil {
		p.c.Received(r.sig)
	}
	return nil
}
