package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"filippo.io/torchwood"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/seal"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/keys"
)

// Proof returns a C2SP tlog-proof (https://c2sp.org/tlog-proof) that the act
// stands in its journal: an inclusion proof to a signed checkpoint with the
// cosignatures known here. Its unauthenticated extra data is the entry itself,
// so that the file can be checked alone.
//
// With accepted, only a checkpoint that the policy of witnesses accepts will do;
// ErrNoProof if none covers the act yet.
func (d *Desk) Proof(ctx context.Context, who Who, name comity.ActName, accepted bool) ([]byte, error) {
	h, err := d.Act(ctx, who, name)
	if err != nil {
		return nil, err
	}
	o := name.Domain.Origin()
	size, note, err := d.provable(ctx, o, name.Index+1, accepted)
	if err != nil {
		return nil, err
	}
	p, err := journal.ProveRecord(ctx, d.c.Store, o, name.Index, size)
	if err != nil {
		return nil, fmt.Errorf("prove %s: %w", name, err)
	}
	return torchwood.FormatProofWithExtraData(name.Index, h.Entry, p, note), nil
}

// provable returns a checkpoint of at least size, with its cosignatures: the
// accepted one if there is one, else, unless it must be accepted, the newest.
func (d *Desk) provable(ctx context.Context, o comity.Origin, size int64, accepted bool) (int64, []byte, error) {
	if o == d.c.Self.Origin {
		policy, err := d.policy(ctx)
		if err != nil {
			return 0, nil, err
		}
		c, err := witness.Satisfying(ctx, d.c.Cosigs, o, size, policy)
		if err == nil {
			return c.Size, c.Proving(policy), nil
		}
		if !errors.Is(err, witness.ErrNone) {
			return 0, nil, err
		}
	}
	if accepted {
		return 0, nil, ErrNoProof
	}
	head, err := d.c.Store.Head(ctx, o)
	if err != nil {
		return 0, nil, err
	}
	if head.Size < size {
		return 0, nil, ErrNoProof
	}
	note, _, err := d.cosigned(ctx, head)
	return head.Size, note, err
}

// policy says which checkpoints of our journal are accepted.
func (d *Desk) policy(ctx context.Context) (*witness.Policy, error) {
	if d.c.Policy == nil {
		return witness.Quorum(d.Self().LogKey, 0)
	}
	return d.c.Policy(ctx)
}

// cosigned is a head's checkpoint with as many of the cosignatures of it that are
// known here as others are sure to read, and all of these.
func (d *Desk) cosigned(ctx context.Context, head journal.Head) ([]byte, []witness.Cosignature, error) {
	if len(head.Note) == 0 {
		return nil, nil, nil
	}
	kept, err := d.c.Cosigs.From(ctx, head.Origin, head.Size, 1)
	if err != nil {
		return nil, nil, err
	}
	if len(kept) == 0 || kept[0].Size != head.Size {
		return head.Note, nil, nil
	}
	sigs := kept[0].Cosignatures
	var standing func(witness.Cosignature) witness.Standing
	return witness.Shown(head.Note, sigs, func(s witness.Cosignature) witness.Standing {
		if standing == nil {
			standing = d.standing(ctx)
		}
		return standing(s)
	}), sigs, nil
}

// standing tells what cosignatures of our journal are to others. Where that cannot
// be found out they are shown all the same, in an order that serves readers less.
func (d *Desk) standing(ctx context.Context) func(witness.Cosignature) witness.Standing {
	type key struct {
		name string
		id   uint32
	}
	counted, inForce, changing := map[key]bool{}, map[key]bool{}, map[string]bool{}
	if p, err := d.policy(ctx); err == nil {
		for _, w := range p.Counted() {
			counted[key{w.Verifier.Name(), w.Verifier.KeyHash()}] = true
		}
	}
	peers, err := d.c.Peers.Peers(ctx)
	if err != nil {
		d.c.Log.WarnContext(ctx, "whose cosignatures stand first on the checkpoint cannot be told", "err", err)
	}
	for _, p := range peers {
		h, err := p.Keys()
		if err != nil || h.IsZero() {
			continue
		}
		for _, role := range []keys.Role{keys.Witness, keys.Mirror} {
			changing[role.Name(p.Domain)] = true
			for _, k := range h.InForce(role) {
				if v, err := keys.ParseVKey(k); err == nil {
					inForce[key{v.Name, v.ID}] = true
				}
			}
		}
	}
	return func(s witness.Cosignature) witness.Standing {
		k := key{s.Signer, s.KeyHash}
		return witness.Standing{Own: s.Signer == string(d.c.Self.Origin), Counted: counted[k], Retired: changing[s.Signer] && !inForce[k]}
	}
}

// Checkpoint is our newest checkpoint with the cosignatures collected so far, as
// it is served: with so many that others are sure to read it.
func (d *Desk) Checkpoint(ctx context.Context) ([]byte, error) {
	head, err := d.c.Store.Head(ctx, d.c.Self.Origin)
	if err != nil {
		return nil, err
	}
	note, _, err := d.cosigned(ctx, head)
	return note, err
}

