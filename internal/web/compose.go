package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web/i18n"
)

// composeIndexPage lists what can be written.
type composeIndexPage struct {
	Page
	Kinds     []composeKind
	Situation string
}

// composePage is the form of one kind.
type composePage struct {
	Page
	Kind      composeKind
	F         url.Values // what is filled in
	Errors    []problemLine
	Files     []casefile.View // situations that acts can be added to
	File      *casefile.View  // the chosen one
	Answers   *casefile.AskView
	Fixed     bool         // the act it is about, and so the situation, are given
	Draft     *watch.Draft // of which it is a warning
	Offered   []offered    // evidence of the draft
	To        []toRow
	TLPs      []tlpChoice
	NewStatus []comity.Status
	TextLangs []string
}

// composedPage is the check before sending.
type composedPage struct {
	Page
	Kind    composeKind
	F       url.Values
	Preview previewBox
	Once    string
	Errors  []problemLine
}

// offered is a piece of evidence that the writer may pick.
type offered struct {
	Text   string
	Picked bool
}

// problemLine is one line of the error summary.
type problemLine struct {
	Field   string // id of the field; "" if it is about none
	Text    string
	Foreign bool   // the text is the desk's, in English
	Where   string // in the field, in words, if Foreign; "": the field as a whole
}

// toRow is one possible addressee in the form.
type toRow struct {
	N      int
	Org    comity.Party // "" for a free row
	Known  bool
	ID     string
	Text   string // what was written into a free row
	For    string
	Organ  string
	Focal  string
	Self   bool
	Sealed bool // a sealed act can be opened there
}

// tlpChoice is one label, with what it means here.
type tlpChoice struct {
	TLP  comity.TLP
	Says i18n.Key
}

var tlpChoices = []tlpChoice{
	{comity.Red, i18n.Key("Sealed to the addressees. For the eyes of those addressed only.")},
	{comity.AmberStrict, i18n.Key("Sealed to the addressees. Their own organization only, as far as they need to know.")},
	{comity.Amber, i18n.Key("Sealed to the addressees. Their organization and those it must tell to act, as far as they need to know.")},
	{comity.Green, i18n.Key("Sealed to the addressees. They may share it within their community.")},
	{comity.Clear, i18n.Key("Public, for ever: everybody can read it.")},
}

// freeRows is how many addressees can be added beside the known ones.
const freeRows = 3

func (s *site) composeIndex(w http.ResponseWriter, r *request) error {
	if err := r.mayCompose(); err != nil {
		return err
	}
	p := &composeIndexPage{Page: s.frame(r, "compose-index", i18n.Key("Compose")), Situation: r.URL.Query().Get("situation")}
	for _, k := range composeKinds() {
		if k.FromAct == "" {
			p.Kinds = append(p.Kinds, k)
		}
	}
	return s.render(w, http.StatusOK, p)
}

func (r *request) mayCompose() error {
	switch {
	case r.who.Person == nil:
		return errSignIn
	case !r.who.May(person.Officer):
		return errForbidden
	}
	return nil
}

func kindOf(r *request) (composeKind, error) {
	kinds := composeKinds()
	i := slices.IndexFunc(kinds, func(k composeKind) bool { return k.Slug == r.PathValue("kind") })
	if i < 0 {
		return composeKind{}, errNotFound
	}
	return kinds[i], r.mayCompose()
}

// compose is the empty or prefilled form.
func (s *site) compose(w http.ResponseWriter, r *request) error {
	k, err := kindOf(r)
	if err != nil {
		return err
	}
	f := s.emptyForm(r)
	if err := s.prefill(r, k, f); err != nil {
		return err
	}
	if err := s.openFor(r, k, f); err != nil {
		return err
	}
	return s.composeForm(w, r, http.StatusOK, k, f, nil)
}

// emptyForm is what every form begins with.
func (s *site) emptyForm(r *request) url.Values {
	f := url.Values{}
	f.Set("date", s.c.Desk.Now().UTC().Format("2006-01-02T15:04"))
	f.Set("tlp", string(comity.Amber))
	f.Set("lang", r.words.Tag)
	f.Set("office", r.who.Person.Office)
	f.Set("basis", string(effect.Wish))
	f.Set("party", string(s.self.Domain))
	f.Set("situation", r.URL.Query().Get("situation"))
	return f
}

