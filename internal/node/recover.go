package node

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/keys"
)

// recovery asks how far the world has seen our journal, and gets back what is
// lost here.
type recovery struct {
	n      *Node
	waived bool // the operator has said to go on without a quorum

	keyless atomic.Bool      // our log key is not in force, and the one that is not here
	grown   *journal.Journal // it has got entries back, which may have changed its keys; nil if they were looked at. Only for ask and fetch

	// A tree that goes on with the release of a revocation, and was lost here: it
	// is ours though only revoked keys have signed it.
	released atomic.Pointer[journal.Head]

	keeping oneAtATime // keepBlobs

	mu    sync.Mutex
	heard map[string]bool // witnesses that have answered since the start
	short error           // waived, and it was needed: who did not answer
	noted int64           // size of the checkpoint that seenFile holds
}

// logOf is the one of our keys, in force or not, that signed a checkpoint.
func (r *recovery) logOf(signed []byte) note.Verifier {
	ours := r.n.everLogs()
	return witness.LogOf(signed, ours[0], ours[1:]...)
}

func newRecovery(n *Node) *recovery {
	return &recovery{n: n, waived: n.c.WithoutQuorum != "", heard: map[string]bool{}}
}

const (
	askTimeout = 5 * time.Second        // for one witness
	askGrace   = 250 * time.Millisecond // for the others, when enough have answered
)

// sight is what one witness says of our journal.
type sight struct {
	by   asked
	seen []journal.Head // by its witness and its mirror, verified under our key
	err  error          // it has not answered

	// Of these, the one that its witness has cosigned, and the one of its mirror;
	// zero if there is none.
	cosigned, mirror journal.Head
}

// keep leaves what is not a thief's.
func (s *sight) keep(ours []journal.Head) {
	s.seen = ours
	for _, h := range []*journal.Head{&s.cosigned, &s.mirror} {
		if !slices.ContainsFunc(ours, func(o journal.Head) bool { return tree(o) == tree(*h) }) {
			*h = journal.Head{}
		}
	}
}

// ask is the journal's Config.Ask: it asks every witness at once. "Never seen"
// is an answer.
func (r *recovery) ask(ctx context.Context) ([]journal.Head, error) {
	if r.keyless.Load() {
		if err := r.n.rekey(ctx); err != nil {
			return nil, err
		}
		r.keyless.Store(false)
	}
	if err := r.signAnew(ctx); err != nil {
		return nil, err
	}
	r.n.roster.doubt()
	w, err := r.n.witnesses(ctx)
	if err != nil {
		return nil, err
	}
	seen, err := r.remembered()
	if err != nil {
		return nil, err
	}
	silent := map[string]string{} // who has not answered, and why
	for _, a := range w.all {
		silent[a.name] = "no answer in time"
	}
	answered := func(a asked) bool { _, ok := silent[a.name]; return !ok }
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	sights := r.look(ctx, w.all)
	stored, err := r.n.journals.Head(ctx, r.n.Self.Origin)
	if err != nil {
		return nil, err
	}
	known := false // to somebody, as far as it is stored here
	var grace <-chan time.Time
	for range w.all {
		if grace == nil && !r.waived && w.enough(answered) {
			grace = time.After(askGrace)
		}
		select {
		case s := <-sights:
			if s.err != nil {
				silent[s.by.name] = whySilent(s.err)
				continue
			}
			delete(silent, s.by.name)
			seen = append(seen, s.seen...)
			known = known || slices.ContainsFunc(s.seen, func(h journal.Head) bool { return h.Size >= stored.Size })
			continue
		case <-grace:
		}
		break
	}
	err = r.judge(ctx, w, silent, answered)
	if err == nil {
		err = r.unheard(known)
	}
	return seen, err
}

// judge is nil if enough have answered, or if it is to do without.
func (r *recovery) judge(ctx context.Context, w witnesses, silent map[string]string, answered func(asked) bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range w.all {
		if answered(a) {
			r.heard[a.name] = true
		}
	}
	if w.enough(answered) {
		return nil
	}
	short := w.few(silent, answered)
	if !r.waived {
		return short
	}
	r.short = short
	r.n.log.WarnContext(ctx, "recording without a quorum of witnesses, as the operator has said", "reason", r.n.c.WithoutQuorum, "short", short)
	return nil
}

