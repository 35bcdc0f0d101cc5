package simtest

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

func (s *sim) houseOf(d comity.Domain) *house {
	for _, h := range s.houses {
		if h.domain == d {
			return h
		}
	}
	return nil
}

// behind says what is missing until all agree; "" if nothing is. What takes
// least to look at comes first.
func (r *record) behind() string {
	honest := r.s.honest()
	for _, h := range honest {
		if h.desk() == nil {
			return fmt.Sprintf("%s is down: %v", h.name, h.why())
		}
		for _, o := range honest {
			if got, size := len(r.tree(h, o.domain)), len(r.tree(o, o.domain)); got != size {
				return fmt.Sprintf("%s holds %d of %d entries of %s", h.name, got, size, o.name)
			}
		}
	}
	for _, o := range honest {
		size := int64(len(r.tree(o, o.domain)))
		signed, err := o.desk().Peers(context.Background(), officer)
		if err != nil {
			return err.Error()
		}
		for _, h := range honest {
			if h == o {
				continue
			}
			i := slices.IndexFunc(signed, func(p desk.PeerView) bool { return p.Domain == h.domain })
			if p := signed[i]; p.Stored.Size < size || p.Witness.Size < size {
				return fmt.Sprintf("%s has receipts of %s up to %d and cosignatures up to %d, of %d", o.name, h.name, p.Stored.Size, p.Witness.Size, size)
			}
		}
	}
	var digest casefile.Digest
	for i, h := range honest {
		d := h.desk()
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
	now := r.tree(first, first.domain)
	for i, leaf := range r.tree(h, first.domain) {
		if i >= len(now) || now[i] == leaf { // the longer one may go on
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
	if k := r.known[h]; k != nil && k.trees[of] != nil {
		return k.trees[of].leaves
	}
	return nil
}

// final searches everything that nodes keep for what is sealed to others.
func (r *record) final() {
	for _, h := range r.s.honest() {
		others := slices.DeleteFunc(slices.Clone(r.secrets), func(x secret) bool { return x.name.Domain == h.domain || slices.Contains(x.to, h.domain) })
		if len(others) == 0 {
			continue
		}
		for file, b := range h.files() {
			for _, x := range others {
				if bytes.Contains(b, []byte(x.text)) {
					r.violate(Sealed, "%s keeps the text of %s: %s", h.name, x.name, file)
				}
			}
		}
	}
}
