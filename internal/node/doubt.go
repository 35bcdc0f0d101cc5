package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/keys"
)

// harvestPolls is how many polls lie at least between two checkpoints of a peer
// that are kept with their cosignatures: ten minutes, unless told otherwise.
const harvestPolls = 120

// doubts remembers which entries are in doubt, so that pages need not find out
// each time: it changes with a history of keys.
type doubts struct {
	mu   sync.Mutex
	by   map[comity.Domain]knownDoubts
	ours *keys.History // as a file: ourFile
	file string
}

type knownDoubts struct {
	history string // the file of which they are
	size    int64  // of the copy here then
	found   []keys.Doubt
}

// good reports whether they are still what is known: cosignatures from before
// the theft that were not here when the copy had reached the entries in doubt do
// not come any more.
func (k knownDoubts) good(history string, size int64) bool {
	return k.history == history && (k.size == size || !slices.ContainsFunc(k.found, func(d keys.Doubt) bool { return k.size < d.To }))
}

// ourFile is our own history as a file, made once.
func (d *doubts) ourFile(h *keys.History) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ours != h {
		d.ours, d.file = h, string(h.File())
	}
	return d.file
}

// Doubts says which entries held here may be somebody else's: those that an
// organization says were recorded under a key in other hands, but for those
// that enough witnesses had cosigned before. That is told apart here by what
// was kept of their cosignatures, so that nodes can differ in it: nothing that
// is folded depends on it.
func (n *Node) Doubts(ctx context.Context) (keys.Doubts, error) {
	peers, err := n.roster.Peers(ctx)
	if err != nil {
		return nil, err
	}
	out := keys.Doubts{}
	add := func(d comity.Domain, file string, read func() (keys.History, error)) error {
		found, err := n.doubtsOf(ctx, d, file, read)
		if err != nil {
			return fmt.Errorf("which entries of %s are in doubt: %w", d, err)
		}
		if len(found) > 0 {
			out[d] = found
		}
		return nil
	}
	ours := n.history.Load()
	if ours.Len() > 1 {
		err = add(n.Self.Domain, n.doubts.ourFile(ours), func() (keys.History, error) { return *ours, nil })
	}
	for _, p := range peers {
		if err == nil && p.History != "" {
			err = add(p.Domain, p.History, p.Keys)
		}
	}
	return out, err
}

func (n *Node) doubtsOf(ctx context.Context, d comity.Domain, file string, read func() (keys.History, error)) ([]keys.Doubt, error) {
	size := n.ledger.Size(d)
	n.doubts.mu.Lock()
	k, ok := n.doubts.by[d]
	n.doubts.mu.Unlock()
	if ok && k.good(file, size) {
		return k.found, nil
	}
	h, err := read()
	if err != nil {
		return nil, err
	}
	k = knownDoubts{history: file, size: size}
	for _, x := range h.Doubts() {
		seen, err := n.cosignedBefore(ctx, h, x)
		if err != nil {
			return nil, err
		}
		if x, left := x.Vouched(seen); left {
			k.found = append(k.found, x)
		}
	}
	n.doubts.mu.Lock()
	defer n.doubts.mu.Unlock()
	if n.doubts.by == nil {
		n.doubts.by = map[comity.Domain]knownDoubts{}
	}
	n.doubts.by[d] = k
	return k.found, nil
}

// cosignedBefore is the size of the largest checkpoint of h's journal, of those
// over entries in doubt, that a quorum of witnesses had cosigned before the key
// came into other hands, by their clocks, and that the copy here has grown
// through; 0 if none is kept here.
func (n *Node) cosignedBefore(ctx context.Context, h keys.History, x keys.Doubt) (size int64, err error) {
	w, err := n.acceptanceOf(ctx, h.Domain(), h.Good(keys.Log))
	if err != nil || w.policy.Demands() == "" {
		return 0, err
	}
	o := h.Domain().Origin()
	const page = 64
	for from := x.From + 1; from <= x.To; {
		kept, err := n.store.Cosignatures().From(ctx, o, from, page)
		if err != nil {
			return 0, err
		}
		earlier := false
		for _, c := range kept {
			c.Cosignatures = slices.DeleteFunc(c.Cosignatures, func(s witness.Cosignature) bool { return !w.counts(s) || !s.Time.Before(x.Since.Time) })
			if earlier = earlier || len(c.Cosignatures) > 0; !w.enough(c) {
				continue
			}
			root, err := journal.RootAt(ctx, n.journals, o, c.Size)
			switch {
			case errors.Is(err, journal.ErrNotFound): // not read that far
			case err != nil:
				return 0, err
			case root == c.Root:
				size = c.Size
			}
		}
		if len(kept) < page || !earlier { // larger ones are later
			break
		}
		from = kept[len(kept)-1].Size + 1
	}
	return min(size, x.To), nil
}