// wanting is who did not answer when it was waived; nil if a quorum did.
func (r *recovery) wanting() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.short
}

func (r *recovery) hasHeard(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard[name]
}

func whySilent(err error) string {
	if reason := peer.ReasonOf(err); reason != "" {
		return strings.TrimSuffix(reason.Text(), ".")
	}
	return err.Error()
}

// look asks each witness; exactly one sight of each comes.
func (r *recovery) look(ctx context.Context, all []asked) <-chan sight {
	sights := make(chan sight, len(all))
	for _, a := range all {
		go func() {
			s := r.lookAt(ctx, a)
			s.by = a
			sights <- s
		}()
	}
	return sights
}

// lookAtPeer asks a peer, as witness and as mirror.
func (r *recovery) lookAtPeer(ctx context.Context, p peer.Peer) (s sight) {
	client, err := p.Client(peer.Config{UserAgent: "comity/" + r.n.c.Version, Transport: r.n.c.Transport})
	if err != nil {
		s.err = err
		return s
	}
	defer client.Close()
	theirs, err := r.n.witnessVerifiers(p)
	if err != nil {
		s.err = err
		return s
	}
	// What is signed by a key of ours that was revoked is an answer, too; disown
	// says whether it counts.
	cosigned, err := witness.NewSubmitter(witness.SubmitterConfig{Log: r.n.everLogs()[0], Former: r.n.everLogs, Witness: theirs[0], Also: theirs[1:],
		Client: client, Logger: r.n.log}).Seen(ctx)
	if errors.As(err, new(*note.UnverifiedNoteError)) {
		return sight{err: errOtherKeys}
	}
	if err != nil {
		s.err = err
		return s
	}
	if cosigned.Size > 0 {
		s.cosigned = headOf(cosigned)
		s.seen = append(s.seen, s.cosigned)
	}
	// The mirror may have what the witness was not shown yet. That it is a
	// mirror is not asked of a witness.
	body, err := client.Get(ctx, monitor.MirrorPath(r.n.Self.Origin, "checkpoint"), peer.MaxCheckpoint)
	if err == nil {
		var cp witness.Checkpoint
		if cp, _, err = witness.OpenCosigned(body, time.Now(), r.logOf(body)); err == nil {
			s.mirror = headOf(cp)
			s.seen = append(s.seen, s.mirror)
		}
	}
	if errors.As(err, new(*note.UnverifiedNoteError)) {
		return sight{err: errOtherKeys}
	}
	if err != nil && peer.StatusOf(err) != http.StatusNotFound && ctx.Err() == nil {
		r.n.log.WarnContext(ctx, "a mirror of our journal cannot be used", "peer", string(p.Domain), "err", err)
	}
	s.keep(r.disown(ctx, client, s.seen))
	return s
}

// errOtherKeys is what a peer tells that follows somebody else under our name.
var errOtherKeys = errors.New("it holds a journal of our name under a key that is not in this folder: put the key's file back into keys/ and start the node anew, or, if nobody here made it, " +
	"telephone them, since somebody else may have the root key")

func headOf(cp witness.Checkpoint) journal.Head {
	return journal.Head{Origin: cp.Origin, Size: cp.Size, Root: cp.Root, Note: cp.Note}
}

