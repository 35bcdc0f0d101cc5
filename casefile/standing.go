package casefile

import (
	"slices"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/keys"
)

// Heads is what the reader knows about how far journals have been read and
// stored. It is evidence from outside the acts.
type Heads struct {
	// Self is the reader's own domain.
	Self comity.Domain
	// Heard is, for each domain with a journal, until when the reader has
	// heard it: the reader's clock when it last read that journal up to a
	// cosigned head. A domain that is not in the map keeps no journal known
	// to the reader.
	Heard map[comity.Domain]comity.Time
	// Stored reports whether the domain's mirror cosignature covers the act,
	// and its time: the receipt. May be nil.
	Stored func(by comity.Domain, name comity.ActName) (time.Time, bool)
	// Hidden reports whether the domain's journal holds entries since a time
	// that the reader cannot read and that might answer an ask of the asker:
	// then it cannot be said that no answer came. May be nil.
	Hidden func(by, asker comity.Domain, since comity.Time) bool
	// Doubt reports why an act may be somebody else's than its issuer's; nil
	// if it is not in doubt. What it did stays in the file: the doubt is said
	// beside it. May be nil.
	Doubt func(comity.ActName) *keys.Doubt
}

func (h Heads) doubt(names ...comity.ActName) *keys.Doubt {
	if h.Doubt == nil {
		return nil
	}
	for _, n := range names {
		if d := h.Doubt(n); d != nil {
			return d
		}
	}
	return nil
}

// Standing is how an ask stands with one addressee.
type Standing string

// The standings, from nothing known to done.
const (
	Sent        Standing = "sent"        // issued; no receipt yet
	NoJournal   Standing = "no-journal"  // the addressee keeps no journal: reached by mail, telephone or letter
	Received    Standing = "received"    // its mirror cosignature covers the act
	TakenUp     Standing = "taken-up"    // a person has it, until a time
	Lapsed      Standing = "lapsed"      // taken up, the time passed, no answer
	Considering Standing = "considering" // answered: will consider until a date it accepted
	Unanswered  Standing = "unanswered"  // the date has passed, no answer is recorded here, and it cannot be said that one was owed and did not come
	NotHeard    Standing = "not-heard"   // due has passed, but the journal was not heard since
	Overdue     Standing = "overdue"     // owed by a duty or an accepted date, due has passed, the journal was heard since and hides nothing
	Consented   Standing = "consented"   // silence was said beforehand to be consent, and the time has passed
	Reported    Standing = "reported"    // an answer was heard outside the journals, not yet confirmed
	Contested   Standing = "contested"   // an answer was reported, and the other side contests it
	Answered    Standing = "answered"
	Acted       Standing = "acted" // answered, and something was done
	Withdrawn   Standing = "withdrawn"
)

// Standings lists every standing.
func Standings() []Standing {
	return []Standing{Sent, NoJournal, Received, TakenUp, Lapsed, Considering, Unanswered, NotHeard, Overdue, Consented,
		Reported, Contested, Answered, Acted, Withdrawn}
}

// Open reports whether an answer is still outstanding.
func (s Standing) Open() bool {
	switch s {
	case Consented, Answered, Acted, Withdrawn:
		return false
	}
	return true
}

// Late reports whether the standing is shown among the late ones: a date has
// passed and no answer is recorded. Only Overdue is a claim that one was owed.
func (s Standing) Late() bool {
	switch s {
	case Overdue, Unanswered, NotHeard, Lapsed:
		return true
	}
	return false
}

// AskView is an ask and how it stands with each addressee.
type AskView struct {
	Ask        comity.ActName
	Situation  comity.ActName // zero for house matters
	Title      string
	What       string
	Kind       act.Kind
	Status     comity.Status
	TLP        comity.TLP
	By         comity.Party
	Sent       comity.Time // as recorded by the asker's node
	Basis      effect.Basis
	Source     string
	Due        comity.Time
	Silence    effect.Silence
	Addressees []AddresseeView

	Doubt *keys.Doubt `json:"-"` // whether the asker asked this; nil if it is not in doubt
}

