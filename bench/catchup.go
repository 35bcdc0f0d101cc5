package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/sqlstore"
)

// entries of the journal that a newcomer catches up with, perFile in each file.
const longJournal = 200_000

// served is a journal of acts of 1 KB, served over loopback HTTP as a node
// serves it, by a process of its own: what is measured and its peer find the
// same server, and share the processors with it in the same way.
type served struct {
	peer peer.Peer
	cmd  *exec.Cmd
	in   io.Closer // ends it
}

func (s *served) close() error { return errors.Join(s.in.Close(), s.cmd.Wait()) }

// long is the journal of all measures of catching up. It is made when the
// first needs it, once in a run.
var long struct {
	sync.Mutex
	*served
}

const longDomain comity.Domain = "long.example"

func longServed(ctx context.Context, e *env) (*served, error) {
	long.Lock()
	defer long.Unlock()
	if long.served != nil {
		return long.served, nil
	}
	s, err := makeLong(ctx, filepath.Join(e.dir, "long"))
	if err != nil {
		return nil, fmt.Errorf("make a journal of %d entries: %w", longJournal, err)
	}
	long.served = s
	e.atEnd = append(e.atEnd, s.close)
	return s, nil
}

// makeLong makes the journal in a folder, and starts who serves it.
func makeLong(ctx context.Context, dir string) (*served, error) {
	if err := node.Init(dir, longDomain, "The long record"); err != nil {
		return nil, err
	}
	folder, err := node.OpenFolder(dir)
	if err != nil {
		return nil, err
	}
	keys := folder.Keys
	if err := folder.Close(); err != nil {
		return nil, err
	}
	place := "sqlite:" + filepath.Join(dir, "long.db")
	store, err := sqlstore.Open(ctx, place, sqlstore.Options{})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	j, err := journal.Open(ctx, journal.Config{Store: store, Origin: longDomain.Origin(), Signer: keys.Log})
	if err != nil {
		return nil, err
	}
	err = appendActs(ctx, j, longDomain, longJournal)
	if err := errors.Join(err, j.Close()); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &served{cmd: exec.Command(self, "-serve", place)}
	s.cmd.Stderr = os.Stderr
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the journal is not served: %w", err), s.close())
	}
	k := keys.Effect()
	s.peer = peer.Peer{Domain: longDomain, Name: "The long record", URL: strings.TrimSpace(url), LogKey: k.Log, WitnessKey: k.Witness,
		MirrorKey: k.Mirror, Recipient: k.Recipient, Pinned: time.Now().UTC()}
	return s, nil
}

