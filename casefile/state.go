package casefile

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// State is the fold of one scope: facts, each with the act it came from, in
// the order of the fold. What they amount to at a given time is computed by
// View. A fact whose act was withdrawn or corrected stays here and counts no
// longer.
type State struct {
	Scope  Scope         `json:"scope"`
	Opener comity.Domain `json:"opener,omitempty"`
	Acts   []ActFact     `json:"acts"`

	Concerns    []Fact[effect.Concern]  `json:"concerns,omitempty"`
	Seizures    []Fact[effect.Seize]    `json:"seizures,omitempty"`
	Referrals   []Fact[effect.Refer]    `json:"referrals,omitempty"`
	HandOvers   []Fact[effect.HandOver] `json:"hand_overs,omitempty"`
	Phases      []Phase                 `json:"phases,omitempty"`
	Relations   []Fact[effect.Relate]   `json:"relations,omitempty"`
	Asks        []*Ask                  `json:"asks,omitempty"`
	Replies     []Fact[effect.Reply]    `json:"replies,omitempty"`
	Decisions   []Fact[effect.Decide]   `json:"decisions,omitempty"`
	Mandates    []Fact[effect.Mandate]  `json:"mandates,omitempty"`
	Needs       []Fact[effect.Need]     `json:"needs,omitempty"`
	Pledges     []Fact[effect.Pledge]   `json:"pledges,omitempty"`
	Commitments []Fact[effect.Commit]   `json:"commitments,omitempty"`
	Deployments []Fact[effect.Deploy]   `json:"deployments,omitempty"`
	Returns     []Fact[effect.Return]   `json:"returns,omitempty"`
	Meetings    []Fact[effect.Convene]  `json:"meetings,omitempty"`
	Inscribed   []Fact[effect.Inscribe] `json:"inscribed,omitempty"`
	Spoke       []Fact[effect.Speak]    `json:"spoke,omitempty"`
	Scores      []Fact[effect.Score]    `json:"scores,omitempty"`

	// House matters.
	Keys       []Fact[effect.Key]       `json:"keys,omitempty"`
	Members    []Member                 `json:"members,omitempty"`
	Designated []Fact[effect.Designate] `json:"designated,omitempty"`
	Adherences []Fact[effect.Adhere]    `json:"adherences,omitempty"`
	Evidence   []Fact[effect.Evidence]  `json:"evidence,omitempty"`
	Erasures   []Fact[effect.Erase]     `json:"erasures,omitempty"`

	acts     map[comity.ActName]int          // position in Acts
	asks     map[comity.ActName]*Ask         // those in Asks
	deployed map[comity.ActName]comity.Party // whose deployment the act records
	mandated map[comity.ActName]comity.Party // who gave the mandate
	leads    []int                           // positions of the Concerns that take the lead
	offers   []int                           // positions of the HandOvers of the lead
	past     history
}

// Fact is an effect that took place, who brought it about and by which act.
type Fact[E effect.Effect] struct {
	Act comity.ActName `json:"act"`
	By  comity.Party   `json:"by"`
	E   E              `json:"is"`
}

// ActFact is what became of one act.
type ActFact struct {
	Act       comity.ActName `json:"act"`
	Leaf      comity.Hash    `json:"leaf"`
	Actor     comity.Party   `json:"actor"`
	Withdrawn comity.ActName `json:"withdrawn,omitzero"` // by this act, the first that did
	Corrected comity.ActName `json:"corrected,omitzero"` // by this act, the first that did
	Erased    comity.ActName `json:"erased,omitzero"`    // by this act
	Problem   string         `json:"problem,omitempty"`  // why none of its effects took place
	Refused   []Refusal      `json:"refused,omitempty"`  // effects it claims without authority
}

// Refusal is an effect that an act claims and its author may not bring about.
type Refusal struct {
	Do  string `json:"do"`
	Why string `json:"why"`
}

// Phase is a change between open, dormant and closed.
type Phase struct {
	Act comity.ActName `json:"act"`
	Is  string         `json:"is"` // dormant, closed
}

// Member is a change of the house's membership.
type Member struct {
	Act   comity.ActName `json:"act"`
	By    comity.Party   `json:"by"`
	Party comity.Party   `json:"party"`
	Is    string         `json:"is"` // admitted, suspended, removed
}

// Ask is a question and everything that came back.
type Ask struct {
	Act     comity.ActName `json:"act"`
	By      comity.Party   `json:"by"`
	E       effect.Ask     `json:"is"`
	TakeUps []TakeUp       `json:"take_ups,omitempty"`
	Answers []Answer       `json:"answers,omitempty"`
	// Acted lists acts that do something about it: a decision, a commitment,
	// a deployment, that answer or follow the ask.
	Acted []Deed `json:"acted,omitempty"`
}

