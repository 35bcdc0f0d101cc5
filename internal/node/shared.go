package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/sqlstore"
)

// This file is what a node does because other processes of the organization
// may run on the same database: it takes in what they have written, and says
// what it alone knows.

// evidenceLease is held by one of the processes that run.
const evidenceLease = "evidence"

// Names of leases: what one process at a time does.
func followLease(d comity.Domain) string  { return "follow " + string(d) }
func witnessLease(d comity.Domain) string { return "witness " + string(d) }
func pushLease(d comity.Domain) string    { return "push " + string(d) }

// told takes in what other processes have changed.
func (n *Node) told(ctx context.Context, all []string) error {
	if len(all) > 0 && all[0] == sqlstore.Everything {
		if err := n.resync(ctx); err != nil {
			return err
		}
		all = all[1:]
	}
	grown := false // a log
	var errs []error
	for _, text := range all {
		what, rest, _ := strings.Cut(text, " ")
		f := strings.Fields(rest)
		switch {
		case what == "log" && len(f) == 2:
			grown = true
		case what == "mirrored" && len(f) == 2:
			size, _ := strconv.ParseInt(f[1], 10, 64)
			n.heads.Publish(monitor.Head{Origin: comity.Origin(f[0]), Size: size})
		case what == "cosignature" && len(f) == 4 && f[0] == string(n.Self.Origin):
			by, _ := strings.CutSuffix(f[2], "/mirror")
			size, _ := strconv.ParseInt(f[1], 10, 64)
			at, _ := strconv.ParseInt(f[3], 10, 64)
			n.Desk.Received(comity.Domain(by), desk.Receipt{Size: size, At: time.Unix(at, 0)})
		case what == "followed" && len(f) == 1:
			errs = append(errs, n.recall(ctx, comity.Origin(f[0])))
		case what == "peer":
			errs = append(errs, n.connect(ctx))
		case what == "blob" && len(f) == 1:
			if h, err := comity.ParseHash(f[0]); err == nil {
				errs = append(errs, n.ledger.Arrived(ctx, h))
			}
		case what == "erased", what == "opened":
			n.ledger.Doubt()
		case what == sqlstore.Unheard:
			n.ledger.Doubt()
			if err := n.catchUp(ctx); err != nil { // mostly for the same reason
				n.log.DebugContext(ctx, "read what the other processes may have recorded", "err", err)
			}
		case what == jobsTold:
			n.Jobs.Wake()
		case what == "status":
			n.toldStatus([]byte(rest))
		}
	}
	if grown {
		errs = append(errs, n.catchUp(ctx))
	}
	return errors.Join(errs...)
}

// catchUp takes in what was appended to any log.
func (n *Node) catchUp(ctx context.Context) error {
	if err := n.ledger.CatchUp(ctx); err != nil {
		return err
	}
	if n.journal == nil {
		return nil
	}
	err := n.journal.Refresh(ctx)
	if err != nil && n.Desk != nil {
		// The other may sign with a key that was put in force by what it wrote.
		n.followKeys(ctx)
		err = n.journal.Refresh(ctx)
	}
	return err
}