// Record describes our own journal.
func (d *Desk) Record(ctx context.Context, who Who) (Record, error) {
	head, err := d.c.Store.Head(ctx, d.c.Self.Origin)
	if err != nil {
		return Record{}, err
	}
	note, sigs, err := d.cosigned(ctx, head)
	if err != nil {
		return Record{}, err
	}
	doubts, err := d.Doubts(ctx)
	if err != nil {
		return Record{}, err
	}
	r := Record{Origin: d.c.Self.Origin, Size: head.Size, Root: comity.Hash(head.Root), Checkpoint: note, Doubts: doubts[d.c.Self.Domain]}
	if err := d.accepted(ctx, &r); err != nil {
		return Record{}, err
	}
	for _, s := range sigs {
		c := Cosignature{Name: s.Signer, Role: "witness", At: s.Time}
		switch {
		case strings.HasSuffix(s.Signer, "/mirror"):
			c.Role = "mirror"
		case s.Signer == string(d.c.Self.Origin):
			c.Role = "log"
		}
		if !slices.ContainsFunc(r.Cosignatures, func(o Cosignature) bool { return o.Name == c.Name }) {
			r.Cosignatures = append(r.Cosignatures, c)
		}
	}
	return r, nil
}

// accepted says what the policy demands, and how far it is met.
func (d *Desk) accepted(ctx context.Context, r *Record) error {
	p, err := d.policy(ctx)
	if err != nil {
		return err
	}
	r.Demands = p.Demands()
	kept, err := d.c.Cosigs.Last(ctx, r.Origin, 32)
	if err != nil {
		return err
	}
	signed := [][]byte{r.Checkpoint}
	sizes := []int64{r.Size}
	for _, c := range kept {
		signed, sizes = append(signed, c.Assembled()), append(sizes, c.Size)
	}
	for i := range signed {
		if witness.Accepts(p, signed[i]) == nil {
			r.Accepted = sizes[i]
			break
		}
	}
	return nil
}

// Peers lists the known organizations and how each stands with us.
func (d *Desk) Peers(ctx context.Context, who Who) ([]PeerView, error) {
	peers, err := d.c.Peers.Peers(ctx)
	if err != nil {
		return nil, err
	}
	doubts, err := d.Doubts(ctx)
	if err != nil {
		return nil, err
	}
	var out []PeerView
	for _, p := range peers {
		v := PeerView{Domain: p.Domain, Name: p.Name, URL: p.URL, LogKey: p.LogKey, Pinned: p.Pinned, Repinned: p.Repinned, Doubts: doubts[p.Domain]}
		if v.Follow, err = d.following(ctx, p); err != nil {
			return nil, err
		}
		if v.Stored, err = d.latest(ctx, p.MirrorKey); err != nil {
			return nil, err
		}
		if v.Witness, err = d.latest(ctx, p.WitnessKey); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b PeerView) int { return strings.Compare(string(a.Domain), string(b.Domain)) })
	return out, nil
}

func (d *Desk) latest(ctx context.Context, vkey string) (Receipt, error) {
	if vkey == "" {
		return Receipt{}, nil
	}
	v, err := torchwood.NewCosignatureVerifier(vkey)
	if err != nil {
		return Receipt{}, err
	}
	c, err := d.c.Cosigs.Latest(ctx, d.c.Self.Origin, v.Name(), v.KeyHash())
	if errors.Is(err, witness.ErrNone) {
		return Receipt{}, nil
	}
	return Receipt{c.Size, c.Time}, err
}

// LoadReceipts reads when mirrors have cosigned, once at start.
func (d *Desk) LoadReceipts(ctx context.Context) error {
	peers, err := d.c.Peers.Peers(ctx)
	if err != nil {
		return err
	}
	for _, p := range peers {
		kept, err := d.c.Cosigs.By(ctx, d.c.Self.Origin, p.Domain.MirrorName())
		if err != nil {
			return err
		}
		d.mu.Lock()
		d.receipts[p.Domain] = kept
		d.received += int64(len(kept))
		d.mu.Unlock()
	}
	return nil
}

// Disclose returns what lets anybody check, without any key, what a sealed act
// of ours says.
func (d *Desk) Disclose(ctx context.Context, who Who, name comity.ActName) (seal.Opening, error) {
	h, err := d.Act(ctx, who, name)
	switch {
	case err != nil:
		return seal.Opening{}, err
	case !who.May(person.Administrator):
		return seal.Opening{}, d.refuse(who)
	case h.Sealed == nil:
		return seal.Opening{}, &Invalid{errors.New("the act is public; there is nothing to disclose")}
	case name.Domain != d.c.Self.Domain:
		return seal.Opening{}, &Invalid{fmt.Errorf("only %s discloses its own act", name.Domain)}
	}
	if e, ok, err := d.Erased(ctx, name); err != nil {
		return seal.Opening{}, err
	} else if ok {
		return seal.Opening{}, &Invalid{fmt.Errorf("its content was erased by %s; there is nothing left to disclose", e.Act)}
	}
	box, err := d.c.Blobs.Get(ctx, h.Sealed.Content.SHA256)
	if err != nil {
		return seal.Opening{}, err
	}
	return d.c.Ledger.ring.Load().Open(name.Domain, seal.Content, h.Sealed.Content, box)
}
