package node

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/keys"
)

// party is an organization whose witness may count, with its keys as it has
// stated them. It proves of none that it has the secret of it.
type party struct {
	domain   comity.Domain
	pinned   time.Time // zero of ourselves
	keys     []string  // vkeys that count, those in force first
	founding []string  // those with which its history begins
}

// maxPartyKeys of one organization count: those in force, and then the newest.
// A history has room for thousands.
const maxPartyKeys = 32

// newParty of an organization with a history, of whose keys these count; or with
// one key, if no history is known.
func newParty(d comity.Domain, pinned time.Time, h keys.History, counts func(keys.History, keys.Role) []string, key string) party {
	c := party{domain: d, pinned: pinned, keys: []string{key}, founding: []string{key}}
	if !h.IsZero() {
		c.keys, c.founding = known(counts(h, keys.Witness), witness.ParseCosigner), h.Founding().Witness
	}
	c.keys = c.keys[:min(len(c.keys), maxPartyKeys)]
	return c
}

// partiesOf are the parties of a policy. Whoever states another's key as his own has
// nothing of it, and cannot make the policy one that no longer can be read: a
// cosignature does not say whose it is, so a key counts for one party, the one
// that began with it, and else the one that was pinned first. A log's key counts for
// none.
func (n *Node) partiesOf(all []party, logs []string) []witness.Cosigner {
	type owned struct {
		by  comity.Domain
		key string
	}
	owner := map[string]owned{}
	claim := func(d comity.Domain, key string) {
		if v, err := keys.ParseVKey(key); err == nil {
			if _, taken := owner[string(v.Key)]; !taken {
				owner[string(v.Key)] = owned{d, key}
			}
		}
	}
	for _, l := range logs {
		claim("", l)
	}
	byAge := slices.SortedStableFunc(slices.Values(all), func(a, b party) int { return a.pinned.Compare(b.pinned) })
	for _, c := range byAge {
		for _, k := range c.keys {
			if slices.Contains(c.founding, k) {
				claim(c.domain, k)
			}
		}
	}
	for _, c := range byAge {
		for _, k := range c.keys {
			claim(c.domain, k)
		}
	}
	var out []witness.Cosigner
	for _, c := range all {
		own := witness.Cosigner{Name: string(c.domain)}
		for _, k := range c.keys {
			v, err := keys.ParseVKey(k)
			if err != nil {
				continue
			}
			if o := owner[string(v.Key)]; o == (owned{c.domain, k}) {
				own.Keys = append(own.Keys, k)
			} else if _, told := n.said.LoadOrStore(o.key+" "+k, true); !told {
				n.log.Warn("an organization states a key as its witness's that is another's; it counts for that one only",
					"organization", string(c.domain), "key", fmt.Sprintf("%s+%08x", v.Name, v.ID), "of", cmp.Or(string(o.by), "a journal"))
			}
		}
		if len(own.Keys) > 0 {
			out = append(out, own)
		}
	}
	return out
}