// fetch is the journal's Config.Fetch: it gets back from mirrors what the
// store lacks of a tree that we signed.
func (r *recovery) fetch(ctx context.Context, j *journal.Journal, to journal.Head) error {
	begun, err := j.Stored(ctx)
	if err != nil {
		return err
	}
	w, err := r.n.witnesses(ctx)
	if err != nil {
		return err
	}
	r.n.log.WarnContext(ctx, "entries that were signed are missing here; fetching them back from the mirrors", "have", begun.Size, "signed", to.Size)
	r.grown = j
	var sights []sight
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	all := r.look(asking, w.all)
	for range w.all {
		sights = append(sights, <-all)
	}
	cancel()
	silent := map[string]string{}
	for _, s := range sights {
		if s.err != nil {
			silent[s.by.name] = whySilent(s.err)
		}
	}
	answered := func(a asked) bool { _, ok := silent[a.name]; return !ok }
	if !r.waived && !w.enough(answered) {
		// Who is silent may show that what the others do is not ours.
		return w.few(silent, answered)
	}
	kept, err := r.remembered()
	if err != nil {
		return err
	}
	p, err := r.newPasts(ctx, sights, to, append(kept, begun), w.policy)
	if err != nil {
		return err
	}
	defer p.close()
	if len(p.good) > 0 && p.good[0].Size > begun.Size && p.err() != nil {
		to = p.good[0]
	}
	slices.SortStableFunc(sights, func(a, b sight) int {
		if x, y := p.silent(a.by.name), p.silent(b.by.name); x != y {
			if x {
				return 1
			}
			return -1
		}
		return cmp.Compare(b.mirror.Size, a.mirror.Size)
	})
	var failed []string
	for _, s := range sights {
		if s.by.peer == nil {
			continue
		}
		if s.err != nil {
			failed = append(failed, fmt.Sprintf("%s: %s", s.by.name, silent[s.by.name]))
			continue
		}
		if err := r.fetchFrom(ctx, j, s, to, p.mayPutBack); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.n.log.WarnContext(ctx, "a mirror could not give back all of our journal", "mirror", s.by.name, "err", err)
			failed = append(failed, fmt.Sprintf("%s: %v", s.by.name, err))
		}
		if now, err := j.Stored(ctx); err == nil && whole(now, to) {
			r.n.log.WarnContext(ctx, "the journal is whole again", "mirror", s.by.name, "from", begun.Size, "to", now.Size)
			r.fetchBlobs(ctx)
			return errors.Join(p.err(), r.signAnew(ctx))
		}
	}
	if err := p.err(); err != nil {
		return err
	}
	now, err := j.Stored(ctx)
	if err != nil {
		return err
	}
	if now.Size >= to.Size {
		return fmt.Errorf("the newest entry put back, %d, is under no checkpoint yet; no mirror has one (%s)", now.Size-1, strings.Join(failed, "; "))
	}
	return fmt.Errorf("%d entries were signed and only %d are stored here: entries %d to %d could not be had from any mirror (%s). "+
		"Nothing is signed in their place. Bring back the newest copy of the database, or have a peer that mirrored them started; see \"An old copy was restored\" in doc/operate.md",
		to.Size, now.Size, now.Size, to.Size-1, strings.Join(failed, "; "))
}

// signAnew makes the log keys sign that are in force by what was put back, before
// anything is recorded behind it: an old copy's key may have been retired since.
func (r *recovery) signAnew(ctx context.Context) error {
	if r.grown == nil {
		return nil
	}
	if acts, err := r.n.ledger.KeyActs(ctx, r.n.Self.Domain); err != nil || acts == 0 {
		return err // nothing is back yet
	}
	h, err := r.n.ledger.KeyHistory(ctx, r.n.Self.Domain)
	if err != nil {
		return err
	}
	k := r.n.Folder.keysFor(h, *r.n.keys.Load())
	if l, ok := k.lacks[keys.Log]; ok {
		return errors.New(l.why)
	}
	if err := r.grown.SetSigners(ctx, k.logSigners()...); err != nil {
		return err
	}
	r.grown = nil
	return nil
}

// whole reports whether a stored head reaches what was signed, under a
// checkpoint.
func whole(stored, to journal.Head) bool { return stored.Size >= to.Size && len(stored.Note) > 0 }

// fetchFrom gets from one mirror as much as it has of what may be put back.
func (r *recovery) fetchFrom(ctx context.Context, j *journal.Journal, s sight, to journal.Head, may func(journal.Head) bool) error {
	client, err := s.by.peer.Client(peer.Config{UserAgent: "comity/" + r.n.c.Version, Transport: r.n.c.Transport})
	if err != nil {
		return err
	}
	defer client.Close()
	base := "/mirror/" + r.n.Self.Origin.Hash() + "/"
	// First what it vouches for; then, since it may hold entries whose blobs it
	// waits for, what others have seen.
	for _, t := range []journal.Head{s.mirror, to} {
		if t.Size == 0 || !may(t) {
			continue
		}
		if err := r.copyTo(ctx, j, tiles{c: client, base: base}, t); err != nil {
			return err
		}
	}
	return nil
}

