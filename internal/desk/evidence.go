package desk

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/keys"
)

// Evidence is an evidence act held here, and what this node found of its file.
type Evidence struct {
	Act     comity.ActName
	Pos     int64 // position among all acts held here
	Against comity.Domain
	Proof   comity.Hash // SHA-256 of the evidence file

	Here     bool   // the file is here
	Verified bool   // and proves what the act says, under the key pinned here
	Why      string // why it is not verified; "" if it is

	Found *monitor.Evidence // what the file says; nil unless it is verified
}

// EvidenceActs are the evidence acts that stand in the house matters of
// followed journals and our own. Their files are not looked at.
func (d *Desk) EvidenceActs(ctx context.Context) ([]Evidence, error) {
	houses, err := d.houses(ctx)
	if err != nil {
		return nil, err
	}
	var out []Evidence
	for _, h := range houses {
		err := d.c.Ledger.house(ctx, h, func(s *casefile.State) {
			for _, f := range s.Evidence {
				if stands(s, f.Act) {
					out = append(out, Evidence{Act: f.Act, Against: f.E.Against, Proof: f.E.Proof})
				}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	for i := range out {
		h, err := d.c.Ledger.get(ctx, out[i].Act)
		if err != nil {
			return nil, err
		}
		if h != nil {
			out[i].Pos = h.Pos
		}
	}
	return out, nil
}

// houses are ourselves and the peers.
func (d *Desk) houses(ctx context.Context) ([]comity.Domain, error) {
	peers, err := d.c.Peers.Peers(ctx)
	all := []comity.Domain{d.c.Self.Domain}
	for _, p := range peers {
		all = append(all, p.Domain)
	}
	return all, err
}

// stands reports whether what an act did still counts.
func stands(s *casefile.State, name comity.ActName) bool {
	f, ok := s.Fact(name)
	return ok && f.Withdrawn.IsZero() && f.Corrected.IsZero()
}

// EvidenceAct is what an act that publishes evidence comes to; false if the act
// publishes none.
func (d *Desk) EvidenceAct(ctx context.Context, who Who, name comity.ActName) (Evidence, bool, error) {
	h, err := d.Act(ctx, who, name)
	if err != nil || h.Act == nil {
		return Evidence{}, false, err
	}
	for _, x := range h.Act.Effects {
		if e, ok := x.(effect.Evidence); ok {
			out, err := d.Examine(ctx, Evidence{Act: name, Pos: h.Pos, Against: e.Against, Proof: e.Proof})
			return out, true, err
		}
	}
	return Evidence{}, false, nil
}

// Examine looks at the file of an evidence act and checks it with the keys that
// are known here for the accused journal: nothing that the act or the file says
// of itself is believed.
func (d *Desk) Examine(ctx context.Context, e Evidence) (Evidence, error) {
	e.Here, e.Verified, e.Found = false, false, nil
	file, err := d.c.Blobs.Get(ctx, e.Proof)
	switch {
	case errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrCorrupt):
		e.Why = "the evidence file has not been fetched yet"
		return e, nil
	case err != nil:
		return e, fmt.Errorf("read the evidence file of %s: %w", e.Act, err)
	}
	e.Here = true
	vs, err := d.logKeys(ctx, e.Against)
	if err != nil {
		return e, err
	}
	if len(vs) == 0 {
		e.Why = fmt.Sprintf("no key of %s is pinned here", e.Against)
		return e, nil
	}
	found, err := checkEvidence(file, e.Against, vs)
	if err != nil {
		e.Why = err.Error()
		return e, nil
	}
	e.Verified, e.Why, e.Found = true, "", found
	return e, nil
}

func checkEvidence(file []byte, against comity.Domain, vs []note.Verifier) (*monitor.Evidence, error) {
	e, err := monitor.ParseEvidence(file)
	if err != nil {
		return nil, err
	}
	if e.Origin != against.Origin() {
		return nil, fmt.Errorf("the evidence file is about another journal than the act says")
	}
	return e, e.Verify(vs...)
}

// logKeys are the keys with which evidence against a journal must be signed:
// all that it had as far as is known here, but for those that were revoked,
// since what a thief signs accuses nobody. None if the journal is not pinned.
func (d *Desk) logKeys(ctx context.Context, x comity.Domain) ([]note.Verifier, error) {
	if x == d.c.Self.Domain {
		if h, err := d.c.Ledger.KeyHistory(ctx, x); err == nil {
			return peer.Verifiers(h.Honest(keys.Log))
		}
		return peer.Verifiers([]string{d.Self().LogKey})
	}
	peers, err := d.c.Peers.Peers(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range peers {
		if p.Domain == x {
			return p.Honest(keys.Log)
		}
	}
	return nil, nil
}

// Publish issues the act that makes an evidence file known, in our house
// matters and in the node's own name. It does so at most once for each file,
// also over restarts and among several processes: if our journal has such an
// act, that is returned.
func (d *Desk) Publish(ctx context.Context, e *monitor.Evidence) (comity.ActName, error) {
	against, err := e.Origin.Domain()
	if err != nil {
		return comity.ActName{}, err
	}
	file := e.File()
	proof := comity.Hash(sha256.Sum256(file))
	if err := d.held(ctx); err != nil {
		return comity.ActName{}, explain(err) // the act may be about to be put back
	}
	if name, ok, err := d.published(ctx, proof); ok || err != nil {
		return name, err
	}
	if _, err := d.c.Blobs.Put(ctx, file); err != nil { // before anybody learns of it
		return comity.ActName{}, d.unkept(ctx, fmt.Errorf("store the evidence file: %w", err))
	}
	p, err := d.evidenceAct(ctx, against, file, proof)
	if err != nil {
		return comity.ActName{}, err
	}
	// What another process has just recorded may not be in our books yet.
	out, err := d.record(ctx, p, 0, publishOnce(proof))
	var before *publishedBefore
	if errors.As(err, &before) {
		return before.by, nil
	}
	return out.Name, err
}

// publishOnce keeps which act of ours says what a hash stands for. If another
// does already, the act is refused with a *publishedBefore.
func publishOnce(what comity.Hash) with {
	return func(r Recorder, issued Issued) error {
		before, fresh, err := r.PublishOnce(what, issued.Name)
		if err == nil && !fresh {
			err = journal.Refuse(&publishedBefore{before})
		}
		return err
	}
}

// publishedBefore says that our journal has an act that says the same.
type publishedBefore struct{ by comity.ActName }

func (p *publishedBefore) Error() string { return fmt.Sprintf("%s publishes it already", p.by) }

// published finds our own act that names an evidence file. One that was
// withdrawn counts: it was issued.
func (d *Desk) published(ctx context.Context, proof comity.Hash) (name comity.ActName, ok bool, err error) {
	err = d.c.Ledger.house(ctx, d.c.Self.Domain, func(s *casefile.State) {
		i := slices.IndexFunc(s.Evidence, func(f casefile.Fact[effect.Evidence]) bool { return f.E.Proof == proof })
		if ok = i >= 0; ok {
			name = s.Evidence[i].Act
		}
	})
	return name, ok, err
}

func (d *Desk) evidenceAct(ctx context.Context, against comity.Domain, file []byte, proof comity.Hash) (Preview, error) {
	body, err := json.Marshal(act.Evidence{Against: against, Proof: proof})
	if err != nil {
		return Preview{}, err
	}
	doc, err := act.Encode(&act.Act{Kind: "evidence.v1", Date: d.Now(), By: act.By{Office: "Monitor"}, Status: comity.Actual, TLP: comity.Clear,
		Lang: "en", Title: fmt.Sprintf("Two checkpoints of %s contradict each other", against), Body: body,
		Text: fmt.Sprintf("The key of the journal of %s signed two checkpoints of which no journal can have grown through both. The attached file has both and the proof; "+
			"\"comity verify FILE --key VKEY\" checks it offline. What %s recorded before is kept; nothing of its journal is read further here until the two organizations have spoken.", against, against),
		Attach: []act.Attachment{{Name: EvidenceName(against), SHA256: proof, Type: "application/json", Size: int64(len(file))}}})
	if err != nil {
		return Preview{}, err
	}
	return d.prepare(ctx, doc)
}

// EvidenceName is the file name of evidence against an organization.
func EvidenceName(against comity.Domain) string { return string(against) + ".evidence.json" }
