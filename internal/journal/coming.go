package journal

import (
	"context"
	"runtime"

	"github.com/comity/comity/comity"
)

// Coming is a head that was signed and whose commit is waited for, so that what
// follows from it can be prepared meanwhile. Nothing of it may leave the process
// before Wait has returned nil: it may never come to be.
type Coming struct {
	Head  Head
	store Store
	known chan struct{} // closed when it is known what became of it
	came  bool          // it was committed
}

// Store is the journal as it will be; see [Journal.Recent].
func (c *Coming) Store() Store { return c.store }

// Wait returns nil once the head is committed. It returns ErrNotRecorded if it
// was not, or if that is not known, and the error of ctx if that ends before.
func (c *Coming) Wait(ctx context.Context) error {
	select {
	case <-c.known:
	case <-ctx.Done():
		return ctx.Err()
	}
	if !c.came {
		return ErrNotRecorded
	}
	return nil
}

// announce tells of a head that will be committed next.
func (a *attempt) announce() {
	if a.j.c.Coming == nil {
		return
	}
	r := a.recent()
	a.coming = &Coming{Head: a.head, known: make(chan struct{}),
		store: recentStore{a.j.c.Store, func(o comity.Origin) (Head, *recent) {
			if o != a.j.c.Origin {
				return Head{}, nil
			}
			return a.head, r
		}}}
	a.j.c.Coming(a.coming)
}

// settled says what became of the head that was announced, and lets those run who
// wait for it: they carry it on, which takes longer than to answer the callers
// here.
func (a *attempt) settled(came bool) {
	if a.coming != nil {
		a.coming.came = came
		close(a.coming.known)
		runtime.Gosched()
	}
}