// resync takes in whatever may have changed unheard.
func (n *Node) resync(ctx context.Context) error {
	n.Jobs.Wake()
	n.ledger.Doubt()
	if err := errors.Join(n.connect(ctx), n.catchUp(ctx)); err != nil {
		return err
	}
	peers, err := n.Desk.Peers(ctx, desk.Who{})
	if err != nil {
		return err
	}
	for _, p := range peers {
		if p.Stored.Size > 0 {
			n.Desk.Received(p.Domain, p.Stored)
		}
	}
	for _, l := range n.all() {
		o := l.peer.Origin()
		if err := n.recall(ctx, o); err != nil {
			return err
		}
		m, err := n.store.Followed().Mirror(ctx, o)
		if err == nil {
			n.heads.Publish(monitor.Head{Origin: o, Size: m.Size})
		} else if !errors.Is(err, monitor.ErrNotMirrored) {
			return err
		}
		missing, err := n.ledger.Missing(ctx, o)
		if err != nil {
			return err
		}
		for _, c := range missing {
			here, err := n.blobs.Has(ctx, c.SHA256)
			if err == nil && here {
				err = n.ledger.Arrived(ctx, c.SHA256)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// recall reads what the process that follows a peer has stored about it.
func (n *Node) recall(ctx context.Context, o comity.Origin) error {
	d, err := o.Domain()
	if err != nil {
		return nil // no peer of ours
	}
	l, ok := n.link(d)
	if !ok {
		return nil
	}
	_, err = n.recallLink(ctx, l)
	return err
}

// recallLink is recall of a link, and returns what it read.
func (n *Node) recallLink(ctx context.Context, l *link) (monitor.State, error) {
	l.recalling.Lock() // what was read last counts
	defer l.recalling.Unlock()
	st, err := n.store.Followed().State(ctx, l.peer.Origin())
	if err != nil {
		return st, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	l.recalled = true
	s := &l.elsewhere
	s.Reason, s.Error, s.Frozen = st.Reason, st.Error, nil
	if st.Frozen != nil {
		s.Frozen = &st.Frozen.Evidence
	}
	s.Advertised = max(s.Advertised, st.Advertised)
	if st.Succeeded.After(s.LastSuccess) {
		s.LastSuccess = st.Succeeded
	}
	return st, nil
}

// peerStatus is what the process that follows a peer tells the others about
// it. What must last is in the database; this is what changes with every poll.
type peerStatus struct {
	Peer        comity.Domain
	Size        int64
	Advertised  int64
	Lag         int64
	LastSuccess time.Time
	NextTry     time.Time
}

func statusOf(d comity.Domain, s monitor.Status) peerStatus {
	return peerStatus{d, s.Size, s.Advertised, s.Lag, s.LastSuccess, s.NextTry}
}

func (n *Node) toldStatus(text []byte) {
	var p peerStatus
	if json.Unmarshal(text, &p) != nil {
		return // of another version
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if l, ok := n.links[p.Peer]; ok {
		s := &l.elsewhere
		s.Size, s.Advertised, s.Lag, s.LastSuccess, s.NextTry = p.Size, p.Advertised, p.Lag, p.LastSuccess, p.NextTry
	}
}

// tellStatus tells the other processes, once a second, how it stands with the
// peers that are followed from here.
func (n *Node) tellStatus(ctx context.Context) {
	if n.group.Alone() {
		return
	}
	t := time.NewTicker(time.Second)
	defer t.Stop()
	before := map[comity.Domain]peerStatus{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		var texts []string
		for _, l := range n.all() {
			s := statusOf(l.peer.Domain, l.follower.Status())
			if !n.group.Holds(followLease(s.Peer)) || s == before[s.Peer] {
				continue
			}
			before[s.Peer] = s
			if b, err := json.Marshal(s); err == nil {
				texts = append(texts, "status "+string(b))
			}
		}
		if err := n.group.Tell(ctx, texts...); err != nil && ctx.Err() == nil {
			n.log.DebugContext(ctx, "tell the other processes how it stands with peers", "err", err)
		}
	}
}

// status of following a peer, from here or by another process. A follower that is
// paused asks nobody, and does not find out what froze the journal meanwhile, or
// that it goes on.
func (n *Node) status(l *link) monitor.Status {
	s := l.follower.Status()
	ours := n.group.Holds(followLease(l.peer.Domain))
	if ours && !s.Paused {
		return s
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	other := l.elsewhere
	if ours {
		s.Reason, s.Error, s.Frozen = other.Reason, other.Error, other.Frozen
		return s
	}
	other.Paused = s.Paused
	return other
}

// forks is the store of what freezes journals, with which the desk ends that.
type forks struct {
	sqlstore.Followed
	n *Node
}

// Unfreeze implements desk.Forks.
func (f forks) Unfreeze(ctx context.Context, o comity.Origin, end monitor.End) error {
	if err := f.Followed.Unfreeze(ctx, o, end); err != nil {
		return err
	}
	if err := f.n.recall(ctx, o); err != nil {
		f.n.log.WarnContext(ctx, "read what was stored of a journal that goes on", "origin", string(o), "err", err)
	}
	return nil
}

// notOurs explains why a journal cannot be opened that other keys have written.
func (n *Node) notOurs(err error) error {
	return fmt.Errorf("open the journal: %w; if another process of %s runs on this database, this folder must hold its keys: copy its folder, and do not run \"comity init\" twice", err, n.Self.Domain)
}
