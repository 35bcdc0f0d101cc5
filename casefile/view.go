package casefile

import (
	"cmp"
	"slices"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
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
	Unanswered  Standing = "unanswered"  // the date the asker wished for has passed; no answer recorded here
	NotHeard    Standing = "not-heard"   // due has passed, but the journal was not heard since
	Overdue     Standing = "overdue"     // owed by a duty or an accepted date, due has passed, the journal was heard since
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

// View is a situation as it reads at a time.
type View struct {
	Name   comity.ActName
	Title  string // the opener's own
	Lang   string
	Opener comity.Domain
	Status comity.Status
	TLP    comity.TLP
	Threat string
	States []string
	Opened comity.Time // when the file was opened, as its act is dated
	Latest comity.Time // date of the newest act
	AsOf   comity.Time

	Lead       comity.Party // "" if nobody leads
	Offered    comity.Party // the lead has offered the lead to
	Efforts    []Effort
	Seized     []Seizure
	Referrals  []Referral
	Operations []Operation
	Dormant    bool
	Closed     bool

	Asks        []AskView
	Needs       []NeedView
	Commitments []CommitmentView
	Mandates    []MandateView
	Relations   []Fact[effect.Relate]
	Scores      []Fact[effect.Score]
	Timeline    []Line
}

// Effort is a party's role in the situation.
type Effort struct {
	Party comity.Party
	Role  effect.Role
	Act   comity.ActName
	Since comity.Time
}

// Seizure of an organ, by a cited act.
type Seizure struct {
	Org   comity.Party
	Organ string
	By    comity.ActName // the act cited
	Act   comity.ActName
	Since comity.Time
}

// Referral to another organization.
type Referral struct {
	By  comity.Party
	To  effect.Addressee
	Act comity.ActName
	On  comity.Time
}

// Operation in the field.
type Operation struct {
	Act      comity.ActName
	Party    comity.Party
	Name     string
	Items    []effect.Item
	Since    comity.Time
	Mandate  comity.ActName
	Ended    comity.Time // zero while in the field
	EndedBy  comity.ActName
	HandedTo comity.Party
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
	Days     int // whole days since Due (late) or since sent (open); since the answer came, late, if positive
}

// NeedView is a need and what came for it, in the means' own units.
type NeedView struct {
	Need  comity.ActName
	By    comity.Party
	Due   comity.Time
	Lines []NeedLine
}

// NeedLine is one sort of means. Missing is Needed less Committed or
// Deployed, whichever is more.
type NeedLine struct {
	What                                          string
	Needed, Pledged, Committed, Deployed, Missing int64
}

// CommitmentView is a commitment and whether it was kept.
type CommitmentView struct {
	Act   comity.ActName
	Party comity.Party
	Need  comity.ActName
	Items []effect.Item
	By    comity.Time
	Kept  comity.ActName // the deployment that keeps it
	Late  bool           // By has passed, not kept
}

// MandateView is a mandate and when it runs out.
type MandateView struct {
	Act       comity.ActName
	By        comity.Party
	Holder    []comity.Party
	Name      string
	From, To  comity.Time // To as last renewed
	Force     bool
	RenewedBy []comity.ActName
	EndedBy   comity.ActName
	Expired   bool
	Days      int // until To; negative if past
}

// Line is one act on the timeline.
type Line struct {
	Item
	Fact ActFact
}

// View reads a situation at a time. ok is false if there is no such file.
func (b *Book) View(situation comity.ActName, now comity.Time, heads Heads) (View, bool) {
	s, ok := b.State(situation)
	if !ok {
		return View{}, false
	}
	opener := b.nodes[situation].Act
	v := View{
		Name: situation, Title: opener.Title, Lang: opener.Lang, Opener: s.Opener, Status: opener.Status, TLP: opener.TLP,
		Threat: opener.Threat, States: slices.Clone(opener.States), Opened: opener.Date, AsOf: now,
	}
	for _, f := range s.Acts {
		n := b.nodes[f.Act]
		v.Timeline = append(v.Timeline, Line{n.Item, f})
		if n.Act.Date.After(v.Latest.Time) {
			v.Latest = n.Act.Date
		}
		for _, st := range n.Act.States {
			if !slices.Contains(v.States, st) {
				v.States = append(v.States, st)
			}
		}
	}
	slices.SortStableFunc(v.Timeline, func(x, y Line) int { return x.Act.Date.Compare(y.Act.Date.Time) })
	b.viewEfforts(s, &v)
	for _, a := range s.Asks {
		v.Asks = append(v.Asks, b.viewAsk(s, a, now, heads))
	}
	b.viewMeans(s, &v, now)
	b.viewMandates(s, &v, now)
	for _, r := range s.Relations {
		if s.stands(r.Act) {
			v.Relations = append(v.Relations, r)
		}
	}
	v.Scores = slices.Clone(s.Scores)
	if len(s.Phases) > 0 {
		// A later act of anybody wakes a dormant file; a closed one stays closed.
		last := s.Phases[len(s.Phases)-1]
		v.Closed = last.Is == "closed" && s.stands(last.Act)
		v.Dormant = last.Is == "dormant" && s.stands(last.Act) && s.acts[last.Act] == len(s.Acts)-1
	}
	return v, true
}

// Asks lists every ask in the book with its standing, in order of name.
func (b *Book) Asks(now comity.Time, heads Heads) []AskView {
	var out []AskView
	for _, sc := range b.scopes {
		s := b.fold(sc)
		for _, a := range s.Asks {
			out = append(out, b.viewAsk(s, a, now, heads))
		}
	}
	slices.SortFunc(out, func(x, y AskView) int { return x.Ask.Compare(y.Ask) })
	return out
}

func (b *Book) date(n comity.ActName) comity.Time { return b.nodes[n].Act.Date }

func (b *Book) viewEfforts(s *State, v *View) {
	v.Lead, v.Offered = s.Lead()
	latest := map[comity.Party]int{}
	for _, c := range s.Concerns {
		if !s.stands(c.Act) {
			continue
		}
		e := Effort{c.E.Party, c.E.Role, c.Act, b.date(c.Act)}
		if e.Role == effect.Leads && e.Party != v.Lead {
			e.Role = effect.Acts // led once
		}
		if i, ok := latest[e.Party]; ok {
			if v.Efforts[i].Role == e.Role {
				continue // since the first time
			}
			v.Efforts[i] = e
			continue
		}
		latest[e.Party] = len(v.Efforts)
		v.Efforts = append(v.Efforts, e)
	}
	for _, z := range s.Seizures {
		if s.stands(z.Act) && !slices.ContainsFunc(v.Seized, func(o Seizure) bool { return o.Org == z.By && o.Organ == z.E.Organ }) {
			v.Seized = append(v.Seized, Seizure{z.By, z.E.Organ, z.E.By, z.Act, b.date(z.Act)})
		}
	}
	for _, r := range s.Referrals {
		if s.stands(r.Act) {
			v.Referrals = append(v.Referrals, Referral{r.By, r.E.To, r.Act, b.date(r.Act)})
		}
	}
	for _, d := range s.Deployments {
		if !s.stands(d.Act) {
			continue
		}
		o := Operation{Act: d.Act, Party: d.E.Party, Name: d.E.Name, Items: d.E.Items, Since: b.date(d.Act), Mandate: d.E.Mandate}
		for _, r := range s.Returns {
			if r.E.Deployment == d.Act && s.stands(r.Act) {
				o.Ended, o.EndedBy = b.date(r.Act), r.Act
			}
		}
		for _, h := range s.HandOvers {
			if h.E.Operation == d.Act && s.stands(h.Act) {
				o.Ended, o.EndedBy, o.HandedTo = b.date(h.Act), h.Act, h.E.To
			}
		}
		v.Operations = append(v.Operations, o)
	}
}

func (b *Book) viewAsk(s *State, a *Ask, now comity.Time, heads Heads) AskView {
	n := b.nodes[a.Act]
	v := AskView{Ask: a.Act, Title: n.Act.Title, Kind: n.Act.Kind, Status: n.Act.Status, TLP: n.Act.TLP, By: a.By,
		Sent: n.Act.Recorded, Basis: a.E.Basis, Source: a.E.Source, Due: a.E.Due, Silence: a.E.Silence}
	if s.Scope.Index >= 0 {
		v.Situation = s.Scope
	}
	if n.Act.Ask != nil {
		v.What = n.Act.Ask.What
	}
	for _, of := range a.E.Of {
		v.Addressees = append(v.Addressees, b.viewAddressee(s, a, of, v.Sent, now, heads))
	}
	return v
}

// meant reports whether something said by an organ of the addressee's
// organization is said for this addressee: its own organ, or none in
// particular.
func meant(a *Ask, of effect.Addressee, by comity.Party, organ string) bool {
	if of.Org != by {
		return false
	}
	if of.Organ == organ {
		return true
	}
	for _, o := range a.E.Of {
		if o.Org == by && o.Organ == organ {
			return false // it is said for that other organ
		}
	}
	return true
}

func (b *Book) viewAddressee(s *State, a *Ask, of effect.Addressee, sent, now comity.Time, heads Heads) AddresseeView {
	v := AddresseeView{Addressee: of, Due: a.E.Due, Standing: Sent, Since: sent}
	for i := range a.TakeUps {
		if t := &a.TakeUps[i]; meant(a, of, t.By, t.Organ) && s.stands(t.Act) {
			v.TakenUp = t
		}
	}
	for i := range a.Answers {
		if r := &a.Answers[i]; meant(a, of, r.By, r.Organ) && s.stands(r.Act) {
			if v.Answer != nil && !r.Contested.IsZero() {
				continue // a contested report does not displace another answer
			}
			v.Answer = r
		}
	}
	for _, d := range a.Acted {
		if s.stands(d.Act) && meant(a, of, d.By, b.nodes[d.Act].Act.By.Organ) {
			v.Acted = append(v.Acted, d)
		}
	}
	// What others did about it counts too, once this addressee has answered:
	// the council authorizes, a region lands.
	if v.Answer != nil {
		for _, d := range a.Acted {
			if s.stands(d.Act) && !slices.Contains(v.Acted, d) {
				v.Acted = append(v.Acted, d)
			}
		}
	}
	b.stand(s, a, &v, sent, now, heads)
	return v
}

// stand decides the standing; the first rule that fits, counts.
func (b *Book) stand(s *State, a *Ask, v *AddresseeView, sent, now comity.Time, heads Heads) {
	is := func(st Standing, since comity.Time) { v.Standing, v.Since = st, since }
	recorded := func(n comity.ActName) comity.Time { return b.nodes[n].Act.Recorded }

	domain, hasDomain := v.Org.Domain()
	heard, hasJournal := heads.Heard[domain]
	hasJournal = hasJournal && hasDomain
	if hasDomain && domain == heads.Self {
		heard, hasJournal = now, true
	}
	if hasJournal && heads.Stored != nil {
		if at, ok := heads.Stored(domain, a.Act); ok {
			v.Receipt = at
		}
	}
	owed := a.E.Basis == effect.Duty
	if v.Answer != nil && v.Answer.E.How == effect.Consider && v.Answer.Contested.IsZero() {
		v.Due, v.Accepted, owed = v.Answer.E.Until, true, true
	}
	passed := !v.Due.IsZero() && now.After(v.Due.Time)

	switch fact, _ := s.Fact(a.Act); {
	case !fact.Withdrawn.IsZero():
		is(Withdrawn, recorded(fact.Withdrawn))
		return
	case !fact.Corrected.IsZero():
		is(Withdrawn, recorded(fact.Corrected))
		return
	case v.Answer != nil && !v.Answer.Contested.IsZero():
		is(Contested, recorded(v.Answer.Contested))
		return
	case v.Answer != nil && v.Answer.E.How != effect.Consider:
		at := recorded(v.Answer.Act)
		is(Answered, at)
		if v.Answer.Entered != "" && v.Answer.Confirmed.IsZero() {
			is(Reported, at)
		} else if len(v.Acted) > 0 {
			is(Acted, recorded(v.Acted[0].Act))
		}
		if !v.Due.IsZero() {
			v.Days = max(0, days(v.Due, at))
		}
		return
	}
	v.Days = max(0, days(sent, now))
	switch {
	case passed && owed && (!hasJournal || !heard.After(v.Due.Time)) && hasDomain:
		is(NotHeard, heard)
	case passed && owed && hasDomain && a.E.Silence == effect.Consent:
		is(Consented, v.Due)
	case passed && owed && hasDomain:
		is(Overdue, v.Due)
	case v.Answer != nil:
		is(Considering, recorded(v.Answer.Act))
	case v.TakenUp != nil && !now.After(v.TakenUp.Until.Time):
		is(TakenUp, recorded(v.TakenUp.Act))
	case v.TakenUp != nil:
		is(Lapsed, v.TakenUp.Until)
	case passed && hasJournal && a.E.Silence == effect.Consent && heard.After(v.Due.Time):
		is(Consented, v.Due)
	case passed && hasJournal:
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

// days from a to b, whole.
func days(a, b comity.Time) int { return int(b.Sub(a.Time).Hours() / 24) }

func (b *Book) viewMeans(s *State, v *View, now comity.Time) {
	for _, n := range s.Needs {
		if !s.stands(n.Act) {
			continue
		}
		nv := NeedView{Need: n.Act, By: n.By, Due: n.E.By}
		for _, it := range n.E.Items {
			l := NeedLine{What: it.What, Needed: it.N}
			for _, p := range s.Pledges {
				l.Pledged += count(s.stands(p.Act) && p.E.Need == n.Act, p.E.Items, it.What)
			}
			for _, c := range s.Commitments {
				l.Committed += count(s.stands(c.Act) && c.E.Need == n.Act, c.E.Items, it.What)
			}
			for _, d := range s.Deployments {
				l.Deployed += count(s.stands(d.Act) && s.serves(d.E, n.Act), d.E.Items, it.What)
			}
			l.Missing = max(0, l.Needed-max(l.Committed, l.Deployed))
			nv.Lines = append(nv.Lines, l)
		}
		v.Needs = append(v.Needs, nv)
	}
	for _, c := range s.Commitments {
		if !s.stands(c.Act) {
			continue
		}
		cv := CommitmentView{Act: c.Act, Party: c.E.Party, Need: c.E.Need, Items: c.E.Items, By: c.E.By}
		for _, d := range s.Deployments {
			if s.stands(d.Act) && d.E.Commitment == c.Act && cv.Kept.IsZero() {
				cv.Kept = d.Act
			}
		}
		cv.Late = cv.Kept.IsZero() && !cv.By.IsZero() && now.After(cv.By.Time)
		v.Commitments = append(v.Commitments, cv)
	}
}

// serves reports whether a deployment goes towards a need, itself or through
// the commitment it keeps.
func (s *State) serves(d effect.Deploy, need comity.ActName) bool {
	if d.Need == need {
		return true
	}
	for _, c := range s.Commitments {
		if c.Act == d.Commitment && c.E.Need == need {
			return true
		}
	}
	return false
}

func count(counts bool, items []effect.Item, what string) int64 {
	var n int64
	for _, it := range items {
		if counts && it.What == what {
			n += it.N
		}
	}
	return n
}

func (b *Book) viewMandates(s *State, v *View, now comity.Time) {
	at := map[comity.ActName]int{} // position of each mandate, and of its renewals, in v.Mandates
	for _, m := range s.Mandates {
		if !s.stands(m.Act) {
			continue
		}
		if i, ok := at[m.E.Ends]; ok {
			v.Mandates[i].EndedBy = m.Act
			if len(m.E.Holder) == 0 {
				continue
			}
		}
		if i, ok := at[m.E.Renews]; ok {
			mv := &v.Mandates[i]
			mv.RenewedBy = append(mv.RenewedBy, m.Act)
			if !m.E.To.IsZero() {
				mv.To = m.E.To
			}
			at[m.Act] = i
			continue
		}
		at[m.Act] = len(v.Mandates)
		v.Mandates = append(v.Mandates, MandateView{Act: m.Act, By: m.By, Holder: m.E.Holder, Name: m.E.Name,
			From: cmp.Or(m.E.From, b.date(m.Act)), To: m.E.To, Force: m.E.Force})
	}
	for i := range v.Mandates {
		m := &v.Mandates[i]
		if !m.To.IsZero() {
			m.Days = days(now, m.To)
			m.Expired = now.After(m.To.Time)
		}
	}
}
