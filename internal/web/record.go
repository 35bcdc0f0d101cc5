package web

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/web/i18n"
)

// recordPage is our own journal: its head, who has cosigned it, its entries.
type recordPage struct {
	Page
	Record  desk.Record
	Lines   []lineRow // the newest first
	Older   int64     // index to go on below; -1 if there is nothing
	Newer   bool
	From    int64 // of the entries shown
	Through int64
	Doubts  []doubtRow
}

// perPage is how many entries a page of the journal shows.
const perPage = 40

func (s *site) record(w http.ResponseWriter, r *request) error {
	rec, err := s.c.Desk.Record(r.Context(), r.who)
	if err != nil {
		return err
	}
	p := &recordPage{Page: s.frame(r, "record", i18n.Key("Record")), Record: rec, Older: -1, Doubts: doubtRows(s.self.Domain, rec.Doubts)}
	before := rec.Size
	if q := r.URL.Query().Get("before"); q != "" {
		n, err := strconv.ParseInt(q, 10, 64)
		if err != nil || n < 0 {
			return errNotFound
		}
		before = min(n, rec.Size)
	}
	p.Newer = before < rec.Size
	first := max(0, before-perPage)
	for i := before - 1; i >= first; i-- {
		h, err := s.c.Desk.Act(r.Context(), r.who, comity.ActName{Domain: s.self.Domain, Index: i})
		if err != nil {
			return err
		}
		p.mark(h.Status)
		p.Lines = append(p.Lines, heldLine(h))
	}
	p.From, p.Through = first, before-1
	if first > 0 {
		p.Older = first
	}
	return s.render(w, http.StatusOK, p)
}

func heldLine(h desk.Held) lineRow {
	l := lineRow{Name: h.Name, Act: h.Act, Fact: h.Fact, Sealed: h.Act == nil && h.Sealed != nil, Why: h.Why, At: h.At, Status: h.Status, Doubt: h.Doubt}
	if h.Act != nil {
		l.Links = h.Act.Re
	}
	return l
}

// peersPage is how each known organization stands with us.
type peersPage struct {
	Page
	Peers []peerRow
	Size  int64 // of our own journal
}

type peerRow struct {
	desk.PeerView
	Lag       int64 // entries of theirs not yet read
	Unstored  int64 // entries of ours that they have not stored
	Unwitness int64 // entries of ours that they have not witnessed
	State     string
	InDoubt   int // entries of theirs of which it is in doubt whose they are
}

func (s *site) peers(w http.ResponseWriter, r *request) error {
	list, err := s.c.Desk.Peers(r.Context(), r.who)
	if err != nil {
		return err
	}
	rec, err := s.c.Desk.Record(r.Context(), r.who)
	if err != nil {
		return err
	}
	p := &peersPage{Page: s.frame(r, "peers", i18n.Key("Peers")), Size: rec.Size}
	for _, v := range list {
		row := peerRow{PeerView: v, Lag: max(0, v.Follow.Theirs-v.Follow.Size), Unstored: max(0, rec.Size-v.Stored.Size),
			Unwitness: max(0, rec.Size-v.Witness.Size), State: peerState(v.Follow), InDoubt: inDoubt(v.Doubts)}
		p.Peers = append(p.Peers, row)
	}
	rank := map[string]int{"frozen": 0, "trouble": 1, "new": 2, "paused": 3, "reading": 4}
	slices.SortStableFunc(p.Peers, func(a, b peerRow) int {
		return cmp.Or(cmp.Compare(rank[a.State], rank[b.State]), cmp.Compare(a.Domain, b.Domain))
	})
	return s.render(w, http.StatusOK, p)
}

// provePage says how anyone checks what is shown here.
type provePage struct {
	Page
	Digest casefile.Digest
	Record desk.Record
	Peers  []desk.PeerView
	Base   string
	Sample comity.ActName // the newest act of our own
}

func (s *site) prove(w http.ResponseWriter, r *request) error {
	rec, err := s.c.Desk.Record(r.Context(), r.who)
	if err != nil {
		return err
	}
	list, err := s.c.Desk.Peers(r.Context(), r.who)
	if err != nil {
		return err
	}
	digest, err := s.c.Desk.Digest(r.Context())
	if err != nil {
		return err
	}
	p := &provePage{Page: s.frame(r, "prove", i18n.Key("Prove it")), Digest: digest, Record: rec, Peers: list, Base: base(r)}
	if rec.Size > 0 {
		p.Sample = comity.ActName{Domain: s.self.Domain, Index: rec.Size - 1}
	}
	return s.render(w, http.StatusOK, p)
}
