package desk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/person"
)

// PeerDetail is everything about how one known organization stands with us.
type PeerDetail struct {
	PeerView
	Forks       []Fork       // the one that freezes it first, then past ones, the newest first
	Memberships []Membership // of which houses it is a member, as they say

	GivenUp []monitor.Dropped // entries of its copy here that were given up
}

// Frozen is the fork that freezes the copy of its journal; nil if none does.
func (p *PeerDetail) Frozen() *Fork {
	if len(p.Forks) > 0 && p.Forks[0].Ended.IsZero() {
		return &p.Forks[0]
	}
	return nil
}

// Fork is two signed checkpoints of one journal that contradict each other.
type Fork struct {
	Size   int64     // entries up to which the two should agree and do not
	A, B   string    // the checkpoints, signed notes
	Since  time.Time // when it was noticed here; real time
	Told   comity.ActName
	File   []byte // the evidence, as monitor.ParseEvidence reads it
	SHA256 comity.Hash
	Act    comity.ActName // our act that publishes it; zero if there is none

	Ended time.Time // when it was unfrozen; zero if it was not
	By    string    // who decided that
	Why   string
}

// Membership is that a house counts a party among its members.
type Membership struct {
	House comity.Domain
	Is    string // admitted, suspended, removed
	Act   comity.ActName
}

// Forks keeps what freezes and once froze a journal.
type Forks interface {
	State(ctx context.Context, o comity.Origin) (monitor.State, error)
	PastForks(ctx context.Context, o comity.Origin) ([]monitor.Unfrozen, error)
	Dropped(ctx context.Context, o comity.Origin) ([]monitor.Dropped, error)
	Unfreeze(ctx context.Context, o comity.Origin, end monitor.End) error
}

// following is how far a peer's journal was read: as its follower says, or, if
// none runs here, as far as it is stored.
func (d *Desk) following(ctx context.Context, p peer.Peer) (Following, error) {
	if d.c.Follows != nil {
		if f, ok := d.c.Follows(p.Domain); ok {
			return f, nil
		}
	}
	f := Following{Size: d.c.Ledger.Size(p.Domain), Paused: p.Paused}
	f.Theirs = f.Size
	if d.c.Forks != nil {
		st, err := d.c.Forks.State(ctx, p.Origin())
		if err != nil {
			return f, err
		}
		f.Theirs, f.Frozen, f.At, f.Trouble = max(f.Size, st.Advertised), st.Frozen != nil, st.Succeeded, st.Reason.Text()
	}
	return f, nil
}

// Peer returns one known organization.
func (d *Desk) Peer(ctx context.Context, who Who, domain comity.Domain) (PeerDetail, error) {
	all, err := d.Peers(ctx, who)
	if err != nil {
		return PeerDetail{}, err
	}
	i := slices.IndexFunc(all, func(p PeerView) bool { return p.Domain == domain })
	if i < 0 {
		return PeerDetail{}, ErrNotFound
	}
	p := PeerDetail{PeerView: all[i]}
	if !who.May(person.Officer) {
		p.Follow.Error = ""
	}
	for _, x := range append([]PeerView{{Domain: d.c.Self.Domain}}, all...) {
		m, ok, err := d.member(ctx, x.Domain, domain.Party())
		if err != nil {
			return PeerDetail{}, err
		}
		if ok {
			p.Memberships = append(p.Memberships, m)
		}
	}
	if p.Forks, err = d.forks(ctx, domain); err == nil && d.c.Forks != nil {
		p.GivenUp, err = d.c.Forks.Dropped(ctx, domain.Origin())
	}
	return p, err
}

