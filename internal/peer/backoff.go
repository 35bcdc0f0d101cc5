package peer

import "time"

// Bounds of Backoff.
const (
	DefaultBase   = time.Second      // before the first repetition
	DefaultMax    = 5 * time.Minute  // between repetitions in the long run
	MaxRetryAfter = 30 * time.Minute // the most that a peer's Retry-After can ask for
)

// Backoff says how long to wait after failures: Base doubled with each one up
// to Max, of which a random part between half and all is taken, so that many
// nodes do not come back at the same instant. The zero value uses the defaults
// and no randomness. It is not safe for concurrent use.
type Backoff struct {
	Base, Max time.Duration
	Rand      func() float64 // in [0,1); nil takes the full wait

	failures int
}

// Fail counts one more failure and returns how long to wait. A peer's
// Retry-After lengthens the wait up to MaxRetryAfter and never shortens it.
func (b *Backoff) Fail(retryAfter time.Duration) time.Duration {
	d, most := b.Base, b.Max
	if d <= 0 {
		d = DefaultBase
	}
	if most <= 0 {
		most = DefaultMax
	}
	for range b.failures {
		if d *= 2; d >= most {
			break
		}
	}
	d = min(d, most)
	b.failures++
	if b.Rand != nil {
		d = d/2 + time.Duration(b.Rand()*float64(d/2))
	}
	return max(d, min(retryAfter, MaxRetryAfter))
}

// Reset forgets the failures.
func (b *Backoff) Reset() { b.failures = 0 }

// Failures in a row.
func (b *Backoff) Failures() int { return b.failures }

// Jitter spreads d evenly between 80 % and 120 % of it. A nil rand leaves it.
func Jitter(d time.Duration, rand func() float64) time.Duration {
	if rand == nil {
		return d
	}
	return time.Duration(float64(d) * (0.8 + 0.4*rand()))
}
