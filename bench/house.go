package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/person"
)

// house is one organization: its folder, its node, and an officer of it.
type house struct {
	*node.Node
	who    desk.Who
	token  string
	url    string       // "" until it serves
	client *http.Client // for pages
	api    *apiClient   // for acts; nil until it serves

	stop   context.CancelFunc
	served chan error
}

// newHouse founds an organization in a folder under dir.
func newHouse(ctx context.Context, dir string, d comity.Domain) (*house, error) {
	return newHouseOn(ctx, dir, d, "")
}

// newHouseOn founds one whose database is at an address; "" for a file.
func newHouseOn(ctx context.Context, dir string, d comity.Domain, database string) (_ *house, err error) {
	dir = filepath.Join(dir, string(d))
	if err := node.Init(dir, d, "The "+string(d)); err != nil {
		return nil, err
	}
	h := &house{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	if h.Node, err = node.Open(ctx, node.Config{Dir: dir, Version: "bench", Database: database, Serves: true}); err != nil {
		return nil, err
	}
	p, err := h.People.AddPerson(ctx, "officer", "Bench officer", "Desk officer", person.Officer)
	if err == nil {
		h.who = desk.Who{Person: &p, Role: person.Officer}
		h.token, err = h.People.IssueToken(ctx, p.ID, person.Officer, time.Hour)
	}
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// serve answers on loopback until close.
func (h *house) serve(ctx context.Context) error {
	l, err := node.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	h.url = "http://" + l.Addr().String()
	h.api = &apiClient{address: l.Addr().String()}
	ctx, h.stop = context.WithCancel(ctx)
	h.served = make(chan error, 1)
	go func() { h.served <- h.Serve(ctx, l) }()
	return nil
}

func (h *house) close() error {
	h.client.CloseIdleConnections()
	if h.api != nil {
		h.api.close()
	}
	var err error
	if h.stop != nil {
		h.stop()
		if err = <-h.served; errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
	}
	return errors.Join(err, h.Close())
}

// know puts an organization on h's roster.
func (h *house) know(ctx context.Context, o *house) error {
	k := o.Folder.Keys.Effect()
	return h.Pin(ctx, peer.Peer{Domain: o.Self.Domain, Name: o.Self.Name, URL: o.url, LogKey: k.Log, WitnessKey: k.Witness,
		MirrorKey: k.Mirror, Recipient: k.Recipient, Pinned: time.Now().UTC()})
}

// open opens a file and returns its name.
func (h *house) open(ctx context.Context, title string) (comity.ActName, error) {
	a := example("situation.v1", comity.ActName{})
	a.Title = title
	doc, err := act.Encode(a)
	if err != nil {
		return comity.ActName{}, err
	}
	out, err := h.Desk.Issue(ctx, h.who, doc)
	return out.Name, err
}

// example is the kind's example, made CLEAR, in a file and addressed to nobody.
func example(kind act.Kind, file comity.ActName) *act.Act {
	spec, ok := act.Lookup(kind)
	if !ok {
		panic("bench: no kind " + kind)
	}
	a := spec.Example()
	a.Situation, a.TLP, a.To = file, comity.Clear, nil
	return a
}

// note1K is a document of 1 KB in a file: CLEAR, or sealed to the organizations.
func note1K(file comity.ActName, to ...comity.Domain) ([]byte, error) {
	a := example("note.v1", file)
	if len(to) > 0 {
		a.TLP = comity.Amber
	}
	for _, d := range to {
		a.To = append(a.To, act.To{Org: d.Party(), For: "information"})
	}
	doc, err := act.Encode(a)
	if err != nil {
		return nil, err
	}
	const member = len(`,"text":""`)
	a.Text = strings.Repeat("What was seen at the crossing. ", 40)[:1024-len(doc)-member]
	return act.Encode(a)
}

// post issues a document over HTTP.
func (h *house) post(ctx context.Context, doc []byte) (comity.ActName, error) {
	b, err := h.do(ctx, "POST", "/api/v1/acts", doc, http.StatusCreated)
	if err != nil {
		return comity.ActName{}, err
	}
	var out struct{ Act comity.ActName }
	err = json.Unmarshal(b, &out)
	return out.Act, err
}

func (h *house) do(ctx context.Context, method, path string, body []byte, want int) ([]byte, error) {
	headers := "Authorization: Bearer " + h.token + "\r\n"
	if body != nil {
		headers += "Content-Type: application/json\r\n"
	}
	return h.api.do(ctx, method, path, headers, body, want)
}

// readable waits until h's people can read an act, as its pages and streams
// wait: told of news, not asking again and again. It was not there when h held so
// many acts; -1 if that is not known.
func (h *house) readable(ctx context.Context, name comity.ActName, held int64) error {
	for {
		news := h.Desk.News()
		if now := h.Desk.Held(); now != held {
			held = now
			if x, err := h.Desk.Act(ctx, h.who, name); err == nil && x.Act != nil {
				return nil
			}
		}
		select {
		case <-news:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
