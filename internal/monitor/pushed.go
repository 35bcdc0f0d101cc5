package monitor

import (
	"time"

	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/witness"
)

// pushGrace is how long a follower that was pushed to before waits for the next
// push, once it heard that there is something new, before it fetches it itself.
const pushGrace = 250 * time.Millisecond

// await gives pushes time to bring what was heard of so far; f.mu is held.
func (f *Follower) await() {
	entries, receipt := f.heard, f.receiptHeard
	f.late = time.AfterFunc(pushGrace, func() { f.overdue(entries, receipt) })
}

// overdue wakes the follower if what was heard of a while ago has not come, and
// waits on for what was heard of since.
func (f *Follower) overdue(entries, receipt int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.late = nil
	if entries > f.status.Size {
		f.byPush = false
		nudge(f.told.c)
	}
	if receipt > f.status.Receipt.Size {
		f.receiptByPush = false
		nudge(f.toldReceipt.c)
	}
	if f.byPush && f.heard > f.status.Size || f.receiptByPush && f.receiptHeard > f.status.Receipt.Size {
		f.await()
	}
}

// heardPush takes the outcome of a push into the status. That the journal was
// heard up to its head is not said: whoever pushes may push what is old.
func (f *Follower) heardPush(p pushed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.status
	s.Size, s.Mirrored = max(s.Size, p.progress.Size), max(s.Mirrored, p.progress.Mirrored)
	s.Advertised = max(s.Advertised, p.progress.Advertised)
	s.Lag = max(s.Advertised-s.Size, 0)
	if p.grew {
		f.byPush = true
	}
	if p.fork != nil {
		s.Frozen, s.Reason, s.Error = p.fork, peer.Inconsistent, (&ForkError{*p.fork}).Error()
	}
	if p.look {
		f.Wake()
	}
}

// GotReceipt says that the peer's mirror cosignature on our journal came in
// answer to a push, and is stored: it is not fetched.
func (f *Follower) GotReceipt(c witness.Cosignature) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.receiptByPush = true
	if c.Size >= f.status.Receipt.Size {
		f.status.Receipt = c
		f.status.ReceiptReason, f.status.ReceiptError = "", ""
	}
}
