package effect

import (
	"fmt"
	"slices"

	"github.com/comity/comity/comity"
)

// Who may bring about an effect. An act always acts for its issuer, or for a
// party without a journal that the issuer names in on_behalf_of; nobody acts
// for another organization that has a journal of its own.
type Who int

// The classes of authority.
const (
	// Anyone may: the effect is attributed to its issuer and binds nobody else.
	Anyone Who = iota
	// Itself: only the party named in the effect, or the journal it addressed
	// if it has none.
	Itself
	// IssuerOfTarget: only the issuer of the act named in the effect. Speakers
	// of a meeting that the act itself convenes name none: it is the issuer's.
	IssuerOfTarget
	// WasAsked: only somebody the ask addresses; or, for an answer heard
	// outside the journals, the asker or an addressee that reports it.
	WasAsked
	// Lead: only the lead, or the opener of the file while nobody leads.
	Lead
	// HolderOrLead: the lead for the lead, the deploying party for an operation.
	HolderOrLead
	// TakesLead: anybody for a role of its own; to lead, only who was handed
	// the lead by who leads, or by the opener while nobody does.
	TakesLead
	// OwnOrgan: the effect concerns an organ, and every organ is its own
	// organization's: the secretariat that issues it speaks for it.
	OwnOrgan
	// OwnHouse: the effect concerns the issuer's own membership, posts or keys.
	OwnHouse
	// OwnJournal: the act named stands in the issuer's own journal, in whatever
	// file; who cannot read it can judge that too.
	OwnJournal
)

// String says in words who may.
func (w Who) String() string {
	switch w {
	case Anyone:
		return "anybody"
	case Itself:
		return "the party named"
	case IssuerOfTarget:
		return "the issuer of the act named"
	case WasAsked:
		return "who was asked"
	case Lead:
		return "the lead, or the opener while nobody leads"
	case HolderOrLead:
		return "the lead for the lead, the deploying party for an operation"
	case TakesLead:
		return "the party named; to lead, who was offered it by the lead, or by the opener while nobody leads"
	case OwnOrgan:
		return "the organ's own organization"
	case OwnHouse:
		return "the organization itself"
	case OwnJournal:
		return "the organization in whose journal the act stands"
	}
	return "nobody"
}

// A Rule says who may bring about one effect, and why.
type Rule struct {
	Do  string
	Who Who
	Why string
}

// Rules is the table of authority: exactly one rule for each effect.
func Rules() []Rule {
	return []Rule{
		{"open", Anyone, "a file is a title to collect under; opening one seizes nobody"},
		{"concern", TakesLead, "nobody is drawn into a role by another; the lead passes by hand-over"},
		{"seize", OwnOrgan, "only an organ's own secretariat says that it is seized"},
		{"refer", Anyone, "Art. 52(4): the way to the Council is never barred"},
		{"hand-over", HolderOrLead, "nobody hands over what they do not hold"},
		{"dormant", Lead, "only who leads may say that nothing is under way"},
		{"close", Lead, "only who leads closes the file"},
		{"relate", Anyone, "a relation is the issuer's view and shown as such"},
		{"ask", Anyone, "anybody may ask; only a duty or the addressee's own word sets a date"},
		{"take-up", WasAsked, "nobody takes up what was asked of another"},
		{"answer", WasAsked, "nobody answers for another; what was heard is shown as reported"},
		{"say", Anyone, "a statement is attributed"},
		{"reply", Anyone, "the right of reply belongs to whoever feels concerned"},
		{"correct", IssuerOfTarget, "only the issuer corrects"},
		{"withdraw", IssuerOfTarget, "only the issuer withdraws"},
		{"erase", OwnJournal, "only the issuer erases"},
		{"decide", OwnOrgan, "only an organ's own secretariat records its decision"},
		{"mandate", OwnOrgan, "a mandate is a decision of the organ that gives it"},
		{"need", Anyone, "a need is the issuer's statement of what is missing"},
		{"pledge", Itself, "nobody pledges another's means"},
		{"commit", Itself, "nobody commits another's means"},
		{"deploy", Itself, "nobody deploys another's means"},
		{"return", IssuerOfTarget, "who deployed says that it is over"},
		{"convene", OwnOrgan, "an organ's secretariat convenes it"},
		{"inscribe", IssuerOfTarget, "the list of speakers is the convener's"},
		{"speak", IssuerOfTarget, "the record of a meeting is the convener's"},
		{"adhere", Anyone, "depositaries and States both report; attributed to the issuer"},
		{"designate", OwnHouse, "every house names its own focal points"},
		{"admit", OwnHouse, "membership is each organization's own"},
		{"suspend", OwnHouse, "membership is each organization's own"},
		{"remove", OwnHouse, "membership is each organization's own"},
		{"key", OwnHouse, "keys are each organization's own"},
		{"score", Anyone, "an assessment is attributed"},
		{"evidence", Anyone, "a proof proves itself, whoever carries it"},
	}
}

