package web

import (
	"net/http"
	"strings"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/web/i18n"
)

// peerPage is everything about how one known organization stands with us.
type peerPage struct {
	Page
	Peer      desk.PeerDetail
	State     string
	Lag       int64
	Size      int64 // of our own journal
	MayChange bool  // an administrator: may pause and resume
	Frozen    *forkRow
	Past      []forkRow
	File      string // name of the evidence file
	Doubts    []doubtRow
}

// forkRow is a fork, with its two checkpoints as they are read.
type forkRow struct {
	desk.Fork
	Sides []string
}

func forkRowOf(f desk.Fork) forkRow { return forkRow{f, []string{f.A, f.B}} }

// peerDomain reads {domain}.
func peerDomain(r *request) (comity.Domain, error) {
	d, err := comity.ParseDomain(r.PathValue("domain"))
	if err != nil {
		return "", errNotFound
	}
	return d, nil
}

func (s *site) peer(w http.ResponseWriter, r *request) error {
	d, err := peerDomain(r)
	if err != nil {
		return err
	}
	v, err := s.c.Desk.Peer(r.Context(), r.who, d)
	if err != nil {
		return err
	}
	rec, err := s.c.Desk.Record(r.Context(), r.who)
	if err != nil {
		return err
	}
	p := &peerPage{Page: s.frame(r, "peer", i18n.Key("Peer %s"), d), Peer: v, State: peerState(v.Follow), Lag: max(0, v.Follow.Theirs-v.Follow.Size),
		Size: rec.Size, MayChange: r.who.May(person.Administrator), File: desk.EvidenceName(d), Doubts: doubtRows(d, v.Doubts)}
	if v.Name != "" {
		p.Title = v.Name
	}
	for _, f := range v.Forks {
		if f.Ended.IsZero() {
			row := forkRowOf(f)
			p.Frozen = &row
		} else {
			p.Past = append(p.Past, forkRowOf(f))
		}
	}
	return s.render(w, http.StatusOK, p)
}

// Base is the peer's address without a final slash.
func (p *peerPage) Base() string { return strings.TrimSuffix(p.Peer.URL, "/") }

// Percent of the peer's journal that is stored here.
func (p *peerPage) Percent() int64 {
	if p.Peer.Follow.Theirs == 0 {
		return 100
	}
	return p.Peer.Follow.Size * 100 / p.Peer.Follow.Theirs
}

// Rate at which it catches up, in whole entries a second.
func (p *peerPage) Rate() int64 { return int64(p.Peer.Follow.Rate + 0.5) }

func (s *site) peerPost(w http.ResponseWriter, r *request) error {
	d, err := peerDomain(r)
	if err != nil {
		return err
	}
	var pause bool
	switch r.PostFormValue("do") {
	case "pause":
		pause = true
	case "resume":
	default:
		return errBad
	}
	if err := s.c.Desk.PausePeer(r.Context(), r.who, d, pause); err != nil {
		return err
	}
	return see(w, r, "/peers/"+string(d))
}

// peerEvidence is the newest evidence file, as a file.
func (s *site) peerEvidence(w http.ResponseWriter, r *request) error {
	d, err := peerDomain(r)
	if err != nil {
		return err
	}
	b, err := s.c.Desk.Evidence(r.Context(), r.who, d)
	if err != nil {
		return err
	}
	download(w, "application/json", desk.EvidenceName(d), b)
	return nil
}

// peerState is how a peer's journal is being read, in a word.
func peerState(f desk.Following) string {
	switch {
	case f.Frozen:
		return "frozen"
	case f.Paused:
		return "paused"
	case f.Trouble != "":
		return "trouble"
	case f.At.IsZero():
		return "new"
	}
	return "reading"
}
