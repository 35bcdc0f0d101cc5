package peer

import (
	"errors"
	"fmt"
	"time"
)

// Reason says in one word why a peer could not be read or believed. The set is
// closed; Reasons lists it.
type Reason string

// The reasons.
const (
	Unreachable    Reason = "unreachable"     // no connection
	TimedOut       Reason = "timed-out"       // no complete answer in time
	Redirected     Reason = "redirected"      // the answer points elsewhere
	PrivateAddress Reason = "private-address" // the name leads to an address that is not on the public Internet
	TooLarge       Reason = "too-large"       // the answer is longer than its bound
	HTML           Reason = "html"            // a web page instead of data
	BadStatus      Reason = "status"          // an HTTP status that is no answer
	Malformed      Reason = "malformed"       // the answer cannot be parsed
	WrongKey       Reason = "wrong-key"       // not signed by the pinned key
	KeysChanged    Reason = "keys-changed"    // other keys, not authorized by the root key
	OtherOrigin    Reason = "other-origin"    // a checkpoint of another journal
	Stale          Reason = "stale"           // a checkpoint older than one seen before
	BadData        Reason = "bad-data"        // bytes that do not hash to what was signed
	Inconsistent   Reason = "inconsistent"    // two signed checkpoints contradict each other
	Superseded     Reason = "superseded"      // the copy was signed by a key that is revoked, and the journal goes on differently
	Local          Reason = "local"           // our own storage failed
)

// Reasons lists every reason.
func Reasons() []Reason {
	return []Reason{Unreachable, TimedOut, Redirected, PrivateAddress, TooLarge, HTML, BadStatus,
		Malformed, WrongKey, KeysChanged, OtherOrigin, Stale, BadData, Inconsistent, Superseded, Local}
}

// Text is a sentence for a page; it names no address and repeats nothing that
// the peer sent.
func (r Reason) Text() string {
	switch r {
	case Unreachable:
		return "No connection could be made."
	case TimedOut:
		return "No complete answer came in time."
	case Redirected:
		return "The address answers with a redirect; pin the address where the node itself serves."
	case PrivateAddress:
		return "The name leads to a private address; pin that exact host and port if this is meant."
	case TooLarge:
		return "The answer was longer than allowed and was not read further."
	case HTML:
		return "A web page came back instead of data; is this the address of a node?"
	case BadStatus:
		return "The node answered with an error."
	case Malformed:
		return "The answer could not be understood."
	case WrongKey:
		return "The checkpoint is not signed by the pinned key."
	case KeysChanged:
		return "The keys changed, and the change is not authorized by the root key that is pinned; ask the organization by another way."
	case OtherOrigin:
		return "The checkpoint belongs to another journal."
	case Stale:
		return "The node shows an older checkpoint than before."
	case BadData:
		return "The data does not match the signed checkpoint; nothing of it was kept."
	case Inconsistent:
		return "Two signed checkpoints contradict each other; the journal is frozen and the evidence kept."
	case Superseded:
		return "What is kept here was signed by a key that counts no more, and the journal goes on differently; speak with the organization."
	case Local:
		return "Our own storage failed; nothing was kept."
	}
	return ""
}

// Error is what went wrong with one peer.
type Error struct {
	Reason     Reason
	URL        string        // what was asked for; "" if nothing in particular
	Status     int           // HTTP status, 0 if none arrived
	RetryAfter time.Duration // what the peer asked for, 0 if nothing
	Err        error         // the cause; may be nil
}

func (e *Error) Error() string {
	s := string(e.Reason)
	if e.URL != "" {
		s = e.URL + ": " + s
	}
	if e.Status != 0 && e.Status != 200 {
		s += fmt.Sprintf(" (HTTP status %d)", e.Status)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// ReasonOf finds the reason in err; "" if err carries none.
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// StatusOf finds the HTTP status in err; 0 if it carries none.
func StatusOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// RetryAfterOf finds in err how long the peer asked us to wait; 0 if it did not.
func RetryAfterOf(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}
