package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/web/i18n"
)

// actPage is one act: what it says, to whom, what came back, and its proof.
type actPage struct {
	Page
	This      desk.Held      // not "Held": the frame has a field of that name
	File      *casefile.View // nil for house matters, and where it cannot be read
	Body      []Member
	Effects   []effectRow
	Ask       *casefile.AskView // nil if it asks nothing
	Asked     []askedOf
	Ring      *owedRow // whom to ring next; nil if nobody owes an answer
	Informed  []act.To
	Related   []relatedRow // acts that refer to this one, the newest first
	Proof     proofBox
	Evidence  *desk.Evidence // what this node found of the evidence it publishes; nil if it publishes none
	MayReply  bool
	MayRevoke bool
	Mine      []owedRow // asked of us and open
	JustNow   bool      // issued a moment ago
}

// askedOf is an addressee, and how far the ask has come with it.
type askedOf struct {
	casefile.AddresseeView
	Track []Step
}

// effectRow is one effect as the act states it.
type effectRow struct {
	Do   string
	JSON string
	Why  string // it did not take place; "" if it did
}

// relatedRow is an act that refers to this one.
type relatedRow struct {
	How  string
	Line lineRow
}

// proofBox is what is needed to check the act elsewhere.
type proofBox struct {
	File string // name of the download
	Base string // address of this node
	Key  string // the issuer's log key as known here; "" if not
}

func (s *site) act(w http.ResponseWriter, r *request) error {
	name, err := actName(r)
	if err != nil {
		return err
	}
	h, err := s.c.Desk.Act(r.Context(), r.who, name)
	if err != nil {
		return err
	}
	p := &actPage{Page: s.frame(r, "act", i18n.Key("Act %s"), name), This: h, JustNow: r.URL.Query().Get("issued") != ""}
	p.mark(h.Status)
	p.Proof = proofBox{File: proofFile(name), Base: base(r), Key: s.logKey(r, name.Domain)}
	if a := h.Act; a != nil {
		p.Title = a.Title
		p.Body = members(a.Body)
		p.Effects = effectRows(h)
		for _, t := range a.To {
			if t.For == act.ForInformation {
				p.Informed = append(p.Informed, t)
			}
		}
		p.MayReply = r.officer() && h.Status != comity.Replay && !h.File.IsZero()
		p.MayRevoke = p.MayReply && name.Domain == s.self.Domain && h.Fact.Withdrawn.IsZero()
	}
	if e, ok, err := s.c.Desk.EvidenceAct(r.Context(), r.who, name); err != nil {
		return err
	} else if ok {
		p.Evidence = &e
	}
	if err := s.actInFile(r, p); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, p)
}

// actInFile adds what the situation knows of the act.
func (s *site) actInFile(r *request, p *actPage) error {
	h := p.This
	if h.Act == nil || h.File.IsZero() {
		return nil
	}
	v, err := s.c.Desk.Situation(r.Context(), r.who, h.File)
	if err != nil {
		return err
	}
	p.File = &v
	at := map[comity.ActName]comity.Time{}
	for _, l := range v.Timeline {
		at[l.Name] = l.Act.Recorded
	}
	recorded := func(n comity.ActName) comity.Time { return at[n] }
	if i := slices.IndexFunc(v.Asks, func(a casefile.AskView) bool { return a.Ask == h.Name }); i >= 0 {
		a := v.Asks[i]
		p.Ask = &a
		var owing []owedRow
		for _, of := range a.Addressees {
			p.Asked = append(p.Asked, askedOf{of, track(a, of, recorded)})
			if !of.Standing.Open() {
				continue
			}
			o := s.owed(r, a, of, v.Title, v.Lang)
			if o.CanAnswer {
				p.Mine = append(p.Mine, o)
			}
			if !o.Ours {
				owing = append(owing, o)
			}
		}
		if len(owing) > 0 {
			slices.SortStableFunc(owing, compareOwed)
			p.Ring = &owing[0]
		}
	}
	for _, l := range slices.Backward(v.Timeline) {
		for _, re := range l.Act.Re {
			if re.Act == h.Name {
				p.Related = append(p.Related, relatedRow{re.How, lineOf(l)})
				break
			}
		}
	}
	return nil
}

func effectRows(h desk.Held) []effectRow {
	refused := map[string]string{}
	for _, f := range h.Fact.Refused {
		refused[f.Do] = f.Why
	}
	var out []effectRow
	for _, e := range h.Act.Effects {
		row := effectRow{Do: e.Do(), Why: refused[e.Do()]}
		if b, err := json.Marshal(e); err == nil && len(b) > 2 {
			row.JSON = string(b)
		}
		out = append(out, row)
	}
	return out
}

func proofFile(n comity.ActName) string {
	return string(n.Domain) + "-" + strconv.FormatInt(n.Index, 10) + ".tlog-proof"
}

// base is the address under which the reader reached this node.
func base(r *request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// logKey is the verification key of a journal: our own, or as it is pinned here;
// "" if it is not known.
func (s *site) logKey(r *request, d comity.Domain) string {
	if d == s.self.Domain {
		return s.c.Desk.Self().LogKey
	}
	peers, err := s.c.Desk.Peers(r.Context(), r.who)
	if err != nil {
		return "" // the page then says where to find it
	}
	for _, p := range peers {
		if p.Domain == d {
			return p.LogKey
		}
	}
	return ""
}

// KeyAct is the first entry of the act's journal, which publishes its keys.
func (p *actPage) KeyAct() comity.ActName { return comity.ActName{Domain: p.This.Name.Domain} }

// EntryText is the journal entry as text, for reading; the download has it byte
// for byte.
func (p *actPage) EntryText() string { return strings.ToValidUTF8(string(p.This.Entry), "\uFFFD") }

// EntryJSON is the entry with line breaks; "" if it is no JSON.
func (p *actPage) EntryJSON() string {
	var b bytes.Buffer
	if json.Indent(&b, p.This.Entry, "", "  ") != nil {
		return ""
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

// proof is the act's C2SP tlog-proof, as a file.
func (s *site) proof(w http.ResponseWriter, r *request) error {
	name, err := actName(r)
	if err != nil {
		return err
	}
	b, err := s.c.Desk.Proof(r.Context(), r.who, name, r.URL.Query().Get("policy") != "")
	if err != nil {
		return err
	}
	download(w, "text/plain; charset=utf-8", proofFile(name), b)
	return nil
}

// entry is the journal entry, byte for byte, as a file.
func (s *site) entry(w http.ResponseWriter, r *request) error {
	name, err := actName(r)
	if err != nil {
		return err
	}
	h, err := s.c.Desk.Act(r.Context(), r.who, name)
	if err != nil {
		return err
	}
	download(w, "application/octet-stream", string(name.Domain)+"-"+strconv.FormatInt(name.Index, 10)+".json", h.Entry)
	return nil
}

// download sends a file. The name is made of a domain and a number and needs
// no quoting.
func download(w http.ResponseWriter, typ, name string, b []byte) {
	w.Header().Set("Content-Type", typ)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.Write(b)
}
