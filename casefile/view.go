package casefile

import (
	"cmp"
	"slices"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/keys"
)

// View is a situation as it reads at a time.
type View struct {
	Name   comity.ActName
	Title  string // the opener's own, as corrected
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
	Timeline    []Line // in lists of situations only the newest line, without text
	Acts        int    // how many the timeline has
	Doubtful    int    `json:"-"` // how many lines of Timeline are in doubt
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

// NeedView is a need and what came for it, in the means' own units.
type NeedView struct {
	Need  comity.ActName
	By    comity.Party
	Due   comity.Time
	Lines []NeedLine
}

// NeedLine is one sort of means: what the acts that stand add up to. Deployed
// is what was sent, also if it has returned since. Missing is Needed less
// Committed or Deployed, whichever is more, at least 0.
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
	Kept  comity.ActName // the party's deployment that keeps it
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

	Doubt *keys.Doubt `json:"-"` // nil if it is not in doubt whose act it is
}

// View reads the file of a situation at a time, see Book.View. The file must
// hold the act that opened it.
func (f *File) View(now comity.Time, heads Heads) View {
	s := f.fold()
	v := f.facets(s)
	v.at(now)
	for _, a := range f.briefAsks(s) {
		v.Asks = append(v.Asks, a.at(now, heads))
	}
	v.Timeline = make([]Line, 0, len(s.Acts))
	for _, x := range s.Acts {
		v.Timeline = append(v.Timeline, Line{Item: f.nodes[x.Act].Item, Fact: x})
	}
	v.doubts(heads)
	slices.SortStableFunc(v.Timeline, func(x, y Line) int { return x.Act.Date.Compare(y.Act.Date.Time) })
	return v
}

// facets is the view without asks, timeline, and what depends on the time.
func (f *File) facets(s *State) View {
	opener := f.nodes[s.current(f.scope)].Act
	v := View{
		Name: f.scope, Title: opener.Title, Lang: opener.Lang, Opener: s.Opener, Status: opener.Status, TLP: opener.TLP,
		Threat: opener.Threat, States: slices.Clone(opener.States), Opened: f.date(f.scope), Acts: len(s.Acts),
	}
	for _, x := range s.Acts {
		n := f.nodes[x.Act]
		if n.Act.Date.After(v.Latest.Time) {
			v.Latest = n.Act.Date
		}
		for _, st := range n.Act.States {
			if s.counts(x) && !slices.Contains(v.States, st) {
				v.States = append(v.States, st)
			}
		}
	}
	f.viewEfforts(s, &v)
	f.viewMeans(s, &v)
	f.viewMandates(s, &v)
	v.Relations = standing(s, s.Relations)
	v.Scores = standing(s, s.Scores)
	viewPhase(s, &v)
	return v
}

// at holds dates against now.
func (v *View) at(now comity.Time) {
	v.AsOf = now
	for i := range v.Commitments {
		c := &v.Commitments[i]
		c.Late = c.Kept.IsZero() && !c.By.IsZero() && now.After(c.By.Time)
	}
	for i := range v.Mandates {
		if m := &v.Mandates[i]; !m.To.IsZero() {
			m.Days = days(now, m.To)
			m.Expired = now.After(m.To.Time)
		}
	}
}

// doubts marks the lines of which it is in doubt whose acts they are.
func (v *View) doubts(heads Heads) {
	for i := range v.Timeline {
		l := &v.Timeline[i]
		if l.Doubt = heads.doubt(l.Name); l.Doubt != nil {
			v.Doubtful++
		}
	}
}

// counts reports whether an act has its effects still.
func (s *State) counts(f ActFact) bool {
	return f.Problem == "" && f.Withdrawn.IsZero() && f.Corrected.IsZero()
}

// standing is the facts whose acts stand.
func standing[E effect.Effect](s *State, all []Fact[E]) []Fact[E] {
	var out []Fact[E]
	for _, f := range all {
		if s.stands(f.Act) {
			out = append(out, f)
		}
	}
	return out
}

// viewPhase: a closed file stays closed; a dormant one is woken by any later
// act that counts.
func viewPhase(s *State, v *View) {
	dormant := -1
	for _, p := range s.Phases {
		if !s.stands(p.Act) {
			continue
		}
		switch p.Is {
		case "closed":
			v.Closed = true
		case "dormant":
			dormant = s.acts[p.Act]
		}
	}
	v.Dormant = !v.Closed && dormant >= 0 && !slices.ContainsFunc(s.Acts[dormant+1:], s.counts)
}

func (f *File) date(n comity.ActName) comity.Time { return f.nodes[n].Act.Date }

func (f *File) viewEfforts(s *State, v *View) {
	v.Lead, v.Offered = s.Lead()
	latest := map[comity.Party]int{}
	for _, c := range s.Concerns {
		if !s.stands(c.Act) {
			continue
		}
		e := Effort{c.E.Party, c.E.Role, c.Act, f.date(c.Act)}
		if e.Role == effect.Leads && e.Party != v.Lead {
			e.Role = effect.Acts // led once
		}
		if i, ok := latest[e.Party]; ok {
			if had := v.Efforts[i].Role; had == e.Role || had == effect.Leads {
				continue // since the first time; who leads does so until it hands over
			}
			v.Efforts[i] = e
			continue
		}
		latest[e.Party] = len(v.Efforts)
		v.Efforts = append(v.Efforts, e)
	}
	for _, z := range s.Seizures {
		if s.stands(z.Act) && !slices.ContainsFunc(v.Seized, func(o Seizure) bool { return o.Org == z.By && o.Organ == z.E.Organ }) {
			v.Seized = append(v.Seized, Seizure{z.By, z.E.Organ, z.E.By, z.Act, f.date(z.Act)})
		}
	}
	for _, r := range s.Referrals {
		if s.stands(r.Act) {
			v.Referrals = append(v.Referrals, Referral{r.By, r.E.To, r.Act, f.date(r.Act)})
		}
	}
	f.viewOperations(s, v)
}