// acceptance says whose cosignatures of a journal count here, and how many are
// enough: the folder's policy, or else more than half of the witnesses known
// here. An organization is no witness of its own journal. It does not change.
type acceptance struct {
	policy *witness.Policy
	keysOf map[string]keys.History // of those that are known here, by the name of the witness
}

// acceptances remembers, by journal, what follows from the keys that were known:
// to work it out takes longer than the rest of a poll that finds nothing new.
type acceptances struct {
	mu sync.Mutex
	by map[comity.Domain]accepting
}

// accepting is an acceptance, and all that it follows from.
type accepting struct {
	acceptance
	logs  []string
	own   *keys.History
	peers []peer.Peer
}

func (n *Node) acceptanceOf(ctx context.Context, journal comity.Domain, logs []string) (acceptance, error) {
	peers, err := n.roster.Peers(ctx)
	if err != nil {
		return acceptance{}, err
	}
	own := n.history.Load()
	n.acceptances.mu.Lock()
	was := n.acceptances.by[journal]
	n.acceptances.mu.Unlock()
	if was.own == own && slices.Equal(was.logs, logs) && slices.Equal(was.peers, peers) {
		return was.acceptance, nil
	}
	w, err := n.workOutAcceptance(journal, logs, *own, peers)
	if err != nil {
		return w, err
	}
	n.acceptances.mu.Lock()
	defer n.acceptances.mu.Unlock()
	if n.acceptances.by == nil {
		n.acceptances.by = map[comity.Domain]accepting{}
	}
	n.acceptances.by[journal] = accepting{w, logs, own, peers}
	return w, nil
}

func (n *Node) workOutAcceptance(journal comity.Domain, logs []string, own keys.History, peers []peer.Peer) (w acceptance, err error) {
	logs = known(logs, witness.ParseLog)
	w.keysOf = map[string]keys.History{}
	var of []witness.Cosigner
	add := func(d comity.Domain, history keys.History, key string) {
		w.keysOf[d.WitnessName()] = history
		if d != journal {
			of = append(of, partyOf(d, history, keys.History.Good, key))
		}
	}
	add(n.Self.Domain, own, "")
	for _, p := range peers {
		history, err := p.Keys()
		if err != nil {
			return w, err
		}
		add(p.Domain, history, p.WitnessKey)
	}
	if n.wanted != nil {
		w.policy, err = n.wanted.WithLogs(logs...)
	} else {
		w.policy, err = majorityOf(logs, of)
	}
	return w, err
}

// counts reports whether a cosignature was made while its key was its owner's
// alone.
func (w acceptance) counts(s witness.Cosignature) bool {
	h, ok := w.keysOf[s.Signer]
	if !ok || h.IsZero() {
		return true // a witness of the policy, or a peer of whom only the key is known
	}
	for _, k := range h.Keys(keys.Witness) {
		if v, err := keys.ParseVKey(k.Key); err == nil && v.ID == s.KeyHash {
			return h.Counts(keys.Witness, k.Key, comity.TimeOf(s.Time))
		}
	}
	return false
}

// enough reports whether these cosignatures meet the policy.
func (w acceptance) enough(c witness.Cosigned) bool {
	return witness.Accepts(w.policy, c.Assembled()) == nil
}

// harvest is what a follower of p needs to keep cosignatures of its journal:
// which cosigners there are, and how many are enough.
func (n *Node) harvest(p peer.Peer) (cosigners func(context.Context) ([]note.Verifier, error), enough func(context.Context, witness.Cosigned) (bool, error)) {
	of := func(ctx context.Context) (acceptance, error) {
		p, err := n.roster.Peer(ctx, p.Domain)
		if err != nil {
			return acceptance{}, err
		}
		h, err := p.Keys()
		if err != nil {
			return acceptance{}, err
		}
		if h.IsZero() {
			return n.acceptanceOf(ctx, p.Domain, []string{p.LogKey})
		}
		return n.acceptanceOf(ctx, p.Domain, h.Good(keys.Log))
	}
	cosigners = func(ctx context.Context) ([]note.Verifier, error) {
		w, err := of(ctx)
		if err != nil {
			return nil, err
		}
		var out []note.Verifier
		for _, x := range w.policy.Witnesses {
			out = append(out, x.Verifier)
		}
		return out, nil
	}
	enough = func(ctx context.Context, c witness.Cosigned) (bool, error) {
		w, err := of(ctx)
		return err == nil && w.policy.Demands() != "" && w.enough(c), err
	}
	return cosigners, enough
}
