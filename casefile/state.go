package casefile

import (
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

	acts map[comity.ActName]int // position in Acts
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
	Withdrawn comity.ActName `json:"withdrawn,omitzero"` // by this act
	Corrected comity.ActName `json:"corrected,omitzero"` // by this act
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
	Entered   comity.Party   `json:"entered,omitempty"` // who entered it, of an answer heard outside the journals
	Confirmed comity.ActName `json:"confirmed,omitzero"`
	Contested comity.ActName `json:"contested,omitzero"`
}

// Deed is an act done about an ask.
type Deed struct {
	Act comity.ActName `json:"act"`
	By  comity.Party   `json:"by"`
	Do  string         `json:"do"` // decide, mandate, commit, deploy, convene, seize
}

func newState(s Scope) *State { return &State{Scope: s, acts: map[comity.ActName]int{}} }

// apply folds one act into the state.
func (s *State) apply(n *node) {
	a := n.Act
	author := a.Author()
	s.acts[n.Name] = len(s.Acts)
	s.Acts = append(s.Acts, ActFact{Act: n.Name, Leaf: n.Leaf, Actor: author.Actor(), Problem: n.problem})
	if n.problem != "" {
		return
	}
	for _, e := range a.Effects {
		if err := effect.May(author, e, s); err != nil {
			f := &s.Acts[s.acts[n.Name]]
			f.Refused = append(f.Refused, Refusal{Do: e.Do(), Why: err.Error()})
			continue
		}
		s.bring(n, author, e)
	}
	s.deeds(n, author)
}

func fact[E effect.Effect](n *node, by comity.Party, e E) Fact[E] { return Fact[E]{n.Name, by, e} }

// bring adds the facts of one effect.
func (s *State) bring(n *node, author effect.Author, e effect.Effect) {
	by := author.Actor()
	switch e := e.(type) {
	case effect.Open:
		s.Opener = author.Issuer
	case effect.Concern:
		s.Concerns = append(s.Concerns, fact(n, by, e))
	case effect.Seize:
		s.Seizures = append(s.Seizures, fact(n, author.Issuer.Party(), e))
	case effect.Refer:
		s.Referrals = append(s.Referrals, fact(n, by, e))
	case effect.HandOver:
		s.HandOvers = append(s.HandOvers, fact(n, by, e))
	case effect.Dormant:
		s.Phases = append(s.Phases, Phase{n.Name, "dormant"})
	case effect.Close:
		s.Phases = append(s.Phases, Phase{n.Name, "closed"})
	case effect.Relate:
		s.Relations = append(s.Relations, fact(n, by, e))
	case effect.Ask:
		s.Asks = append(s.Asks, &Ask{Act: n.Name, By: by, E: e})
	case effect.TakeUp:
		a := s.ask(e.Ask)
		a.TakeUps = append(a.TakeUps, TakeUp{n.Name, by, n.Act.By.Organ, e.Until})
	case effect.Answer:
		s.answer(n, by, e)
	case effect.Say:
		// The act itself is the statement.
	case effect.Reply:
		s.Replies = append(s.Replies, fact(n, by, e))
	case effect.Correct:
		s.Acts[s.acts[e.Act]].Corrected = n.Name
	case effect.Withdraw:
		s.Acts[s.acts[e.Act]].Withdrawn = n.Name
	case effect.Erase:
		s.Acts[s.acts[e.Act]].Erased = n.Name
	case effect.Decide:
		s.Decisions = append(s.Decisions, fact(n, by, e))
	case effect.Mandate:
		s.Mandates = append(s.Mandates, fact(n, by, e))
	case effect.Need:
		s.Needs = append(s.Needs, fact(n, by, e))
	case effect.Pledge:
		s.Pledges = append(s.Pledges, fact(n, by, e))
	case effect.Commit:
		s.Commitments = append(s.Commitments, fact(n, by, e))
	case effect.Deploy:
		s.Deployments = append(s.Deployments, fact(n, by, e))
	case effect.Return:
		s.Returns = append(s.Returns, fact(n, by, e))
	case effect.Convene:
		s.Meetings = append(s.Meetings, fact(n, by, e))
	case effect.Inscribe:
		s.Inscribed = append(s.Inscribed, fact(n, by, e))
	case effect.Speak:
		s.Spoke = append(s.Spoke, fact(n, by, e))
	case effect.Adhere:
		s.Adherences = append(s.Adherences, fact(n, by, e))
	case effect.Designate:
		s.Designated = append(s.Designated, fact(n, by, e))
	case effect.Admit:
		s.Members = append(s.Members, Member{n.Name, e.Party, "admitted"})
	case effect.Suspend:
		s.Members = append(s.Members, Member{n.Name, e.Party, "suspended"})
	case effect.Remove:
		s.Members = append(s.Members, Member{n.Name, e.Party, "removed"})
	case effect.Key:
		s.Keys = append(s.Keys, fact(n, author.Issuer.Party(), e))
	case effect.Score:
		s.Scores = append(s.Scores, fact(n, by, e))
	case effect.Evidence:
		s.Evidence = append(s.Evidence, fact(n, by, e))
	default:
		panic("casefile: no fold for effect " + e.Do())
	}
}