var rules = func() map[string]Rule {
	m := map[string]Rule{}
	for _, r := range Rules() {
		m[r.Do] = r
	}
	return m
}()

// RuleFor returns the rule of the effect.
func RuleFor(e Effect) Rule { return rules[e.Do()] }

// Facts is what a rule needs to know of the file as it stood before the act.
type Facts interface {
	// OpenedBy is the opener of the situation; "" if no such file is open.
	OpenedBy() comity.Domain
	// Lead of the situation, and whom the lead has offered the lead to.
	Lead() (lead, offered comity.Party)
	// Asked by the act: who asks, and whom. ok is false if it asks nothing.
	Asked(ask comity.ActName) (by comity.Party, of []Addressee, ok bool)
	// Actor of an act of this file: its issuer, or the party without a
	// journal that it acted for. ok is false if the act is not in the file.
	Actor(comity.ActName) (p comity.Party, ok bool)
	// Deployer is the party whose deployment the act records.
	Deployer(comity.ActName) (p comity.Party, ok bool)
}

// An Author is in whose name an act speaks.
type Author struct {
	Issuer     comity.Domain // whose journal it stands in
	OnBehalfOf comity.Party  // "" if the issuer speaks for itself
}

// Actor is the party that acts: OnBehalfOf if there is one.
func (a Author) Actor() comity.Party {
	if a.OnBehalfOf != "" {
		return a.OnBehalfOf
	}
	return a.Issuer.Party()
}

// May reports as an error, in words for the file's readers, why the author
// may not bring about the effect. The act is then shown as a claim, without
// this effect.
func May(a Author, e Effect, f Facts) error {
	if a.OnBehalfOf != "" {
		if d, ok := a.OnBehalfOf.Domain(); ok && d != a.Issuer {
			return fmt.Errorf("%s keeps its own journal; %s cannot act for it", d, a.Issuer)
		}
	}
	actor := a.Actor()
	switch rule := RuleFor(e); rule.Who {
	case Anyone, OwnHouse, OwnOrgan:
		// Organs, members, posts and keys named in these effects are the
		// issuer's by construction: an effect has no member to name another's.
		return nil
	case Itself:
		if p := partyOf(e); p != actor {
			return fmt.Errorf("%s: %s", rule.Why, claim(a, p))
		}
		return nil
	case TakesLead:
		c := e.(Concern)
		if c.Party != actor {
			return fmt.Errorf("%s: %s", rule.Why, claim(a, c.Party))
		}
		// Until somebody leads, the lead is the opener's to take or to offer:
		// else a stranger could claim it years later, by an act that refers
		// to nothing and so folds before everything else.
		lead, offered := leading(f)
		if c.Role == Leads && lead != actor && offered != actor {
			return fmt.Errorf("the lead is with %s, who has not handed it to %s", lead, actor)
		}
		return nil
	case Lead:
		lead, _ := leading(f)
		if actor != lead {
			return fmt.Errorf("%s; that is %s", rule.Why, lead)
		}
		return nil
	case HolderOrLead:
		h := e.(HandOver)
		if h.Lead {
			if lead, _ := leading(f); actor != lead {
				return fmt.Errorf("%s: %s does not lead", rule.Why, actor)
			}
			return nil
		}
		if p, ok := f.Deployer(h.Operation); !ok || p != actor && p != a.Issuer.Party() {
			return fmt.Errorf("%s: %s records no operation of %s", rule.Why, h.Operation, actor)
		}
		return nil
	case IssuerOfTarget:
		target := targetOf(e)
		if target.IsZero() && ownMeeting(e) {
			return nil
		}
		if target.Domain != a.Issuer {
			return fmt.Errorf("%s: %s is not of %s", rule.Why, target, a.Issuer)
		}
		if _, ok := f.Actor(target); !ok {
			return fmt.Errorf("%s is no act of this file", target)
		}
		return nil
	case OwnJournal:
		if act := e.(Erase).Act; act.Domain != a.Issuer {
			return fmt.Errorf("%s: %s is not of %s", rule.Why, act, a.Issuer)
		}
		return nil
	case WasAsked:
		return mayAnswer(a, e, f)
	}
	panic("effect: no rule for " + e.Do())
}