func (d *Desk) forks(ctx context.Context, domain comity.Domain) ([]Fork, error) {
	if d.c.Forks == nil {
		return nil, nil
	}
	st, err := d.c.Forks.State(ctx, domain.Origin())
	if err != nil {
		return nil, err
	}
	past, err := d.c.Forks.PastForks(ctx, domain.Origin())
	if err != nil {
		return nil, err
	}
	var out []Fork
	if st.Frozen != nil {
		f, err := d.fork(ctx, *st.Frozen)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	for _, u := range slices.Backward(past) {
		f, err := d.fork(ctx, u.Frozen)
		if err != nil {
			return nil, err
		}
		f.Ended, f.By, f.Why = u.At, u.By, u.Why
		out = append(out, f)
	}
	return out, nil
}

func (d *Desk) fork(ctx context.Context, z monitor.Frozen) (f Fork, err error) {
	file := z.File()
	f = Fork{Size: z.Size, A: z.A.Checkpoint, B: z.B.Checkpoint, Since: z.Since, Told: z.Told, File: file, SHA256: sha256.Sum256(file)}
	f.Act, _, err = d.published(ctx, f.SHA256)
	return f, err
}

// Evidence is the newest evidence file against an organization; ErrNotFound if
// there is none here.
func (d *Desk) Evidence(ctx context.Context, _ Who, domain comity.Domain) ([]byte, error) {
	forks, err := d.forks(ctx, domain)
	if err != nil {
		return nil, err
	}
	if len(forks) == 0 {
		return nil, ErrNotFound
	}
	return forks[0].File, nil
}

// PausePeer stops following an organization, or goes on, without loss.
func (d *Desk) PausePeer(ctx context.Context, who Who, domain comity.Domain, paused bool) error {
	if !who.May(person.Administrator) || d.c.Pause == nil {
		return d.refuse(who)
	}
	err := d.c.Pause(ctx, domain, paused)
	if errors.Is(err, peer.ErrUnknown) {
		return ErrNotFound
	}
	return err
}

// UnfreezePeer ends what freezes an organization's journal, after it was
// re-established by another way. The evidence stays.
func (d *Desk) UnfreezePeer(ctx context.Context, who Who, domain comity.Domain, why string) error {
	if !who.May(person.Administrator) || d.c.Forks == nil {
		return d.refuse(who)
	}
	if why == "" {
		return &Invalid{errors.New("say why: how the organization was re-established, and who said so")}
	}
	if len(why) > 2000 {
		return &Invalid{errors.New("say why in at most 2000 bytes")}
	}
	// Evidence that is known by now is settled with it.
	err := d.c.Forks.Unfreeze(ctx, domain.Origin(), monitor.End{At: time.Now().UTC(), By: who.Person.ID, Why: why, Held: d.Held()})
	if errors.Is(err, monitor.ErrNotFrozen) {
		return &Invalid{fmt.Errorf("the journal of %s is not frozen here", domain)}
	}
	return err
}

// member is what a house last said of a party's membership.
func (d *Desk) member(ctx context.Context, house comity.Domain, p comity.Party) (out Membership, ok bool, err error) {
	err = d.c.Ledger.house(ctx, house, func(s *casefile.State) {
		var m casefile.Member
		m, ok = memberOf(s, p)
		out = Membership{House: house, Is: m.Is, Act: m.Act}
	})
	return out, ok, err
}

// members refuses addressees that our own house has removed, and notes those
// that it has suspended: suspended is not out. Acts received are shown as they
// were addressed.
func (d *Desk) members(ctx context.Context, p *Preview) (refused error) {
	if len(p.Act.To) == 0 {
		return nil
	}
	err := d.c.Ledger.house(ctx, d.c.Self.Domain, func(s *casefile.State) { refused = membersOf(s, p) })
	return cmp.Or(err, refused)
}

func membersOf(s *casefile.State, p *Preview) error {
	for _, t := range p.Act.To {
		m, ok := memberOf(s, t.Org)
		switch {
		case !ok || readmits(p.Act, t.Org):
		case m.Is == "removed":
			return fmt.Errorf("to: %s is a member no longer since %s; leave it out, or admit it again with an act of membership first", t.Org, m.Act)
		case m.Is == "suspended":
			p.Notes = append(p.Notes, Note{About: NoteSuspended, Party: t.Org, Act: m.Act})
		}
	}
	return nil
}

// readmits reports whether the act itself makes the party a member.
func readmits(a *act.Act, p comity.Party) bool {
	return slices.ContainsFunc(a.Effects, func(e effect.Effect) bool { return e == effect.Admit{Party: p} })
}

// memberOf is the newest change of a party's membership that stands.
func memberOf(s *casefile.State, p comity.Party) (casefile.Member, bool) {
	for _, m := range slices.Backward(s.Members) {
		if m.Party == p && stands(s, m.Act) {
			return m, true
		}
	}
	return casefile.Member{}, false
}