// AddresseeView is how an ask stands with one addressee.
type AddresseeView struct {
	effect.Addressee
	Standing Standing
	Since    comity.Time // since when it stands so
	Due      comity.Time // the date that counts: set by duty, wished for, or accepted
	Accepted bool        // Due is a date that the addressee accepted
	Receipt  time.Time   // real time of the mirror cosignature; zero if none
	TakenUp  *TakeUp     // the newest one
	Answer   *Answer     // the newest one that stands
	Acted    []Deed
	Days     int // whole days: if open, since sent, or if late and Due has passed since Due; if answered, by which the answer came after Due

	Doubt *keys.Doubt `json:"-"` // whether they are the speakers' own acts on which it stands so; nil if they are not in doubt
}

// rests are the acts that say what came back from an addressee.
func (v *AddresseeView) rests() []comity.ActName {
	var out []comity.ActName
	if v.Answer != nil {
		out = append(out, v.Answer.Act, v.Answer.Confirmed, v.Answer.Contested)
	}
	if v.TakenUp != nil {
		out = append(out, v.TakenUp.Act)
	}
	for _, d := range v.Acted {
		out = append(out, d.Act)
	}
	return out
}

// Asks lists every ask of the file with its standing, in order of name.
func (f *File) Asks(now comity.Time, heads Heads) []AskView {
	var out []AskView
	for _, a := range f.briefAsks(f.fold()) {
		out = append(out, a.at(now, heads))
	}
	slices.SortFunc(out, func(x, y AskView) int { return x.Ask.Compare(y.Ask) })
	return out
}

// meant reports whether what a party said, in this act and by this organ, is
// said for this addressee. A party without a journal that was not asked itself
// speaks for the organization that carries its word, see effect.WasAsked. An
// organ speaks for itself if it was asked, and otherwise for its organization.
func meant(a *Ask, of effect.Addressee, by comity.Party, said comity.ActName, organ string) bool {
	asked := func(p comity.Party, organs ...string) bool {
		return slices.ContainsFunc(a.E.Of, func(o effect.Addressee) bool {
			return o.Org == p && (len(organs) == 0 || slices.Contains(organs, o.Organ))
		})
	}
	if !asked(by) {
		by, organ = said.Domain.Party(), ""
	}
	return of.Org == by && (of.Organ == organ || !asked(by, organ))
}

// said is what came back from an addressee, whatever the time.
func (f *File) said(s *State, a *Ask, of effect.Addressee) AddresseeView {
	v := AddresseeView{Addressee: of, Due: a.E.Due, Standing: Sent, Since: f.nodes[a.Act].Act.Recorded}
	for _, t := range a.TakeUps {
		if meant(a, of, t.By, t.Act, t.Organ) && s.stands(t.Act) {
			v.TakenUp = &t
		}
	}
	accepted := v.answer(s, a, of)
	// A date that a duty sets is not the addressee's to move.
	if !accepted.IsZero() && (a.E.Basis != effect.Duty || a.E.Due.IsZero()) {
		v.Due, v.Accepted = accepted, true
	}
	// What others did about it counts too, once this addressee has answered:
	// the council authorizes, a region lands.
	helped := v.Answer != nil && v.Answer.E.How != effect.Declined
	for own := range 2 {
		for _, d := range a.Acted {
			if n := f.nodes[d.Act]; s.stands(d.Act) && meant(a, of, d.By, d.Act, n.Act.By.Organ) == (own == 0) && (own == 0 || helped) {
				v.Acted = append(v.Acted, d)
			}
		}
	}
	return v
}

// answer finds the answer that counts, and the date that the addressee itself
// accepted last. Its own word, or what it confirmed, comes before what others
// report of it, unless that word was only that it will consider; and that
// before a report that it contests. Of several, the newest.
func (v *AddresseeView) answer(s *State, a *Ask, of effect.Addressee) (accepted comity.Time) {
	var own, reported, contested *Answer
	for _, r := range a.Answers {
		if !s.stands(r.Act) {
			continue
		}
		if r.Entered != "" {
			// Asked or not, a report is of nobody but the party it names.
			if r.By != of.Org {
				continue
			}
		} else if !meant(a, of, r.By, r.Act, r.Organ) {
			continue
		}
		s.settle(&r)
		switch {
		case !r.Contested.IsZero():
			contested = &r
		case r.Entered != "" && r.Confirmed.IsZero():
			if reported == nil || reported.E.How == effect.Consider || r.E.How != effect.Consider {
				reported = &r
			}
		default:
			own = &r
			if r.E.How == effect.Consider {
				accepted = r.E.Until
			}
		}
	}
	switch {
	case own != nil && reported != nil && own.E.How == effect.Consider && reported.E.How != effect.Consider:
		v.Answer = reported
	case own != nil:
		v.Answer = own
	case reported != nil:
		v.Answer = reported
	default:
		v.Answer = contested
	}
	return accepted
}

