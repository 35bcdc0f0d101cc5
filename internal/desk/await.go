package desk

import (
	"context"
	"errors"
	"fmt"

	"github.com/comity/comity/act"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/keys"
)

// A statement that revokes every key that signs the journal says what others
// have: from now on what these keys alone have signed counts as a thief's, if
// the journal does not have it. So once the root key has signed that, nothing
// more is recorded under them, by any process of the organization, but the act
// that carries the statement: what would be, would be given up as the thief's if
// the database was lost and put back. See doc/spec/keys.md.

// ErrAwaited: the journal awaits keys that are not in use here.
var ErrAwaited = errors.New("a change of keys comes first")

// revokesAll is the number of the statement that an act carries, if it revokes
// every key that signs the journal; else 0.
func (d *Desk) revokesAll(ctx context.Context, a *act.Act) (int, error) {
	for _, e := range a.Effects {
		k, ok := e.(effect.Key)
		if !ok || k.Statement == "" {
			continue
		}
		s, err := keys.ParseSigned([]byte(k.Statement))
		if err != nil {
			return 0, err
		}
		h, err := d.c.Ledger.KeyHistory(ctx, d.c.Self.Domain)
		if err != nil {
			return 0, err
		}
		if s.RevokesLog(h) {
			return int(s.Number), nil
		}
	}
	return 0, nil
}

// awaited is the draft that carries the statement which the journal awaits; none
// if it was released. No statement is awaited if that is 0.
func (d *Desk) awaited(ctx context.Context) (statement int, draft int64, err error) {
	n, err := d.c.Ledger.store.Awaits(ctx, d.c.Self.Origin)
	if err != nil || n == 0 || n <= d.c.KeysInUse() {
		return 0, 0, err
	}
	all, err := d.c.Drafts.Drafts(ctx)
	for _, x := range all {
		if x.Statement == n {
			draft = x.ID
		}
	}
	return n, draft, err
}

// Awaited is why nothing but one act may be recorded, for the organization's own
// people; nil if it is not so.
func (d *Desk) Awaited(ctx context.Context) error {
	n, draft, err := d.awaited(ctx)
	switch {
	case err != nil || n == 0:
		return err
	case draft == 0:
		return fmt.Errorf("%w: statement %d revokes the log key, and the one that follows it is not in use here yet", ErrAwaited, n)
	}
	return fmt.Errorf("%w: statement %d, signed by the root key, revokes the log key and waits to be released, as draft %d. "+
		"Nothing else is recorded before it is, since it would count as a thief's. A second person releases it: comity release %d --person …; "+
		"if it is not to be, its author or who may release discards it on the page of drafts", ErrAwaited, n, draft, draft)
}

// takeAwaited takes the keys into use that the journal awaits, if the statement
// that puts them in force is recorded; else it says what is waited for.
func (d *Desk) takeAwaited(ctx context.Context) error {
	n, draft, err := d.awaited(ctx)
	if err == nil && n != 0 && draft == 0 {
		if err = d.c.Ledger.CatchUp(ctx); err == nil { // another process may have recorded it
			err = d.c.Rekey(ctx)
		}
		if err != nil {
			return &Unable{fmt.Errorf("nothing was recorded: %w", err)}
		}
	}
	if err != nil {
		return err
	}
	return d.Awaited(ctx)
}

// held is why nothing is recorded now that is no answer to somebody.
func (d *Desk) held(ctx context.Context) error {
	if err := d.c.Journal.Held(); err != nil {
		return err
	}
	return d.Awaited(ctx)
}
