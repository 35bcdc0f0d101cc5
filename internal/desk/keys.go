package desk

import (
	"context"
	"errors"
	"fmt"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/seal"
	"github.com/comity/comity/keys"
)

// SetKeyring changes the identities with which sealed acts are opened from now
// on, the one in use first. Those that are closed are for Retry.
func (l *Ledger) SetKeyring(k seal.Keyring) {
	l.ring.Store(newRing(k))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tell()
}

// KeyActs is how many key acts a journal has, as far as it is held here.
func (l *Ledger) KeyActs(ctx context.Context, d comity.Domain) (n int, err error) {
	err = l.house(ctx, d, func(s *casefile.State) { n = len(s.Keys) })
	return n, err
}

// KeyHistory is the keys of a journal and every change of them, as the journal
// itself has them, as far as it is held here.
func (l *Ledger) KeyHistory(ctx context.Context, d comity.Domain) (h keys.History, err error) {
	var none error
	err = l.house(ctx, d, func(s *casefile.State) { h, none = s.KeyHistory() })
	return h, errors.Join(err, none)
}

// Recorded is when an act held here was recorded, by its organization's clock.
func (l *Ledger) Recorded(ctx context.Context, n comity.ActName) (comity.Time, error) {
	h, err := l.get(ctx, n)
	if err == nil && h == nil {
		err = fmt.Errorf("%s is not held here", n)
	}
	if err != nil {
		return comity.Time{}, err
	}
	return h.At, nil
}