func (s *State) ask(name comity.ActName) *Ask {
	for _, a := range s.Asks {
		if a.Act == name {
			return a
		}
	}
	return nil
}

// answer adds an answer, or settles a reported one: the other side confirms
// or contests what was heard.
func (s *State) answer(n *node, by comity.Party, e effect.Answer) {
	a := s.ask(e.Ask)
	for i := range a.Answers {
		r := &a.Answers[i]
		if r.Entered == "" || r.Entered == by {
			continue // nobody confirms or contests their own entry
		}
		switch r.Act {
		case e.Confirms:
			r.Confirmed = n.Name
			return
		case e.Contests:
			r.Contested = n.Name
			return
		}
	}
	ans := Answer{Act: n.Name, By: by, Organ: n.Act.By.Organ, E: e}
	if e.From != "" {
		ans.By, ans.Entered, ans.Organ = e.From, by, ""
	}
	a.Answers = append(a.Answers, ans)
}

// deeds notes an act that does something about an ask it answers or follows.
func (s *State) deeds(n *node, author effect.Author) {
	for _, r := range n.Act.Re {
		ask := s.ask(r.Act)
		if ask == nil || r.How != "answers" && r.How != "follows" {
			continue
		}
		for _, e := range n.Act.Effects {
			if !isDeed(e) || s.refused(n.Name, e.Do()) {
				continue
			}
			ask.Acted = append(ask.Acted, Deed{n.Name, author.Actor(), e.Do()})
			break
		}
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

func (s *State) refused(name comity.ActName, do string) bool {
	for _, r := range s.Acts[s.acts[name]].Refused {
		if r.Do == do {
			return true
		}
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

var _ effect.Facts = (*State)(nil)

// Lead implements effect.Facts: who leads, and to whom the lead has offered it.
func (s *State) Lead() (lead, offered comity.Party) {
	// Concerns and hand-overs are interleaved by their acts' order.
	last := -1
	for _, c := range s.Concerns {
		if c.E.Role == effect.Leads && s.stands(c.Act) {
			lead, last = c.E.Party, s.acts[c.Act]
		}
	}
	for _, h := range s.HandOvers {
		if h.E.Lead && s.stands(h.Act) && s.acts[h.Act] > last {
			offered = h.E.To
		}
	}
	return lead, offered
}

// OpenedBy implements effect.Facts.
func (s *State) OpenedBy() comity.Domain { return s.Opener }

// Asked implements effect.Facts.
func (s *State) Asked(name comity.ActName) (comity.Party, []effect.Addressee, bool) {
	a := s.ask(name)
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
	for _, d := range s.Deployments {
		if d.Act == name {
			return d.E.Party, true
		}
	}
	for _, m := range s.Mandates {
		if m.Act == name {
			return m.By, true
		}
	}
	return "", false
}
