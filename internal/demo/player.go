package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/person"
)

// An organization of the demo.
type organization struct {
	domain comity.Domain
	name   string
}

// organizations are the seven, in the order of their ports.
var organizations = []organization{
	{"un.example", "United Nations"},
	{"oas.example", "Organization of American States"},
	{"las.example", "League of Arab States"},
	{"osce.example", "Organization for Security and Co-operation in Europe"},
	{"au.example", "African Union"},
	{"eu.example", "European Union"},
	{"ecowas.example", "Economic Community of West African States"},
}

// people of each organization: one for each role.
var people = []struct {
	role         person.Role
	office, name string
}{
	{person.Observer, "Observer", "Demo observer"},
	{person.Officer, "Desk officer", "Demo officer"},
	{person.Releasing, "Releasing officer", "Demo director"},
	{person.Administrator, "Administrator", "Demo administrator"},
}

// player is one organization's node: in this process, or in one of its own.
// Either way the demo speaks to it over HTTP only.
type player struct {
	organization
	dir    string
	url    string
	client *http.Client
	keys   effect.Key
	tokens map[person.Role]string

	node     *node.Node // nil if it runs in another process
	listener net.Listener
	log      *os.File
	stop     context.CancelFunc
	served   chan error

	cmd  *exec.Cmd // the other process
	args []string
}