// copyTo puts back what the store lacks of a tree that we signed. Each step is
// verified against the tree's root before it is stored.
func (r *recovery) copyTo(ctx context.Context, j *journal.Journal, from tiles, to journal.Head) error {
	hashes := torchwood.TileHashReaderWithContext(ctx, tlog.Tree{N: to.Size, Hash: to.Root}, from)
	rootAt := func(size int64) (tlog.Hash, error) {
		if size == to.Size {
			return to.Root, nil
		}
		return tlog.TreeHash(size, hashes)
	}
	for checked := int64(-1); ; {
		stored, err := j.Stored(ctx)
		if err != nil {
			return err
		}
		if whole(stored, to) || stored.Size > to.Size {
			return nil
		}
		if stored.Size > 0 && stored.Size != checked {
			root, err := rootAt(stored.Size)
			if err != nil {
				return err
			}
			if root != stored.Root {
				return fmt.Errorf("the database holds other entries before %d than were signed: bring back the right copy of it, or, if somebody else has the log key, revoke that", stored.Size)
			}
		}
		entries, err := from.entries(ctx, stored.Size, to.Size)
		if err != nil {
			return err
		}
		next := to
		if size := stored.Size + int64(len(entries)); size < to.Size {
			root, err := rootAt(size)
			if err != nil {
				return err
			}
			next = journal.Head{Origin: to.Origin, Size: size, Root: root}
		}
		switch err := j.Restore(ctx, entries, next); {
		case errors.Is(err, journal.ErrMoved), errors.Is(err, journal.ErrAmbiguous):
			continue // look where it ends now
		case err != nil:
			return err
		}
		checked = next.Size
		r.n.log.InfoContext(ctx, "entries put back", "size", next.Size, "of", to.Size)
	}
}

// fetchBlobs gets back the sealed contents of our own acts that are not here,
// and returns how many are still missing.
func (r *recovery) fetchBlobs(ctx context.Context) int {
	missing, err := r.n.ledger.Missing(ctx, r.n.Self.Origin)
	if err != nil {
		r.n.log.ErrorContext(ctx, "find which sealed contents are missing", "err", err)
		return 1 // at least: it is looked at again
	}
	if len(missing) == 0 {
		return 0
	}
	peers, err := r.n.roster.Peers(ctx)
	if err != nil {
		return len(missing)
	}
	var clients []*peer.Client
	for _, p := range peers {
		if c, err := p.Client(peer.Config{UserAgent: "comity/" + r.n.c.Version, Transport: r.n.c.Transport}); err == nil {
			defer c.Close()
			clients = append(clients, c)
		}
	}
	left := 0
	for _, m := range missing {
		got := false
		for i := 0; i < len(clients); i++ {
			data, err := clients[i].Get(ctx, "/journal/blob/"+m.SHA256.String(), m.Size)
			if err != nil && unanswered(err) { // nor will it for the next
				clients = slices.Delete(clients, i, i+1)
				i--
				continue
			}
			if err != nil || int64(len(data)) != m.Size || sha256.Sum256(data) != m.SHA256 {
				continue
			}
			if err := (ledgerBlobs{r.n}).Put(ctx, data); err != nil {
				if ctx.Err() == nil { // else a command that ends; the node goes on
					r.n.log.ErrorContext(ctx, "store a sealed content that was fetched back", "sha256", m.SHA256.String(), "err", err)
				}
				break
			}
			got = true
			break
		}
		if !got {
			left++
		}
	}
	r.n.log.WarnContext(ctx, "sealed contents of our own acts were missing here", "fetched", len(missing)-left, "missing", left)
	return left
}