func (f *File) viewOperations(s *State, v *View) {
	type end struct {
		act comity.ActName
		to  comity.Party
	}
	ends := map[comity.ActName]end{} // by deployment
	for _, r := range s.Returns {
		if s.stands(r.Act) {
			ends[s.current(r.E.Deployment)] = end{act: r.Act}
		}
	}
	for _, h := range s.HandOvers {
		if !h.E.Lead && s.stands(h.Act) {
			ends[s.current(h.E.Operation)] = end{h.Act, h.E.To}
		}
	}
	for _, d := range s.Deployments {
		if !s.stands(d.Act) {
			continue
		}
		o := Operation{Act: d.Act, Party: d.E.Party, Name: d.E.Name, Items: d.E.Items, Since: f.date(d.Act), Mandate: d.E.Mandate}
		if e, ok := ends[d.Act]; ok {
			o.Ended, o.EndedBy, o.HandedTo = f.date(e.act), e.act, e.to
		}
		v.Operations = append(v.Operations, o)
	}
}

// days from a to b, whole.
func days(a, b comity.Time) int { return int(b.Sub(a.Time).Hours() / 24) }

func (f *File) viewMeans(s *State, v *View) {
	// What came for each need; of deployments, itself or through the
	// commitment that it keeps.
	type key struct {
		need comity.ActName
		what string
	}
	pledged, committed, deployed := map[key]int64{}, map[key]int64{}, map[key]int64{}
	count := func(m map[key]int64, need comity.ActName, items []effect.Item) {
		for _, it := range items {
			k := key{need, it.What}
			m[k] += it.N // at most 1e9 each: no overflow
		}
	}
	for _, p := range s.Pledges {
		if s.stands(p.Act) {
			count(pledged, s.current(p.E.Need), p.E.Items)
		}
	}
	type promise struct {
		act   comity.ActName
		party comity.Party
	}
	towards := map[promise]comity.ActName{} // the need
	for _, c := range s.Commitments {
		towards[promise{s.current(c.Act), c.E.Party}] = s.current(c.E.Need)
		if s.stands(c.Act) {
			count(committed, s.current(c.E.Need), c.E.Items)
		}
	}
	kept := map[promise]comity.ActName{} // by the deployment
	for _, d := range s.Deployments {
		if !s.stands(d.Act) {
			continue
		}
		p := promise{s.current(d.E.Commitment), d.E.Party}
		count(deployed, cmp.Or(s.current(d.E.Need), towards[p]), d.E.Items)
		if _, ok := kept[p]; !ok {
			kept[p] = d.Act
		}
	}
	for _, n := range s.Needs {
		if !s.stands(n.Act) {
			continue
		}
		nv := NeedView{Need: n.Act, By: n.By, Due: n.E.By}
		for _, it := range n.E.Items {
			if i := slices.IndexFunc(nv.Lines, func(l NeedLine) bool { return l.What == it.What }); i >= 0 {
				nv.Lines[i].Needed += it.N
				continue
			}
			k := key{n.Act, it.What}
			nv.Lines = append(nv.Lines, NeedLine{What: it.What, Needed: it.N, Pledged: pledged[k], Committed: committed[k], Deployed: deployed[k]})
		}
		for i := range nv.Lines {
			l := &nv.Lines[i]
			l.Missing = max(0, l.Needed-max(l.Committed, l.Deployed))
		}
		v.Needs = append(v.Needs, nv)
	}
	for _, c := range s.Commitments {
		if !s.stands(c.Act) {
			continue
		}
		v.Commitments = append(v.Commitments, CommitmentView{Act: c.Act, Party: c.E.Party, Need: s.current(c.E.Need), Items: c.E.Items, By: c.E.By,
			Kept: kept[promise{c.Act, c.E.Party}]})
	}
}

func (f *File) viewMandates(s *State, v *View) {
	at := map[comity.ActName]int{} // position of each mandate, and of its renewals, in v.Mandates
	add := func(m Fact[effect.Mandate]) {
		at[m.Act] = len(v.Mandates)
		v.Mandates = append(v.Mandates, MandateView{Act: m.Act, By: m.By, Holder: m.E.Holder, Name: m.E.Name,
			From: cmp.Or(m.E.From, f.date(m.Act)), To: m.E.To, Force: m.E.Force})
	}
	all := standing(s, s.Mandates)
	for _, m := range all {
		if _, renews := s.mandated[m.E.Renews]; !renews && len(m.E.Holder) > 0 {
			add(m)
		}
	}
	for _, m := range all {
		if _, renews := s.mandated[m.E.Renews]; !renews || len(m.E.Holder) == 0 {
			continue
		}
		i, ok := at[s.current(m.E.Renews)]
		if !ok { // what it renews was withdrawn
			add(m)
			continue
		}
		at[m.Act] = i
		mv := &v.Mandates[i]
		mv.RenewedBy = append(mv.RenewedBy, m.Act)
		if !m.E.To.IsZero() {
			mv.To = m.E.To
		}
	}
	for _, m := range all {
		if i, ok := at[s.current(m.E.Ends)]; ok {
			v.Mandates[i].EndedBy = m.Act
		}
	}
}
