package desk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/seal"
)

// An act that is sealed to a key of ours may come before this process has that key:
// its file is late, or the statement that puts it in force. It is closed then, for
// every process on the database. So it is noted with which keys a closed act was
// tried, and whoever has another tries it again; once.

// Tried is a set of sealing keys: of each the first 8 bytes of the SHA-256 of its
// recipient, in hex, sorted, with a space in between.
type Tried string

// ring opens what is sealed to us.
type ring struct {
	seal.Keyring
	keys Tried
}

func newRing(k seal.Keyring) *ring {
	r := &ring{Keyring: k}
	for _, id := range k {
		sum := sha256.Sum256([]byte(id.Recipient().String()))
		r.keys = r.keys.and(Tried(hex.EncodeToString(sum[:8])))
	}
	return r
}

// and is the union.
func (t Tried) and(o Tried) Tried {
	all := append(strings.Fields(string(t)), strings.Fields(string(o))...)
	slices.Sort(all)
	return Tried(strings.Join(slices.Compact(all), " "))
}

// lacks reports whether a set lacks one of the others.
func (t Tried) lacks(o Tried) bool { return t.and(o) != t }

// undecided reports whether more may be found out about a sealed entry with some keys.
func (s *Stored) undecided(with Tried) bool {
	return s.State == SealAwaiting || s.State == SealClosed && s.Why == whySealed && s.Tried.lacks(with)
}

// retryAtOnce is how many acts are tried again in one transaction.
const retryAtOnce = 64

// Retry opens acts that were closed for want of a key, as far as they were not
// tried with every key that is here now, and returns how many it has tried, and how
// many of them are open. If their content is missing they wait for it. It takes long
// if there are many, and next to nothing if there are none; told is called whenever
// some have been opened.
func (l *Ledger) Retry(ctx context.Context, told func()) (tried, opened int, err error) {
	sets, err := l.store.Tried(ctx)
	if err != nil {
		return 0, 0, err
	}
	var errs []error
	said := time.Now()
	for _, t := range sets {
		if !t.lacks(l.ring.Load().keys) {
			continue
		}
		var last comity.ActName
		for {
			some, err := l.store.Closed(ctx, t, last, retryAtOnce)
			if err != nil {
				return tried, opened, errors.Join(append(errs, err)...)
			}
			if len(some) == 0 {
				break
			}
			last = some[len(some)-1]
			n, err := l.retry(ctx, some)
			if err != nil && len(some) > 1 { // the others may be readable
				n, err = 0, nil
				for _, one := range some {
					opened, err2 := l.retry(ctx, []comity.ActName{one})
					n, err = n+opened, cmp.Or(err, err2)
				}
			}
			tried, opened = tried+len(some), opened+n
			if n > 0 {
				told()
			}
			if ctx.Err() != nil {
				return tried, opened, ctx.Err()
			}
			if err != nil && len(errs) < 10 {
				errs = append(errs, err)
			}
			if time.Since(said) > 5*time.Second {
				l.log.InfoContext(ctx, "trying sealed acts with another sealing key", "tried", tried, "opened", opened)
				said = time.Now()
			}
		}
	}
	return tried, opened, errors.Join(errs...)
}

func (l *Ledger) retry(ctx context.Context, names []comity.ActName) (int, error) {
	l.opening.Lock() // see Arrived
	defer l.opening.Unlock()
	return l.open(ctx, names)
}
