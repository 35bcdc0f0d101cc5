package script

import (
	"slices"
	"testing"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/world"
)

// TestLiberia2003 is the strip of the first page: letters of 28 June and 29
// July, authorization on 1 August, landing on 4 August, handover on 1 October.
func TestLiberia2003(t *testing.T) {
	p := play(t, must(Record(known(t))))

	before := p.ask(t, p.view(t, Open(world.CaseLBR), at(t, "2003-07-31")), "row:136").Addressees[0]
	if !before.Standing.Open() {
		t.Errorf("on 31 July the letter of 28 June stands %q; want no answer yet", before.Standing)
	}
	v := p.view(t, Open(world.CaseLBR), at(t, "2003-10-02"))
	letter := p.ask(t, v, "row:136")
	to := letter.Addressees[0]
	if letter.Sent.Format("2006-01-02") != "2003-06-28" || to.Org != UN.Party() || to.Organ != "Security Council" {
		t.Errorf("the letter was sent %s to %s/%s", letter.Sent, to.Org, to.Organ)
	}
	if to.Standing != casefile.Acted || to.Answer == nil || to.Answer.Act != p.refs["row:147"].Act || to.Answer.E.How != effect.WillAct {
		t.Fatalf("the letter stands %q with answer %+v; want acted, answered by row 147", to.Standing, to.Answer)
	}
	var deeds []string
	for _, d := range to.Acted {
		deeds = append(deeds, p.acts[p.key(d.Act)].Date.Format("2 January")+" "+string(p.key(d.Act)))
	}
	if want := []string{"1 August row:147", "4 August row:148"}; !slices.Equal(deeds, want) {
		t.Errorf("acted %q; want %q", deeds, want)
	}
	if again := p.ask(t, v, "row:144"); again.Sent.Format("2006-01-02") != "2003-07-29" || again.Addressees[0].Standing != casefile.Acted {
		t.Errorf("the letter of 29 July: %+v", again)
	}
	i := slices.IndexFunc(v.Operations, func(o casefile.Operation) bool { return o.Name == "ECOMIL" })
	if i < 0 {
		t.Fatalf("no ECOMIL among %+v", v.Operations)
	}
	if o := v.Operations[i]; o.Since.Format("2006-01-02") != "2003-08-04" || o.Ended.Format("2006-01-02") != "2003-10-01" || o.HandedTo != UN.Party() {
		t.Errorf("ECOMIL from %s to %s, then %s", o.Since, o.Ended, o.HandedTo)
	}
	if moved := p.ask(t, v, "row:159").Addressees[0]; moved.Org != ECOWAS.Party() || moved.Standing != casefile.Answered || moved.Days != 0 {
		t.Errorf("the transfer asked for by 1 October stands %q, %d days late", moved.Standing, moved.Days)
	}
}

func (p *played) key(n comity.ActName) Key {
	for k, r := range p.refs {
		if r.Act == n {
			return k
		}
	}
	return ""
}

func TestMandatesOfTheRecord(t *testing.T) {
	p := play(t, must(Record(known(t))))
	tests := []struct {
		c       world.Case
		first   Key
		name    string
		renewed int
		to      string
	}{
		{world.CaseGEO, "row:10", "UNOMIG", 5, "2005-01-31"},
		{world.CaseBIH, "row:36", "UNMIBH", 3, "2002-12-31"},
		{world.CaseBIH, "row:36.2", "SFOR", 5, "2005-01-09"},
		{world.CaseCIV, "row:127", "MINUCI", 2, "2004-02-27"},
		{world.CaseCIV, "row:84", "ECOWAS and French forces", 2, "2004-02-27"},
		{world.CaseLBR, "row:159", "UNMIL", 1, "2005-09-19"},
		{world.CaseTJK, "row:31", "UNTOP", 1, "2004-06-01"},
		{world.CaseHTI, "row:208", "MINUSTAH", 1, "2005-06-01"},
	}
	for _, tt := range tests {
		v := p.view(t, Open(tt.c), end)
		i := slices.IndexFunc(v.Mandates, func(m casefile.MandateView) bool { return m.Act == p.refs[tt.first].Act })
		if i < 0 {
			t.Errorf("%s: no mandate of %s", tt.c, tt.first)
			continue
		}
		if m := v.Mandates[i]; m.Name != tt.name || len(m.RenewedBy) != tt.renewed || m.To.Format("2006-01-02") != tt.to {
			t.Errorf("%s: %s renewed %d times, to %s; want %+v", tt.c, m.Name, len(m.RenewedBy), m.To, tt)
		}
	}
	geo := p.view(t, Open(world.CaseGEO), end)
	for _, m := range geo.Mandates {
		if m.By == OSCE.Party() && m.EndedBy.IsZero() {
			t.Errorf("border monitoring goes on: %+v", m)
		}
	}
}

func TestSeizedByACitedActOnly(t *testing.T) {
	p := play(t, must(Record(known(t))))
	want := map[world.Case]Key{
		world.CaseCIV: "row:66", world.CaseLBR: "row:13", world.CaseKOS: "row:11", world.CaseBIH: "row:15", world.CaseGEO: "row:10",
		world.CaseIRQ: "row:30", world.CaseHTI: "row:193", world.CaseIPS: "row:17", world.CaseCTR: "row:1", world.CaseWMD: "row:205",
	}
	for _, c := range world.Cases() {
		v := p.view(t, Open(c), end)
		var by []Key
		for _, z := range v.Seized {
			by = append(by, p.key(z.By))
		}
		if k, ok := want[c]; ok && !slices.Equal(by, []Key{k}) || !ok && len(by) > 0 {
			t.Errorf("%s: organs seized by %v; want %q", c, by, k)
		}
	}
}