// keepBlobs fetches sealed contents of our own that are missing until none is. It
// leaves that to another call, if there is one, which then looks once more.
func (r *recovery) keepBlobs(ctx context.Context) {
	r.keeping.do(func() {
		back := peer.Backoff{Rand: r.n.c.Rand, Base: 5 * time.Second, Max: 10 * time.Minute}
		for r.fetchBlobs(ctx) > 0 {
			if !pause(ctx, back.Fail(0)) {
				return
			}
		}
	})
}

// oneAtATime runs something.
type oneAtATime struct {
	running sync.Mutex
	more    atomic.Bool
}

// do runs f; if it runs already, that is run once more when it ends: it may have looked
// before there was anything to do.
func (o *oneAtATime) do(f func()) {
	o.more.Store(true)
	for o.more.Load() && o.running.TryLock() {
		o.more.Store(false)
		f()
		o.running.Unlock()
	}
}

// remind asks a witness that has not answered yet, until it does, how far it
// has seen our journal. If that is ahead of what is stored here, the journal
// signs nothing until it is whole again.
func (r *recovery) remind(ctx context.Context, l *link) {
	back := peer.Backoff{Rand: r.n.c.Rand}
	for !r.hasHeard(string(l.peer.Domain)) {
		asking, cancel := context.WithTimeout(ctx, askTimeout)
		s := r.lookAtPeer(asking, l.peer)
		cancel()
		if s.err == nil {
			for _, h := range s.seen {
				if err := r.n.journal.Saw(ctx, h); err != nil && ctx.Err() == nil {
					r.n.log.WarnContext(ctx, "a witness has seen our journal further than it is stored here, or otherwise", "witness", string(l.peer.Domain), "err", err)
				}
			}
			r.mu.Lock()
			r.heard[string(l.peer.Domain)] = true
			r.mu.Unlock()
			return
		}
		if !pause(ctx, back.Fail(peer.RetryAfterOf(s.err))) {
			return
		}
	}
}

// pause for d; false if ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// seenFile in the folder holds a late checkpoint of our own journal. It tells
// when a database was put back, or is another, and the folder was not: also if
// no peer knows of us. That it agrees proves nothing, since a whole folder can
// be put back too, so that it never stands for a witness.
const seenFile = "checkpoint"

// remembered is what seenFile says.
func (r *recovery) remembered() ([]journal.Head, error) {
	path := filepath.Join(r.n.Folder.Dir, seenFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	cp, _, err := witness.OpenCosigned(b, time.Now(), r.logOf(b))
	if err != nil {
		// A machine that stopped may leave it half-written; it may also belong to
		// a key that was replaced.
		r.n.log.Warn("the checkpoint kept in the folder cannot be read; going on without it", "file", path, "err", err)
		return nil, nil
	}
	return []journal.Head{headOf(cp)}, nil
}

// noteSeen writes seenFile after new checkpoints, at most once a second.
func (r *recovery) noteSeen(ctx context.Context) {
	for {
		r.mu.Lock()
		size := r.noted
		r.mu.Unlock()
		if _, err := r.n.journal.Wait(ctx, size); err != nil {
			return
		}
		if err := r.note(); err != nil {
			r.n.log.WarnContext(ctx, "note how far the journal was signed", "err", err)
		}
		r.goesOn()
		if !pause(ctx, time.Second) {
			return
		}
	}
}

// note writes the newest checkpoint into seenFile.
func (r *recovery) note() error {
	h := r.n.journal.Head()
	r.mu.Lock()
	defer r.mu.Unlock()
	if h.Size <= r.noted || len(h.Note) == 0 {
		return nil
	}
	if err := r.n.writeFile(seenFile, h.Note); err != nil {
		return err
	}
	r.noted = h.Size
	return nil
}

// writeFile replaces a file of the folder.
func (n *Node) writeFile(name string, data []byte) error {
	var fault error
	if n.c.Fault != nil {
		applied, err := n.c.Fault("file", name)
		if fault = err; err != nil && !applied {
			return err
		}
	}
	path := filepath.Join(n.Folder.Dir, name)
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return cmp.Or(os.Rename(path+".new", path), fault)
}