// TakeUp of an ask by an addressee.
type TakeUp struct {
	Act   comity.ActName `json:"act"`
	By    comity.Party   `json:"by"`
	Organ string         `json:"organ,omitempty"`
	Until comity.Time    `json:"until"`
}

// Answer to an ask by an addressee, or reported of one.
type Answer struct {
	Act       comity.ActName `json:"act"`
	By        comity.Party   `json:"by"` // the addressee that answers
	Organ     string         `json:"organ,omitempty"`
	E         effect.Answer  `json:"is"`
	Entered   comity.Party   `json:"entered,omitempty"`  // who entered it, of an answer heard outside the journals
	Confirmed comity.ActName `json:"confirmed,omitzero"` // by the other side's act, the newest that did
	Contested comity.ActName `json:"contested,omitzero"` // by the other side's act, the newest that did
}

// Deed is an act done about an ask.
type Deed struct {
	Act comity.ActName `json:"act"`
	By  comity.Party   `json:"by"`
	Do  string         `json:"do"` // decide, mandate, commit, deploy, convene, seize: the first of the act
}

func newState(s Scope) *State {
	return &State{Scope: s, acts: map[comity.ActName]int{}, asks: map[comity.ActName]*Ask{},
		deployed: map[comity.ActName]comity.Party{}, mandated: map[comity.ActName]comity.Party{}}
}

// apply folds one act into the state.
func (s *State) apply(n *node) {
	a := n.Act
	author := a.Author()
	at := len(s.Acts)
	s.past.begin()
	enter(s, s.acts, n.Name, at)
	put(s, &s.Acts, ActFact{Act: n.Name, Leaf: n.Leaf, Actor: author.Actor(), Problem: n.problem})
	if n.problem != "" {
		return
	}
	var deed effect.Effect
	for _, e := range a.Effects {
		if err := s.May(author, e); err != nil {
			s.Acts[at].Refused = append(s.Acts[at].Refused, Refusal{Do: e.Do(), Why: err.Error()})
			continue
		}
		s.bring(n, author, e)
		if deed == nil && isDeed(e) {
			deed = e
		}
	}
	if deed != nil {
		s.deed(n, author, deed)
	}
}

// May reports as an error, in words for the file's readers, why the author may
// not bring about the effect in this file as it stands: by the table of
// package effect, and by the rules that need to know the file.
func (s *State) May(author effect.Author, e effect.Effect) error {
	if err := effect.May(author, e, s); err != nil {
		return err
	}
	switch e := e.(type) {
	case effect.Answer:
		return s.maySettle(author, e)
	case effect.Key:
		return s.mayKey(author, e)
	case effect.Mandate:
		for _, target := range []comity.ActName{e.Renews, e.Ends} {
			by, ok := s.mandated[target]
			if ok && by != author.Actor() && by != author.Issuer.Party() {
				return fmt.Errorf("only who gave a mandate renews or ends it; %s is of %s", target, by)
			}
		}
	}
	return nil
}

// Judged reports whether the state of the file says who may bring about the
// effect: otherwise State.May is the same in any file, also in an empty one.
func Judged(e effect.Effect) bool {
	switch effect.RuleFor(e).Who {
	case effect.Anyone, effect.OwnOrgan, effect.OwnHouse, effect.Itself:
		if _, ok := e.(effect.Key); ok {
			return true
		}
		m, ok := e.(effect.Mandate)
		return ok && (!m.Renews.IsZero() || !m.Ends.IsZero())
	}
	return true
}

// maySettle: what was heard of an addressee is confirmed or contested by that
// addressee, or by who asked if the addressee entered it itself.
func (s *State) maySettle(author effect.Author, e effect.Answer) error {
	report := cmp.Or(e.Confirms, e.Contests)
	if report.IsZero() {
		return nil
	}
	ask := s.asks[e.Ask]
	r := ask.report(report)
	if r == nil {
		return fmt.Errorf("%s reports no answer to %s", report, e.Ask)
	}
	other := r.By
	if r.Entered == r.By {
		other = ask.By
	}
	if by := author.Actor(); by != other {
		return fmt.Errorf("%s entered what it heard of %s; that is for %s to confirm or contest, not for %s", r.Entered, r.By, other, by)
	}
	return nil
}

// report returns the answer that the act entered, of those heard outside the
// journals; nil if there is none.
func (a *Ask) report(name comity.ActName) *Answer {
	for i := range a.Answers {
		if r := &a.Answers[i]; r.Act == name && r.Entered != "" {
			return r
		}
	}
	return nil
}

