package person

import (
	"sync"
	"time"

	"github.com/comity/comity/comity"
)

// keepFor is for how long what the store said of a token is believed. Programs
// send theirs with every request, and to look it up takes as long as to read and
// check an act. What another process revokes counts here after so long; what this
// one revokes, at once.
const keepFor = time.Second

// maxKept bounds the tokens that are kept.
const maxKept = 1024

// kept are tokens that were looked up a moment ago.
type kept struct {
	mu      sync.Mutex
	by      map[comity.Hash]keptToken
	dropped int // how often it was emptied
}

type keptToken struct {
	Credential
	holder Person
	read   time.Time // just before it was read
}

// get returns what is kept of a token at a time. If that is nothing, what is
// read now may be put with since, unless the tokens were dropped meanwhile.
func (k *kept) get(h comity.Hash, now time.Time) (t keptToken, ok bool, since int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t, ok = k.by[h]
	if age := now.Sub(t.read); age < 0 || age >= keepFor {
		ok = false
	}
	return t, ok, k.dropped
}

func (k *kept) put(h comity.Hash, t keptToken, since int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if since != k.dropped {
		return
	}
	if k.by == nil || len(k.by) >= maxKept {
		k.by = map[comity.Hash]keptToken{}
	}
	k.by[h] = t
}

// drop forgets all: one of them may have been revoked.
func (k *kept) drop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.by = nil
	k.dropped++
}