// prefill starts from the act that the new one answers, takes up, replies to or
// withdraws.
func (s *site) prefill(r *request, k composeKind, f url.Values) error {
	re := r.URL.Query().Get("re")
	if re == "" {
		return nil
	}
	name, err := comity.ParseActName(re)
	if err != nil {
		return errNotFound
	}
	h, err := s.c.Desk.Act(r.Context(), r.who, name)
	if err != nil {
		return err
	}
	if h.Act == nil {
		return errNotFound
	}
	f.Set("re", re)
	f.Set("how", cmp.Or(k.How, "follows"))
	f.Set("lang", cmp.Or(h.Act.Lang, f.Get("lang")))
	f.Set("title", "Re: "+h.Act.Title)
	f.Set("situation", h.File.String())
	f.Set("organ", r.URL.Query().Get("organ"))
	if h.Act.TLP != comity.Clear && f.Get("tlp") != "" && comity.TLP(f.Get("tlp")).Weaker(h.Act.TLP) {
		f.Set("tlp", string(h.Act.TLP)) // an act is marked no weaker than what it refers to
	}
	f.Set("for."+string(h.Act.Author().Actor()), act.ForInformation)
	f.Set("for."+string(name.Domain), act.ForInformation)
	if k.How == "withdraws" {
		for _, t := range h.Act.To {
			f.Set("for."+string(t.Org), act.ForInformation)
		}
		f.Set("tlp", string(h.Act.TLP)) // those who read it must read that it is withdrawn
	}
	return nil
}

// composeForm shows the form, with what is filled in and what is wrong with it.
func (s *site) composeForm(w http.ResponseWriter, r *request, status int, k composeKind, f url.Values, problems []problemLine) error {
	p := &composePage{Page: s.frame(r, "compose", k.Verb), Kind: k, F: f, Errors: problems, TLPs: tlpChoices,
		NewStatus: s.mayStatus(), TextLangs: []string{"en", "fr", "es", "ar", "ru", "zh", "pt"}}
	views, err := s.c.Desk.Situations(r.Context(), r.who)
	if err != nil {
		return err
	}
	draft, ok, err := s.draftOf(r, f)
	if err != nil {
		return err
	} else if ok {
		p.Draft = &draft
		for _, e := range f["offered"] {
			p.Offered = append(p.Offered, offered{e, slices.Contains(f["picked"], e)})
		}
		if draft.Exercise {
			p.mark(comity.Exercise)
		}
	}
	for _, v := range views {
		if v.Status == comity.Replay || v.Closed || p.Draft != nil && !takes(v, *p.Draft) {
			continue
		}
		p.Files = append(p.Files, v)
		if v.Name.String() == f.Get("situation") {
			p.File = &v
			p.mark(v.Status)
		}
	}
	if re, err := comity.ParseActName(f.Get("re")); err == nil && p.File != nil {
		for _, a := range p.File.Asks {
			if a.Ask == re {
				p.Answers = &a
			}
		}
	}
	p.Fixed = k.How != "" && p.File != nil && f.Get("re") != "" && len(problemsAt(problems, "re", "situation")) == 0
	if p.To, err = s.toRows(r, f); err != nil {
		return err
	}
	return s.render(w, status, p)
}

// mayStatus is what a new file can be. In a demonstration everything new is an
// exercise.
func (s *site) mayStatus() []comity.Status {
	if s.c.Scenario != nil {
		return []comity.Status{comity.Exercise}
	}
	return []comity.Status{comity.Actual, comity.Exercise, comity.Test}
}

// toRows lists the known organizations and some free rows.
func (s *site) toRows(r *request, f url.Values) ([]toRow, error) {
	list, err := s.c.Desk.Peers(r.Context(), r.who)
	if err != nil {
		return nil, err
	}
	var rows []toRow
	seen := map[comity.Party]bool{}
	add := func(org comity.Party, known bool) {
		if seen[org] {
			return
		}
		seen[org] = true
		key := string(org)
		rows = append(rows, toRow{N: len(rows), Org: org, Known: known, For: f.Get("for." + key), Organ: f.Get("organ." + key), Focal: f.Get("focal." + key),
			ID: "to-" + strconv.Itoa(len(rows)), Self: org == s.self.Domain.Party()})
	}
	for _, v := range list {
		add(v.Domain.Party(), true)
	}
	add(s.self.Domain.Party(), true)
	for key, v := range f {
		if org, ok := strings.CutPrefix(key, "for."); ok && v[0] != "" && comity.Party(org).Valid() == nil {
			add(comity.Party(org), false)
		}
	}
	slices.SortStableFunc(rows, func(a, b toRow) int { return boolOrder(!a.Known, !b.Known) })
	for i := range freeRows {
		n := strconv.Itoa(i)
		rows = append(rows, toRow{N: i, ID: "free-" + n, Text: f.Get("free." + n), For: f.Get("freefor." + n), Organ: f.Get("freeorgan." + n)})
	}
	return rows, nil
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// composePost checks the form, shows what would be sent, and issues it.
func (s *site) composePost(w http.ResponseWriter, r *request) error {
	k, err := kindOf(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return err
		}
		return errBad
	}
	f := r.PostForm
	if f.Get("step") == "edit" {
		return s.composeForm(w, r, http.StatusOK, k, f, nil)
	}
	issue, once := f.Get("step") == "issue", f.Get("once")
	if issue {
		// First: what is issued may be why it could not be issued again.
		if out, ok, err := s.issuedBefore(r.Context(), r.who, once); err != nil {
			return err
		} else if ok {
			s.issuedOf(r, f, out)
			return seeIssued(w, r, out)
		}
	}
	doc, problems, err := s.document(r, k, f)
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		slices.SortStableFunc(problems, func(a, b problemLine) int { return cmp.Compare(place(a.Field), place(b.Field)) })
		return s.composeForm(w, r, http.StatusBadRequest, k, f, problems)
	}
	if key := onceKey(once, time.Now()); issue && key != "" {
		out, err := s.c.Desk.IssueOnce(r.Context(), r.who, key, doc)
		if problems, ok := deskProblems(err); ok {
			return s.composeForm(w, r, http.StatusBadRequest, k, f, problems)
		} else if err != nil {
			return err
		}
		s.issuedOf(r, f, out)
		return seeIssued(w, r, out)
	}
	pre, err := s.c.Desk.Preview(r.Context(), r.who, doc)
	if problems, ok := deskProblems(err); ok {
		return s.composeForm(w, r, http.StatusBadRequest, k, f, problems)
	} else if err != nil {
		return err
	}
	return s.composed(w, r, k, f, pre)
}