func fact[E effect.Effect](n *node, by comity.Party, e E) Fact[E] { return Fact[E]{n.Name, by, e} }

// bring adds the facts of one effect.
func (s *State) bring(n *node, author effect.Author, e effect.Effect) {
	by := author.Actor()
	switch e := e.(type) {
	case effect.Open:
		was := s.Opener
		s.Opener = author.Issuer
		s.past.undo(func() { s.Opener = was })
	case effect.Concern:
		if e.Role == effect.Leads {
			put(s, &s.leads, len(s.Concerns))
		}
		put(s, &s.Concerns, fact(n, by, e))
	case effect.Seize:
		put(s, &s.Seizures, fact(n, author.Issuer.Party(), e))
	case effect.Refer:
		put(s, &s.Referrals, fact(n, by, e))
	case effect.HandOver:
		if e.Lead {
			put(s, &s.offers, len(s.HandOvers))
		}
		put(s, &s.HandOvers, fact(n, by, e))
	case effect.Dormant:
		put(s, &s.Phases, Phase{n.Name, "dormant"})
	case effect.Close:
		put(s, &s.Phases, Phase{n.Name, "closed"})
	case effect.Relate:
		put(s, &s.Relations, fact(n, by, e))
	case effect.Ask:
		a := &Ask{Act: n.Name, By: by, E: e}
		put(s, &s.Asks, a)
		enter(s, s.asks, n.Name, a)
	case effect.TakeUp:
		a := s.asks[e.Ask]
		put(s, &a.TakeUps, TakeUp{n.Name, by, n.Act.By.Organ, e.Until})
	case effect.Answer:
		s.answer(n, by, e)
	case effect.Say:
		// The act itself is the statement.
	case effect.Reply:
		put(s, &s.Replies, fact(n, by, e))
	case effect.Correct:
		s.strike(e.Act, n.Name, func(f *ActFact) *comity.ActName { return &f.Corrected })
	case effect.Withdraw:
		s.strike(e.Act, n.Name, func(f *ActFact) *comity.ActName { return &f.Withdrawn })
	case effect.Erase:
		put(s, &s.Erasures, fact(n, by, e))
		s.strike(e.Act, n.Name, func(f *ActFact) *comity.ActName { return &f.Erased })
	case effect.Decide:
		put(s, &s.Decisions, fact(n, by, e))
	case effect.Mandate:
		put(s, &s.Mandates, fact(n, by, e))
		enter(s, s.mandated, n.Name, by)
	case effect.Need:
		put(s, &s.Needs, fact(n, by, e))
	case effect.Pledge:
		put(s, &s.Pledges, fact(n, by, e))
	case effect.Commit:
		put(s, &s.Commitments, fact(n, by, e))
	case effect.Deploy:
		put(s, &s.Deployments, fact(n, by, e))
		enter(s, s.deployed, n.Name, e.Party)
	case effect.Return:
		put(s, &s.Returns, fact(n, by, e))
	case effect.Convene:
		put(s, &s.Meetings, fact(n, by, e))
	case effect.Inscribe:
		e.Meeting = cmp.Or(e.Meeting, n.Name) // none: the one that this act convenes
		put(s, &s.Inscribed, fact(n, by, e))
	case effect.Speak:
		e.Meeting = cmp.Or(e.Meeting, n.Name)
		put(s, &s.Spoke, fact(n, by, e))
	case effect.Adhere:
		put(s, &s.Adherences, fact(n, by, e))
	case effect.Designate:
		put(s, &s.Designated, fact(n, by, e))
	case effect.Admit:
		put(s, &s.Members, Member{n.Name, by, e.Party, "admitted"})
	case effect.Suspend:
		put(s, &s.Members, Member{n.Name, by, e.Party, "suspended"})
	case effect.Remove:
		put(s, &s.Members, Member{n.Name, by, e.Party, "removed"})
	case effect.Key:
		put(s, &s.Keys, fact(n, author.Issuer.Party(), e))
	case effect.Score:
		put(s, &s.Scores, fact(n, by, e))
	case effect.Evidence:
		put(s, &s.Evidence, fact(n, by, e))
	default:
		panic("casefile: no fold for effect " + e.Do())
	}
}

// strike notes in a field of an act's fact by which act it was struck out: the
// first that did, so that it stays so whatever comes later.
func (s *State) strike(act, by comity.ActName, field func(*ActFact) *comity.ActName) {
	i, ok := s.acts[act]
	if !ok {
		return // an erasure stands where everybody can read it, apart from what it erases
	}
	if name := field(&s.Acts[i]); name.IsZero() {
		*name = by
		s.past.undo(func() { *field(&s.Acts[i]) = comity.ActName{} })
	}
}

