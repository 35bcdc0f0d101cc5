package web

import (
	"crypto/rand"
	"sync"

	"github.com/comity/comity/internal/desk"
)

// onceOnly keeps a form that issues from issuing twice when it is sent twice:
// an act stands for ever. It remembers the last of many tokens of this
// process.
type onceOnly struct {
	mu    sync.Mutex
	by    map[string]*attempt
	order []string
}

type attempt struct {
	mu   sync.Mutex
	done bool
	out  desk.Issued
}

// maxAttempts bounds what is remembered.
const maxAttempts = 4096

func newOnceOnly() *onceOnly { return &onceOnly{by: map[string]*attempt{}} }

// token for a form.
func (o *onceOnly) token() string { return rand.Text() }

// do calls issue unless it was called for the token before and succeeded; then
// it returns what came out of that.
func (o *onceOnly) do(token string, issue func() (desk.Issued, error)) (desk.Issued, error) {
	o.mu.Lock()
	a, ok := o.by[token]
	if !ok {
		a = &attempt{}
		o.by[token] = a
		o.order = append(o.order, token)
		if len(o.order) > maxAttempts {
			delete(o.by, o.order[0])
			o.order = o.order[1:]
		}
	}
	o.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.done {
		return a.out, nil
	}
	out, err := issue()
	a.done, a.out = err == nil, out
	return out, err
}