// seeIssued leads to what was issued.
func seeIssued(w http.ResponseWriter, r *request, out desk.Issued) error {
	if out.Draft != 0 {
		return see(w, r, "/drafts?sent="+strconv.FormatInt(out.Draft, 10))
	}
	return see(w, r, actURL(out.Name)+"?issued=1")
}

// composed shows the check before sending.
func (s *site) composed(w http.ResponseWriter, r *request, k composeKind, f url.Values, pre desk.Preview) error {
	keep := url.Values{}
	for name, v := range f {
		if name != "step" && name != "once" && v[0] != "" {
			keep[name] = v
		}
	}
	p := &composedPage{Page: s.frame(r, "composed", i18n.Key("Check before sending")), Kind: k, F: keep, Preview: s.preview(pre), Once: newOnce(time.Now())}
	p.mark(pre.Act.Status)
	return s.render(w, http.StatusOK, p)
}

// previewBox is an act as it would be issued, and who would get it.
type previewBox struct {
	desk.Preview
	Body      []Member
	Addressed []desk.Recipient // those named in the act
	Others    []desk.Recipient // those who follow the journal all the same
}

func (s *site) preview(pre desk.Preview) previewBox {
	b := previewBox{Preview: pre}
	if pre.Act != nil {
		b.Body = members(pre.Act.Body)
	}
	for _, x := range pre.Recipients {
		if x.For == "" {
			b.Others = append(b.Others, x)
		} else {
			b.Addressed = append(b.Addressed, x)
		}
	}
	return b
}

var kindPrefix = regexp.MustCompile(`^[a-z-]+\.v[0-9]+: `)

// fieldOf leads from what an error begins with to the field that it is about.
var fieldOf = map[string]string{"title": "title", "text": "text", "to": "to", "ask": "ask", "date": "date", "tlp": "tlp", "re": "re",
	"situation": "situation", "body": "body", "states": "states", "lang": "lang", "on_behalf_of": "behalf", "status": "situation"}

// deskProblems makes the lines of the error summary of what the desk says. ok is
// false if it is no error of the document's.
func deskProblems(err error) (_ []problemLine, ok bool) {
	var invalid *desk.Invalid
	if !errors.As(err, &invalid) {
		return nil, false
	}
	var out []problemLine
	for line := range strings.SplitSeq(invalid.Error(), "\n") {
		line = kindPrefix.ReplaceAllString(strings.TrimSpace(line), "")
		if line == "" {
			continue
		}
		about, _, _ := strings.Cut(line, ":")
		out = append(out, problemLine{Field: fieldOf[about], Text: line, Foreign: true})
	}
	return out, true
}

// problemsAt are those about the fields.
func problemsAt(all []problemLine, fields ...string) []problemLine {
	return slices.DeleteFunc(slices.Clone(all), func(p problemLine) bool { return !slices.Contains(fields, p.Field) })
}

// At are the problems at a field.
func (p *composePage) At(field string) []problemLine { return problemsAt(p.Errors, field) }

// place is where on the form a field stands, so that problems are listed in
// that order; the kind's own fields come after the situation.
func place(field string) int {
	switch field {
	case "situation", "status", "re":
		return 0
	case "title", "text":
		return 2
	case "what", "due", "basis", "source":
		return 3
	case "to":
		return 4
	case "tlp":
		return 5
	case "organ", "office", "date":
		return 6
	}
	return 1
}
