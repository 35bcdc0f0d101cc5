package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/memo"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/verified"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/keys"
)

// Files that an operator may put into the folder.
const (
	// PolicyFile says which checkpoints of our journal are accepted, as C2SP
	// tlog-policy writes it. Without it enough of the peers must have cosigned.
	PolicyFile = "witness-policy.txt"
	// LogsFile lists logs that are no peers and that our witness cosigns all
	// the same, as the public witness network writes it.
	LogsFile = "witness-logs.txt"
)

// operatorFiles are kept with a backup.
func operatorFiles() []string { return []string{PolicyFile, LogsFile} }

// witnessing is what a node has for being witnessed and for witnessing, beside
// its links to peers.
type witnessing struct {
	own     *witness.Own    // signs nothing without a post-quantum log key
	wanted  *witness.Policy // nil if the folder has no policy
	logs    *logList
	outside []*witness.Submitter // to witnesses that are no peers
}

// readPQ reads the post-quantum keys that the folder has.
func (f *Folder) readPQ(read func(file string) (string, error)) error {
	d := f.Settings.Domain
	for _, k := range []struct {
		file, name string
		into       **witness.MLDSASigner
	}{
		{logPQFile, string(d.Origin()), &f.Keys.LogPQ},
		{witnessPQFile, d.WitnessName(), &f.Keys.WitnessPQ},
		{mirrorPQFile, d.MirrorName(), &f.Keys.MirrorPQ},
	} {
		text, err := read(k.file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if *k.into, err = signerPQ(text, k.name); err != nil {
			return fmt.Errorf("%s: is no key: %w", k.file, err)
		}
	}
	return nil
}

// vkeyPQ of a key that may not be there.
func vkeyPQ(s *witness.MLDSASigner) string {
	if s == nil {
		return ""
	}
	return s.Verifier().String()
}

func (k Keys) witnessAlso() []note.Signer { return also(k.WitnessPQ) }
func (k Keys) mirrorAlso() []note.Signer  { return also(k.MirrorPQ) }

func also(s *witness.MLDSASigner) []note.Signer {
	if s == nil {
		return nil
	}
	return []note.Signer{s}
}

// logKeys are the vkeys of our journal.
func (k Keys) logKeys() []string {
	out := []string{k.LogVerifier}
	if k.LogPQ != nil {
		out = append(out, vkeyPQ(k.LogPQ))
	}
	return out
}

// openWitnessing reads what the folder says about witnesses.
func (n *Node) openWitnessing() error {
	f := n.Folder
	n.own = witness.NewOwn(f.Keys.LogPQ)
	var err error
	if n.wanted, err = f.Policy(); err != nil {
		return err
	}
	n.logs = &logList{file: filepath.Join(f.Dir, LogsFile), peers: witness.Peers(n.roster), self: n.Self.Origin}
	if _, err := n.logs.read(); err != nil {
		return fmt.Errorf("%w; mend the file, or remove it", err)
	}
	return nil
}

// Policy in the folder; nil if it has none.
func (f *Folder) Policy() (*witness.Policy, error) {
	path := filepath.Join(f.Dir, PolicyFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p, err := witness.ParsePolicy(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; mend the file, or remove it to ask a majority of the peers", path, err)
	}
	for _, c := range p.Parties() {
		if _, err := peer.NewClient(c.URL, peer.Config{}); err != nil {
			return nil, fmt.Errorf("%s: policy: witness %s: %w; mend the file, or remove it to ask a majority of the peers", path, c.Name, err)
		}
	}
	ours := func(l witness.PolicyLog) bool { return l.Verifier.Name() == string(f.Settings.Domain.Origin()) }
	switch {
	case len(p.Logs) == 0:
		return p.WithLogs(f.Keys.logKeys()...)
	case !slices.ContainsFunc(p.Logs, ours):
		return nil, fmt.Errorf("%s: policy: no log line is for %s; add one, or leave out all log lines", path, f.Settings.Domain.Origin())
	}
	return p, nil
}

// Policy says which checkpoints of our journal are accepted: the folder's, or
// else that a majority of the peers cosigned, so that no two that contradict
// each other are accepted unless a peer lies. Keys that were retired count, ours
// and theirs: what they signed stays good. Those that were revoked do not.
func (n *Node) Policy(ctx context.Context) (*witness.Policy, error) {
	switch {
	case n.wanted == nil:
		return n.peersPolicy(ctx)
	case n.history.Load().Len() < 2:
		return n.wanted, nil
	}
	return n.wanted.WithLogs(n.honestLogKeys()...)
}

// peersPolicy is the policy without a file.
func (n *Node) peersPolicy(ctx context.Context) (*witness.Policy, error) {
	peers, err := n.roster.Peers(ctx)
	if err != nil {
		return nil, err
	}
	var of []witness.Cosigner
	for _, p := range peers {
		h, err := p.Keys()
		if err != nil {
			return nil, err
		}
		of = append(of, partyOf(p.Domain, h, keys.History.Honest, p.WitnessKey))
	}
	return majorityOf(n.honestLogKeys(), of)
}

// majorityOf is the policy that more than half of some witnesses are enough;
// of none, none. Who asks does so at each checkpoint, and the witnesses change
// seldom.
func majorityOf(logs []string, of []witness.Cosigner) (*witness.Policy, error) {
	majority := 0
	if len(of) > 0 {
		majority = len(of)/2 + 1
	}
	text := string(witness.FormatPolicy(logs, majority, of))
	if p, ok := majorities.Get(text); ok {
		return p, nil
	}
	p, err := witness.NewPolicy(logs, majority, of)
	if err == nil {
		majorities.Put(text, p)
	}
	return p, err
}

// majorities are policies that were read last, by their text. None is changed.
var majorities = memo.Of[string, *witness.Policy]{Newest: 64}

// honestLogKeys are those of our log keys that were not revoked.
func (n *Node) honestLogKeys() []string {
	return known(n.history.Load().Honest(keys.Log), witness.ParseLog)
}

// known are the keys of kinds that are known here.
func known[V any](list []string, parse func(string) (V, error)) []string {
	return slices.DeleteFunc(slices.Clone(list), func(k string) bool {
		_, err := parse(k)
		return err != nil
	})
}

// witnessPQ are the post-quantum witness keys of a peer that are known here.
func (n *Node) witnessPQ(p peer.Peer) []note.Verifier {
	h, err := p.Keys()
	if err != nil || h.IsZero() {
		return nil
	}
	var out []note.Verifier
	for _, k := range h.InForce(keys.Witness) {
		if v, err := witness.ParseCosigner(k); err == nil {
			if pq, ok := v.(*witness.MLDSAVerifier); ok {
				out = append(out, pq)
			}
		}
	}
	return out
}

// witnessVerifiers of all keys with which the witness of a peer signs, or did
// before it rotated them; at least one.
func (n *Node) witnessVerifiers(p peer.Peer) ([]note.Verifier, error) {
	ks, err := n.witnessKeys(p)
	if err == nil && len(ks) == 0 {
		err = fmt.Errorf("no witness key of %s is of a kind that is known here", p.Domain)
	}
	if err != nil {
		return nil, err
	}
	out := make([]note.Verifier, len(ks))
	for i, k := range ks {
		if out[i], err = witness.ParseCosigner(k); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// startWitnessing brings our checkpoints to witnesses that are no peers, and
// signs them a second time.
func (n *Node) startWitnessing(ctx context.Context) {
	for _, s := range n.outside {
		n.done.Go(func() { n.group.While(ctx, "witness "+s.Status().Witness, s.Run) })
		s.Wake()
	}
	n.done.Go(func() { n.group.While(ctx, "sign", n.signOwn) })
}

// openOutside makes the submitters to witnesses of the policy that have an
// address and are no peers.
func (n *Node) openOutside(ctx context.Context) error {
	if n.wanted == nil {
		return nil
	}
	peers, err := n.roster.Peers(ctx)
	if err != nil {
		return err
	}
	for _, c := range n.wanted.Parties() {
		if slices.ContainsFunc(peers, func(p peer.Peer) bool { return slices.Contains(c.Keys, p.WitnessKey) }) {
			continue // its link does it
		}
		s, _, err := n.newOutside(c, n.ownJournal(), n.formerLogs)
		if err != nil {
			return fmt.Errorf("witness %s: %w", c.Name, err)
		}
		n.outside = append(n.outside, s)
	}
	return nil
}

// newOutside is a submitter of our journal, as it is read from j, to a witness
// that is no peer, and the client that it uses.
func (n *Node) newOutside(c witness.Cosigner, j journal.Store, former func() []note.Verifier) (*witness.Submitter, *peer.Client, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, nil, err
	}
	// Who typed a private address into the file knew where it leads.
	client, err := peer.NewClient(c.URL, peer.Config{UserAgent: "comity/" + n.c.Version, Private: peer.NamesLocalAddress(u.Hostname()), Transport: n.c.Transport})
	if err != nil {
		return nil, nil, err
	}
	log, err := verified.Log(n.keys.Load().LogVerifier)
	if err != nil {
		return nil, nil, err
	}
	var vs []note.Verifier
	for _, k := range c.Keys {
		v, err := witness.ParseCosigner(k)
		if err != nil {
			return nil, nil, err
		}
		vs = append(vs, v)
	}
	return witness.NewSubmitter(witness.SubmitterConfig{Journal: j, Log: log, Former: former, Witness: vs[0], Also: vs[1:], Client: client, Base: "/",
		Own: n.own, Cosignatures: n.store.Cosignatures(), Spacing: n.c.Spacing, Rand: n.c.Rand, Logger: n.log}), client, nil
}

// submitters to every witness.
func (n *Node) submitters() []*witness.Submitter {
	out := slices.Clone(n.outside)
	for _, l := range n.all() {
		out = append(out, l.submitter)
	}
	return out
}

// WitnessRound brings our newest checkpoint to every witness, once.
func (n *Node) WitnessRound(ctx context.Context) error {
	var errs []error
	for _, s := range n.submitters() {
		if err := s.Step(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.Status().Witness, err))
		}
	}
	return errors.Join(errs...)
}

// signOwn signs our newest checkpoint with the post-quantum key, at most once
// a second.
func (n *Node) signOwn(ctx context.Context) {
	var signed int64
	for {
		h, err := n.journal.Wait(ctx, signed)
		if err != nil {
			return
		}
		head, err := n.journals.Head(ctx, n.Self.Origin)
		if err == nil {
			var c witness.Checkpoint
			var sigs []witness.Cosignature
			if c, sigs, err = n.own.Cosignature(head); err == nil && len(sigs) > 0 {
				err = n.store.Cosignatures().Put(ctx, c, sigs...)
			}
		}
		if err != nil && ctx.Err() == nil {
			n.log.WarnContext(ctx, "the checkpoint has no post-quantum signature", "size", h.Size, "err", err)
		}
		signed = max(h.Size, head.Size)
		spacing := n.c.Spacing
		if spacing <= 0 {
			spacing = time.Second
		}
		t := time.NewTimer(spacing)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}

// logList is the journals that our witness knows: the pinned peers', and the
// logs in the folder's list, which is read again when it changed.
type logList struct {
	file  string
	peers witness.Roster
	self  comity.Origin

	mu   sync.Mutex
	at   time.Time // of the file that was read
	size int64
	list witness.LogList
}

// LogVerifiers implements witness.Roster.
func (l *logList) LogVerifiers(ctx context.Context, o comity.Origin) ([]note.Verifier, error) {
	v, err := l.peers.LogVerifiers(ctx, o)
	if !errors.Is(err, witness.ErrUnknownOrigin) || o == l.self {
		return v, err
	}
	list, err := l.read()
	if err != nil {
		return nil, err
	}
	return list.LogVerifiers(ctx, o)
}

func (l *logList) read() (witness.LogList, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	st, err := os.Stat(l.file)
	if errors.Is(err, fs.ErrNotExist) {
		l.list, l.at = witness.LogList{}, time.Time{}
		return l.list, nil
	}
	if err != nil {
		return l.list, err
	}
	if st.ModTime().Equal(l.at) && st.Size() == l.size {
		return l.list, nil
	}
	text, err := os.ReadFile(l.file)
	if err != nil {
		return l.list, err
	}
	list, err := witness.ParseLogList(text)
	if err != nil {
		return l.list, fmt.Errorf("%s: %w", l.file, err)
	}
	l.list, l.at, l.size = list, st.ModTime(), st.Size()
	return list, nil
}

// Logs that are no peers and that our witness cosigns all the same.
func (f *Folder) Logs() (witness.LogList, error) {
	return (&logList{file: filepath.Join(f.Dir, LogsFile)}).read()
}

// SetLogs replaces them. A running node follows with the next request.
func (f *Folder) SetLogs(list witness.LogList) error {
	path := filepath.Join(f.Dir, LogsFile)
	if err := os.WriteFile(path+".new", []byte(list.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