// open makes folder, persons and tokens, and opens the node; a journal that is
// new is founded, unless c.Visit.
func (p *player) open(ctx context.Context, c node.Config) error {
	if _, err := os.Stat(filepath.Join(p.dir, "settings.json")); errors.Is(err, os.ErrNotExist) {
		if err := node.Init(p.dir, p.domain, p.name); err != nil {
			return err
		}
		// What other commands do in this folder happens in the scenario's time.
		if err := os.Symlink(filepath.Join("..", node.ScenarioFile), filepath.Join(p.dir, node.ScenarioFile)); err != nil {
			return err
		}
	}
	var err error
	p.log, err = os.OpenFile(filepath.Join(p.dir, "node.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	c.Dir, c.Log = p.dir, slog.New(slog.NewTextHandler(p.log, nil))
	if p.node, err = node.Open(ctx, c); err != nil {
		return fmt.Errorf("%s: %w", p.domain, err)
	}
	p.keys = p.node.Folder.Keys.Effect()
	p.tokens = map[person.Role]string{}
	for _, x := range people {
		_, err := p.node.People.AddPerson(ctx, string(x.role), x.name, x.office, x.role)
		if err != nil && !errors.Is(err, person.ErrExists) {
			return err
		}
		if p.tokens[x.role], err = p.node.People.IssueToken(ctx, string(x.role), x.role, 7*24*time.Hour); err != nil {
			return err
		}
	}
	return nil
}

// pin puts the others on the roster. That all of them are on this machine is
// the "other way" by which their keys are known.
func (p *player) pin(ctx context.Context, others []*player) error {
	for _, o := range others {
		if o == p {
			continue
		}
		if err := p.node.Pin(ctx, o.asPeer()); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) asPeer() peer.Peer {
	k := p.keys
	return peer.Peer{Domain: p.domain, Name: p.name, URL: p.url, LogKey: k.Log, WitnessKey: k.Witness, MirrorKey: k.Mirror,
		Recipient: k.Recipient, Pinned: time.Now().UTC()}
}

// serve answers in the background until close.
func (p *player) serve(ctx context.Context) {
	ctx, p.stop = context.WithCancel(ctx)
	p.served = make(chan error, 1)
	go func() { p.served <- p.node.Serve(ctx, p.listener) }()
}

// spawn runs the node as a process of its own, instead of in this one.
func (p *player) spawn(ctx context.Context, binary string, args ...string) error {
	err := p.node.Close()
	if p.node = nil; err != nil {
		return err
	}
	if p.listener != nil {
		p.listener.Close() // the port was only reserved
		p.listener = nil
	}
	p.args = append([]string{binary}, args...)
	return p.respawn(ctx)
}

func (p *player) respawn(ctx context.Context) error {
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		return err
	}
	err := until(ctx, 30*time.Second, func() error {
		_, err := p.get(ctx, "/healthz", "")
		return err
	})
	if err != nil {
		return fmt.Errorf("%s did not begin to answer (see %s): %w", p.domain, p.log.Name(), err)
	}
	return nil
}

// kill ends the process without warning.
func (p *player) kill() error {
	err := p.cmd.Process.Kill()
	p.cmd.Wait()
	return err
}

// close stops the node, wherever it runs.
func (p *player) close() error {
	var errs []error
	if p.cmd != nil && p.cmd.ProcessState == nil {
		errs = append(errs, p.cmd.Process.Signal(syscall.SIGTERM))
		p.cmd.Wait()
	}
	if p.stop != nil {
		p.stop()
		errs = append(errs, <-p.served)
	}
	if p.node != nil {
		errs = append(errs, p.node.Close())
	}
	if p.log != nil {
		errs = append(errs, p.log.Close())
	}
	err := errors.Join(errs...)
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// rejected is an answer of the node that is not what was asked for.
type rejected struct {
	status int
	detail string
}

func (r *rejected) Error() string { return fmt.Sprintf("%d: %s", r.status, r.detail) }

// newClient keeps as many connections to a node as the load has callers.
func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
}

func (p *player) do(ctx context.Context, method, path, token string, body []byte) ([]byte, int, error) {
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return nil, 0, err
	}
	if resp.StatusCode >= 300 {
		var problem struct{ Detail string }
		json.Unmarshal(b, &problem)
		return nil, resp.StatusCode, &rejected{resp.StatusCode, strings.TrimSpace(problem.Detail + " ")}
	}
	return b, resp.StatusCode, nil
}

func (p *player) get(ctx context.Context, path string, role person.Role) ([]byte, error) {
	b, _, err := p.do(ctx, "GET", path, p.tokens[role], nil)
	return b, err
}

func (p *player) read(ctx context.Context, path string, role person.Role, into any) error {
	b, err := p.get(ctx, path, role)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

// issue issues a document as the officer and, if it must be, releases it as
// the releasing officer.
func (p *player) issue(ctx context.Context, doc []byte) (comity.Ref, error) {
	var out struct {
		Act   comity.ActName
		Leaf  comity.Hash
		Draft int64
	}
	b, status, err := p.do(ctx, "POST", "/api/v1/acts", p.tokens[person.Officer], doc)
	if err != nil {
		return comity.Ref{}, err
	}
	if err := json.Unmarshal(b, &out); err != nil {
		return comity.Ref{}, err
	}
	if status == http.StatusAccepted {
		b, _, err = p.do(ctx, "POST", fmt.Sprintf("/api/v1/drafts/%d/release", out.Draft), p.tokens[person.Releasing], []byte("{}"))
		if err != nil {
			return comity.Ref{}, err
		}
		if err := json.Unmarshal(b, &out); err != nil {
			return comity.Ref{}, err
		}
	}
	return comity.Ref{Act: out.Act, Leaf: out.Leaf}, nil
}

// holds waits until the node can read an act, and it waits for no other. A
// node in this process is made to read the journals that it lacks.
func (p *player) holds(ctx context.Context, name comity.ActName) error {
	held := func() error {
		var a struct {
			Document json.RawMessage `json:"document"`
			Why      string          `json:"why"`
		}
		if err := p.read(ctx, "/api/v1/acts/"+name.String(), person.Officer, &a); err != nil {
			return err
		}
		if len(a.Document) == 0 || string(a.Document) == "null" || a.Why != "" {
			return errors.New(a.Why)
		}
		return nil
	}
	if held() == nil {
		return nil
	}
	return until(ctx, 30*time.Second, func() error {
		if p.node != nil {
			// Its own journal first; then those of the acts that it waits for.
			if err := p.node.Poll(ctx, name.Domain); err != nil {
				return err
			}
			if held() == nil {
				return nil
			}
			for _, o := range organizations {
				if o.domain != p.domain {
					if err := p.node.Poll(ctx, o.domain); err != nil {
						return err
					}
				}
			}
		}
		return held()
	})
}

// until tries f, at first at once, then at growing intervals, until it
// succeeds or the time is over.
func until(ctx context.Context, atMost time.Duration, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	for wait := time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}
