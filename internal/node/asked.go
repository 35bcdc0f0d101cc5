package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/keys"
)

// witnesses are those that are asked how far they have seen our journal, and
// the policy that says whose answers suffice.
type witnesses struct {
	policy  *witness.Policy
	ofPeers bool // the policy is that of a folder without one
	all     []asked
}

// asked is one witness, with all its keys.
type asked struct {
	name   string
	keys   []string         // vkeys
	peer   *peer.Peer       // nil if it is none
	other  witness.Cosigner // if it is none: with the address in the policy, if that has one
	counts bool             // for the policy
}

// witnesses are all peers and all witnesses of the policy.
func (n *Node) witnesses(ctx context.Context) (witnesses, error) {
	peers, err := n.roster.Peers(ctx)
	if err != nil {
		return witnesses{}, fmt.Errorf("read the roster: %w", err)
	}
	var w witnesses
	// A file that demands nothing names nobody, either, who could tell.
	if w.policy = n.wanted; w.policy == nil || w.policy.Demands() == "" {
		w.ofPeers = true
		if w.policy, err = n.peersPolicy(ctx); err != nil {
			return witnesses{}, err
		}
	}
	for _, p := range peers {
		ks, err := n.witnessKeys(p)
		if err != nil {
			return witnesses{}, err
		}
		w.all = append(w.all, asked{name: string(p.Domain), keys: ks, peer: &p})
	}
	for _, c := range w.policy.Parties() {
		if i := slices.IndexFunc(w.all, func(a asked) bool { return overlap(a.keys, c.Keys) }); i >= 0 {
			w.all[i].keys = append(w.all[i].keys, c.Keys...)
		} else {
			w.all = append(w.all, asked{name: c.Name, keys: c.Keys, other: c})
		}
	}
	for _, l := range w.policy.Counted() {
		i := slices.IndexFunc(w.all, func(a asked) bool { return slices.Contains(a.keys, l.Key) })
		if i < 0 {
			i = len(w.all)
			w.all = append(w.all, asked{name: l.Name, keys: []string{l.Key}})
		}
		w.all[i].counts = true
	}
	return w, nil
}

// enough reports whether those who answered know of everything that the policy
// may have accepted: the others are no quorum of it. And since what we signed
// may not be accepted yet, when some of the witnesses cannot be reached, more
// than half of those that count must have answered.
func (w witnesses) enough(answered func(asked) bool) bool {
	heard, of := w.heard(answered)
	if of == 0 {
		return true
	}
	return 2*heard > of && !w.policy.Met(func(l witness.PolicyWitness) bool {
		return !slices.ContainsFunc(w.all, func(a asked) bool { return answered(a) && slices.Contains(a.keys, l.Key) })
	})
}

// heard is how many have answered of those that count.
func (w witnesses) heard(answered func(asked) bool) (heard, of int) {
	for _, a := range w.all {
		if a.counts {
			of++
			if answered(a) {
				heard++
			}
		}
	}
	return heard, of
}

// wants says whose answers it takes.
func (w witnesses) wants() string {
	if w.ofPeers {
		return "more than half are needed"
	}
	return "more than half are needed, and so many that the rest are not " + w.policy.Demands()
}

// witnessKeys that a peer has stated, in force or retired, of kinds that are known here.
func (n *Node) witnessKeys(p peer.Peer) ([]string, error) {
	h, err := p.Keys()
	if err != nil || h.IsZero() {
		return []string{p.WitnessKey}, err
	}
	return known(h.Honest(keys.Witness), witness.ParseCosigner), nil
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(k string) bool { return slices.Contains(b, k) })
}

var errNoAddress = errors.New("it is no peer, and has no address in " + PolicyFile)

// lookAt asks one witness.
func (r *recovery) lookAt(ctx context.Context, a asked) sight {
	switch {
	case a.peer != nil:
		return r.lookAtPeer(ctx, *a.peer)
	case a.other.URL == "":
		return sight{err: errNoAddress}
	}
	s, client, err := r.n.newOutside(a.other, r.n.journals, r.n.everLogs) // the journal may be about to be opened
	if err != nil {
		return sight{err: err}
	}
	defer client.Close()
	cp, err := s.Asked(ctx, r.empty)
	if err != nil || cp.Size == 0 {
		return sight{err: err}
	}
	out := sight{cosigned: headOf(cp)}
	out.keep(r.disown(ctx, client, []journal.Head{out.cosigned}))
	return out
}

// empty is a checkpoint of our journal before its first entry.
func (r *recovery) empty() ([]byte, error) {
	root, err := tlog.TreeHash(0, nil)
	if err != nil {
		return nil, err
	}
	cp := torchwood.Checkpoint{Origin: string(r.n.Self.Origin), Tree: tlog.Tree{Hash: root}}
	return note.Sign(&note.Note{Text: cp.String()}, r.n.keys.Load().Log)
}

// few is the error that too few have answered; silent says why of each.
func (w witnesses) few(silent map[string]string, answered func(asked) bool) error {
	var lines []string
	for _, a := range w.all {
		if why, ok := silent[a.name]; ok && a.counts {
			lines = append(lines, a.name+": "+why)
		}
	}
	slices.Sort(lines)
	said := strings.Join(lines, "; ")
	without := "records without them, and says so on the record"
	if strings.Contains(said, errOtherKeys.Error()) {
		without = "records without them: never do that if our keys were changed since this copy of the folder was made, since what was recorded under the new ones would be contradicted"
	}
	heard, of := w.heard(answered)
	return fmt.Errorf("%d of %d witnesses have answered; %s (%s). When they can be reached recording goes on by itself; "+
		"\"comity serve --without-quorum REASON\" %s", heard, of, w.wants(), said, without)
}