// answer adds an answer, or settles a reported one: the other side confirms
// or contests what was heard.
func (s *State) answer(n *node, by comity.Party, e effect.Answer) {
	a := s.asks[e.Ask]
	switch {
	case !e.Confirms.IsZero():
		s.settles(a, e.Confirms, n.Name, func(r *Answer) *comity.ActName { return &r.Confirmed })
		return
	case !e.Contests.IsZero():
		s.settles(a, e.Contests, n.Name, func(r *Answer) *comity.ActName { return &r.Contested })
		return
	}
	ans := Answer{Act: n.Name, By: by, Organ: n.Act.By.Organ, E: e}
	if e.From != "" {
		ans.By, ans.Entered, ans.Organ = e.From, by, ""
	}
	put(s, &a.Answers, ans)
}

// settles notes in a field of a reported answer by which act it was settled.
func (s *State) settles(a *Ask, report, by comity.ActName, field func(*Answer) *comity.ActName) {
	name := field(a.report(report))
	was := *name
	*name = by
	s.past.undo(func() { *field(a.report(report)) = was })
}

// deed notes an act that does something about the asks it answers or follows.
func (s *State) deed(n *node, author effect.Author, e effect.Effect) {
	for _, r := range n.Act.Re {
		if r.How != "answers" && r.How != "follows" {
			continue
		}
		ask := s.asks[r.Act]
		if ask == nil || len(ask.Acted) > 0 && ask.Acted[len(ask.Acted)-1].Act == n.Name {
			continue // no ask, or referred to twice
		}
		put(s, &ask.Acted, Deed{n.Name, author.Actor(), e.Do()})
	}
}

func isDeed(e effect.Effect) bool {
	switch e := e.(type) {
	case effect.Commit, effect.Deploy, effect.Mandate, effect.Convene, effect.Seize:
		return true
	case effect.Decide:
		return e.Outcome == effect.Adopted
	}
	return false
}

// Fact returns what became of an act of this scope.
func (s *State) Fact(name comity.ActName) (ActFact, bool) {
	i, ok := s.acts[name]
	if !ok {
		return ActFact{}, false
	}
	return s.Acts[i], true
}

// stands reports whether an act's facts still count.
func (s *State) stands(name comity.ActName) bool {
	i, ok := s.acts[name]
	return ok && s.Acts[i].Withdrawn.IsZero() && s.Acts[i].Corrected.IsZero()
}

// current follows corrections: what was said of a corrected act is meant of the
// one that stands in its place.
func (s *State) current(name comity.ActName) comity.ActName {
	for {
		i, ok := s.acts[name]
		if !ok || s.Acts[i].Corrected.IsZero() || s.acts[s.Acts[i].Corrected] <= i {
			return name
		}
		name = s.Acts[i].Corrected
	}
}

var _ effect.Facts = (*State)(nil)

// Lead implements effect.Facts: who leads, and to whom the lead has offered it.
func (s *State) Lead() (lead, offered comity.Party) {
	// Concerns and hand-overs are interleaved by their acts' order.
	taken := -1
	for _, i := range slices.Backward(s.leads) {
		if c := s.Concerns[i]; s.stands(c.Act) {
			lead, taken = c.E.Party, s.acts[c.Act]
			break
		}
	}
	for _, i := range slices.Backward(s.offers) {
		h := s.HandOvers[i]
		if s.acts[h.Act] <= taken {
			break
		}
		if s.stands(h.Act) {
			return lead, h.E.To
		}
	}
	return lead, ""
}

// OpenedBy implements effect.Facts.
func (s *State) OpenedBy() comity.Domain { return s.Opener }

// Asked implements effect.Facts.
func (s *State) Asked(name comity.ActName) (comity.Party, []effect.Addressee, bool) {
	a := s.asks[name]
	if a == nil {
		return "", nil, false
	}
	return a.By, a.E.Of, true
}

// Actor implements effect.Facts.
func (s *State) Actor(name comity.ActName) (comity.Party, bool) {
	f, ok := s.Fact(name)
	return f.Actor, ok
}

// Deployer implements effect.Facts: who deployed an operation, or gave the
// mandate under which it stands.
func (s *State) Deployer(name comity.ActName) (comity.Party, bool) {
	if p, ok := s.deployed[name]; ok {
		return p, true
	}
	p, ok := s.mandated[name]
	return p, ok
}