// serveLong serves the journal in a database, prints where, and ends when in
// does.
func serveLong(ctx context.Context, place string, in io.Reader, out io.Writer) error {
	store, err := sqlstore.Open(ctx, place, sqlstore.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/journal/", http.StripPrefix("/journal", journal.Handler(store, longDomain.Origin(), journal.Checkpoint(store, longDomain.Origin()))))
	srv := &http.Server{Handler: mux}
	fmt.Fprintln(out, "http://"+l.Addr().String())
	go func() {
		io.Copy(io.Discard, in)
		srv.Close()
	}()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// appendActs fills a journal with n entries: files, and notes of 1 KB in them.
func appendActs(ctx context.Context, j *journal.Journal, d comity.Domain, n int) error {
	entries := func(i int) ([]journal.Draft, error) { // of the file that is opened by entry i
		a := example("situation.v1", comity.ActName{})
		a.Title = fmt.Sprintf("The situation in district %d", i/perFile)
		opens, err := act.Encode(a)
		if err != nil {
			return nil, err
		}
		note, err := note1K(comity.ActName{Domain: d, Index: int64(i)})
		if err != nil {
			return nil, err
		}
		drafts := make([]journal.Draft, 0, perFile)
		for _, x := range []struct {
			doc   []byte
			times int
		}{{opens, 1}, {note, perFile - 1}} {
			doc, err := withEffects(x.doc)
			if err != nil {
				return nil, err
			}
			parsed, err := act.ParseDocument(doc)
			if err != nil {
				return nil, err
			}
			stamp, err := parsed.Recordable(d)
			if err != nil {
				return nil, err
			}
			for range x.times {
				drafts = append(drafts, func(int64) ([]byte, error) { return stamp(comity.TimeOf(time.Now())) })
			}
		}
		return drafts, nil
	}
	var drafts []journal.Draft
	for i := 0; i < n; i += perFile {
		more, err := entries(i)
		if err != nil {
			return err
		}
		if drafts = append(drafts, more...); len(drafts) < 4000 && i+perFile < n {
			continue
		}
		for _, r := range j.AppendAll(ctx, drafts...) {
			if r.Err != nil {
				return r.Err
			}
		}
		drafts = nil
	}
	return nil
}

// caughtUp is the sample of one catch-up.
func caughtUp(begun time.Time) sample {
	took := time.Since(begun)
	s := latencies([]time.Duration{took})
	s.rate = longJournal / took.Seconds()
	return s
}

// catchUpVerified reads and checks all that is served of the long journal, and
// keeps nothing.
func catchUpVerified(ctx context.Context, e *env, _ string) (sample, error) {
	s, err := longServed(ctx, e)
	if err != nil {
		return sample{}, err
	}
	client, err := s.peer.Client(peer.Config{})
	if err != nil {
		return sample{}, err
	}
	defer client.Close()
	m, err := monitor.New(monitor.Config{Peer: s.peer, Client: client})
	if err != nil {
		return sample{}, err
	}
	begun := time.Now()
	cp, err := m.Audit(ctx, nil)
	if err == nil && cp.Size != longJournal {
		err = fmt.Errorf("%d entries were checked, want %d", cp.Size, longJournal)
	}
	return caughtUp(begun), err
}

// catchUpStored follows the long journal into an empty database: verified and
// durable, not folded.
func catchUpStored(ctx context.Context, e *env, dir string) (sample, error) {
	s, err := longServed(ctx, e)
	if err != nil {
		return sample{}, err
	}
	store, err := sqlstore.Open(ctx, "sqlite:"+filepath.Join(dir, "comity.db"), sqlstore.Options{})
	if err != nil {
		return sample{}, err
	}
	defer store.Close()
	client, err := s.peer.Client(peer.Config{})
	if err != nil {
		return sample{}, err
	}
	defer client.Close()
	m, err := monitor.New(monitor.Config{Peer: s.peer, Client: client, Journal: store, State: store.Followed()})
	if err != nil {
		return sample{}, err
	}
	begun := time.Now()
	for {
		p, err := m.Poll(ctx)
		switch {
		case err != nil:
			return sample{}, err
		case p.More:
		case p.Size != longJournal:
			return sample{}, fmt.Errorf("%d entries were stored, want %d", p.Size, longJournal)
		default:
			return caughtUp(begun), nil
		}
	}
}

// catchUpFolded has a node follow the long journal: verified, durable, in its
// files, and under its mirror cosignature.
func catchUpFolded(ctx context.Context, e *env, dir string) (sample, error) {
	s, err := longServed(ctx, e)
	if err != nil {
		return sample{}, err
	}
	return with(ctx, dir, func(h *house) (sample, error) {
		if err := h.Pin(ctx, s.peer); err != nil {
			return sample{}, err
		}
		var last monitor.Progress
		begun := time.Now()
		if err := h.CatchUp(ctx, s.peer.Domain, func(p monitor.Progress) { last = p }); err != nil {
			return sample{}, err
		}
		out := caughtUp(begun)
		if last.Mirrored != longJournal {
			return sample{}, fmt.Errorf("%d entries are under the mirror's signature, want %d", last.Mirrored, longJournal)
		}
		if n, err := h.Desk.Pending(ctx); err != nil || n > 0 {
			return sample{}, fmt.Errorf("%d acts wait for others (%w)", n, err)
		}
		return out, h.readable(ctx, comity.ActName{Domain: s.peer.Domain, Index: longJournal - 1}, -1)
	})
}

// fsckTessera has the peer check the long journal: see bench/tessera.
func fsckTessera(ctx context.Context, e *env, dir string) (sample, error) {
	s, err := longServed(ctx, e)
	if err != nil {
		return sample{}, err
	}
	return program("tessera", "-fsck", s.peer.URL+"/journal/", "-key", s.peer.LogKey)(ctx, e, dir)
}