// settle leaves in a reported answer what the other side said of it last.
func (s *State) settle(r *Answer) {
	if !s.stands(r.Confirmed) {
		r.Confirmed = comity.ActName{}
	}
	if !s.stands(r.Contested) {
		r.Contested = comity.ActName{}
	}
	if r.Confirmed.IsZero() || r.Contested.IsZero() {
		return
	}
	if s.acts[r.Confirmed] > s.acts[r.Contested] {
		r.Contested = comity.ActName{}
	} else {
		r.Confirmed = comity.ActName{}
	}
}

// stand decides the standing of an addressee of whom said told; the first rule
// that fits, counts.
func (a *AskBrief) stand(v *AddresseeView, now comity.Time, heads Heads) {
	is := func(st Standing, since comity.Time) { v.Standing, v.Since = st, since }
	recorded := func(n comity.ActName) comity.Time { return a.Recorded[n] }
	sent := a.Sent

	domain, hasDomain := v.Org.Domain()
	heard, hasJournal := heads.Heard[domain]
	hasJournal = hasJournal && hasDomain
	if hasDomain && domain == heads.Self {
		heard, hasJournal = now, true
	}
	if hasJournal && heads.Stored != nil {
		if at, ok := heads.Stored(domain, a.Ask); ok {
			v.Receipt = at
		}
	}
	passed := !v.Due.IsZero() && now.After(v.Due.Time)
	known := hasJournal && heard.After(v.Due.Time) // whether an answer came in time
	// Nobody owes an answer by a date, or has consented by it, before being asked.
	ahead := v.Due.After(sent.Time)
	owed := a.Basis == effect.Duty && ahead || v.Accepted
	considers := v.Answer != nil && v.Answer.E.How == effect.Consider

	switch {
	case !a.Struck.IsZero():
		is(Withdrawn, recorded(a.Struck))
		return
	case v.Answer != nil && !v.Answer.Contested.IsZero():
		is(Contested, recorded(v.Answer.Contested))
	case v.Answer != nil && v.Answer.Entered != "" && v.Answer.Confirmed.IsZero() && !(considers && passed):
		is(Reported, recorded(v.Answer.Act))
	case v.Answer != nil && !considers:
		is(Answered, recorded(v.Answer.Act))
		if len(v.Acted) > 0 {
			is(Acted, later(v.Since, recorded(v.Acted[0].Act)))
		}
	}
	if v.Standing != Sent {
		if !v.Due.IsZero() {
			v.Days = max(0, days(v.Due, recorded(v.Answer.Act)))
		}
		return
	}
	v.Days = max(0, days(sent, now))
	silent := a.Silence == effect.Consent && v.Answer == nil && ahead
	hidden := hasDomain && domain != heads.Self && heads.Hidden != nil && heads.Hidden(domain, a.Ask.Domain, sent)
	switch {
	case passed && (owed || silent) && hasDomain && !known:
		is(NotHeard, heard)
	case passed && (owed || silent) && hidden:
		is(Unanswered, v.Due)
	case passed && silent && hasDomain:
		is(Consented, v.Due)
	case passed && owed && hasDomain:
		is(Overdue, v.Due)
	case considers && !passed:
		is(Considering, recorded(v.Answer.Act))
	case v.TakenUp != nil && !now.After(v.TakenUp.Until.Time):
		is(TakenUp, recorded(v.TakenUp.Act))
	case v.TakenUp != nil:
		is(Lapsed, v.TakenUp.Until)
	case passed:
		is(Unanswered, v.Due)
	case !hasJournal:
		is(NoJournal, sent)
	case !v.Receipt.IsZero() || domain == heads.Self:
		is(Received, sent)
	}
	if passed && v.Standing.Late() {
		v.Days = max(0, days(v.Due, now))
	}
}

// later of two times.
func later(a, b comity.Time) comity.Time {
	if b.After(a.Time) {
		return b
	}
	return a
}