// leading is who may hand the lead on: the lead, or the opener of the file
// while nobody leads; and to whom it was offered.
func leading(f Facts) (lead, offered comity.Party) {
	lead, offered = f.Lead()
	if lead == "" {
		lead = f.OpenedBy().Party()
	}
	return lead, offered
}

// mayAnswer: an addressee answers for itself. An answer heard outside the
// journals may be entered by the asker, of an addressee, or by an addressee,
// of itself.
func mayAnswer(a Author, e Effect, f Facts) error {
	ask := targetOf(e)
	by, of, ok := f.Asked(ask)
	if !ok {
		return fmt.Errorf("%s asks nothing in this file", ask)
	}
	from := a.Actor()
	if ans, isAnswer := e.(Answer); isAnswer && ans.From != "" {
		if ans.From != from && by != from && by != a.Issuer.Party() {
			return fmt.Errorf("only who asked or who was asked reports what was said")
		}
		from = ans.From
	}
	// The word of a party without a journal is carried by who asked it, or by
	// an addressee it speaks through: else anybody could answer in its name.
	if a.OnBehalfOf != "" && ask.Domain != a.Issuer && !slices.ContainsFunc(of, func(x Addressee) bool { return x.Org == a.Issuer.Party() }) {
		return fmt.Errorf("only %s, who asked, or an addressee carries the answer of %s", ask.Domain, a.OnBehalfOf)
	}
	for _, x := range of {
		if x.Org == from || x.Org == a.Issuer.Party() && a.OnBehalfOf != "" && from == a.OnBehalfOf {
			return nil
		}
	}
	return fmt.Errorf("%s did not ask %s", ask, from)
}

func claim(a Author, p comity.Party) string {
	return fmt.Sprintf("%s says so of %s", a.Issuer, p)
}

// partyOf is the party that an effect with Who Itself binds.
func partyOf(e Effect) comity.Party {
	switch e := e.(type) {
	case Pledge:
		return e.Party
	case Commit:
		return e.Party
	case Deploy:
		return e.Party
	}
	panic("effect: no party in " + e.Do())
}

// ownMeeting reports whether e is about the meeting that its own act convenes.
func ownMeeting(e Effect) bool {
	switch e := e.(type) {
	case Inscribe:
		return e.Meeting.IsZero()
	case Speak:
		return e.Meeting.IsZero()
	}
	return false
}

// targetOf is the act that an effect with Who IssuerOfTarget or WasAsked is
// about.
func targetOf(e Effect) comity.ActName {
	switch e := e.(type) {
	case Correct:
		return e.Act
	case Withdraw:
		return e.Act
	case Return:
		return e.Deployment
	case Inscribe:
		return e.Meeting
	case Speak:
		return e.Meeting
	case TakeUp:
		return e.Ask
	case Answer:
		return e.Ask
	}
	panic("effect: no target in " + e.Do())
}
