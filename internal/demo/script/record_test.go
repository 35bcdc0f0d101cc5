package script

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/world"
)

// recordSteps are the steps of the record by key.
func recordSteps(t testing.TB) map[Key]Step {
	t.Helper()
	steps, err := Record(known(t))
	if err != nil {
		t.Fatal(err)
	}
	out := map[Key]Step{}
	for _, s := range steps {
		out[s.Key] = s
	}
	return out
}

func TestEveryRowIsOneAct(t *testing.T) {
	w, steps := known(t), recordSteps(t)
	rows := w.Chronology()
	if len(rows) != 242 {
		t.Fatalf("%d rows; want 242", len(rows))
	}
	others := len(steps)
	for _, row := range rows {
		s, ok := steps[Row(row.Seq)]
		if !ok {
			t.Errorf("row %d is no act", row.Seq)
			continue
		}
		others--
		if got := world.DateOf(s.Doc.Date.Time); got != row.Date {
			t.Errorf("row %d is dated %s; want %s", row.Seq, got, row.Date)
		}
		if s.Situation != Open(row.Case) {
			t.Errorf("row %d is in %s; want %s", row.Seq, s.Situation, Open(row.Case))
		}
		if d := s.Doc.Docs[0]; d.Symbol != row.Symbol || d.Meeting != row.Meeting || d.Basis != row.MeetingBasis || d.Confidence != string(row.Confidence) {
			t.Errorf("row %d: document %+v is not the row's", row.Seq, d)
		}
	}
	for k, s := range steps {
		if s.Doc.Status != comity.Replay || s.Doc.TLP != comity.Clear {
			t.Errorf("%s is %s under TLP:%s; the replay is public and says that it is one", k, s.Doc.Status, s.Doc.TLP)
		}
	}
	// Beside the rows: the act that opens each file, that by which the Council
	// is seized of all but four, six second mandates, and the end of one (row 242).
	if want := len(world.Cases()) + 10 + 7; others != want {
		t.Errorf("%d acts beside the rows; want %d", others, want)
	}
}

// TestNothingIsAdded: what an act of the record says is the row's words, or
// one of a few fixed sentences.
func TestNothingIsAdded(t *testing.T) {
	steps := recordSteps(t)
	for _, row := range known(t).Chronology() {
		s := steps[Row(row.Seq)]
		if want := strings.TrimSuffix(row.Summary, "."); s.Doc.Title != want {
			t.Errorf("row %d: title %q; want the summary", row.Seq, s.Doc.Title)
		}
		rest := s.Doc.Text
		for _, part := range []string{row.VoteNote, row.Addressee, row.Organ, row.Actor} {
			if part != "" {
				rest = strings.Replace(rest, part, "", 1)
			}
		}
		for _, fixed := range []string{"Actor as recorded:", "Addressee as recorded:", "Vote as recorded:"} {
			rest = strings.Replace(rest, fixed, "", 1)
		}
		if rest = strings.Trim(rest, " .,"); rest != "" {
			t.Errorf("row %d: text adds %q to the row", row.Seq, rest)
		}
		if a := s.Doc.Ask; a != nil {
			what := strings.TrimSuffix(a.What, ".")
			if !strings.Contains(row.Summary, what) && !strings.Contains(row.Summary, strings.ToLower(what[:1])+what[1:]) {
				t.Errorf("row %d asks %q, which are not words of its summary", row.Seq, what)
			}
		}
	}
}

func TestAsksOfTheRecord(t *testing.T) {
	// The only dates: each is named in the row's summary.
	due := map[Key]string{"row:159": "2003-10-01T23:59:59Z", "row:208": "2004-06-01T23:59:59Z"}
	asking := 0
	for k, s := range recordSteps(t) {
		a := s.Doc.Ask
		if a == nil {
			continue
		}
		asking++
		if a.Basis != effect.Wish || a.Silence != "" {
			t.Errorf("%s asks on basis %s, silence %q; the record states no duty that its addressees could be seen to keep", k, a.Basis, a.Silence)
		}
		if a.Due.String() != due[k] {
			t.Errorf("%s is due %q; want %q", k, a.Due, due[k])
		}
		for _, to := range s.Doc.To {
			if _, isNode := to.Org.Domain(); to.For == act.ForAnswer && !isNode {
				t.Errorf("%s asks %s, whose answer could not be seen", k, to.Org)
			}
		}
	}
	if asking != 21 {
		t.Errorf("%d rows ask something; want 21", asking)
	}
}

func TestWhoActs(t *testing.T) {
	w, steps := known(t), recordSteps(t)
	for _, row := range w.Chronology() {
		s := steps[Row(row.Seq)]
		own, isNode := node(strings.ToLower(string(row.ActorOrg)))
		switch {
		case row.Actor == "":
			if s.Node != UN || s.Doc.OnBehalfOf != "" || s.Doc.By != (act.By{}) {
				t.Errorf("row %d: nobody in particular acted; it goes to un.example without author, not %s %+v", row.Seq, s.Node, s.Doc.By)
			}
		case isNode:
			if s.Node != own || s.Doc.OnBehalfOf != "" {
				t.Errorf("row %d is of %s; planned at %s on behalf of %q", row.Seq, own, s.Node, s.Doc.OnBehalfOf)
			}
		case s.Doc.OnBehalfOf == "":
			t.Errorf("row %d: %s has no node, and %s does not say on whose behalf it acts", row.Seq, row.Actor, s.Node)
		case len(row.ActorStates) == 1 && s.Doc.OnBehalfOf != row.ActorStates[0].Party():
			t.Errorf("row %d: on behalf of %s; want %s", row.Seq, s.Doc.OnBehalfOf, row.ActorStates[0])
		}
		if s.Doc.By.Organ != "" && s.Doc.By.Organ != row.Organ {
			t.Errorf("row %d: by %q; the row says %q", row.Seq, s.Doc.By.Organ, row.Organ)
		}
		for _, to := range s.Doc.To {
			if !knownParty(w, to.Org) {
				t.Errorf("row %d is addressed to %s, which is no node, State or organization", row.Seq, to.Org)
			}
		}
	}
}

// forces and bodies that are addressed by their usual acronym.
var acronyms = []comity.Party{"SFOR", "MIF", "IAEA"}

func knownParty(w *world.World, p comity.Party) bool {
	if d, ok := p.Domain(); ok {
		return slices.Contains(Nodes(), d)
	}
	_, state := w.State(world.StateID(p))
	_, org := w.Organization(world.OrgID(p))
	return state || org || slices.Contains(acronyms, p)
}

func TestTitlesOfFiles(t *testing.T) {
	steps := recordSteps(t)
	want := map[world.Case]string{
		world.CaseCIV: "The situation in Côte d'Ivoire", world.CaseLBR: "The situation in Liberia",
		world.CaseKOS: "Security Council resolutions 1160 (1998), 1199 (1998), 1203 (1998), 1239 (1999) and 1244 (1999)",
		world.CaseBIH: "The situation in Bosnia and Herzegovina", world.CaseGEO: "The situation in Georgia",
		world.CaseTJK: "The situation in Tajikistan and along the Tajik-Afghan border", world.CaseIRQ: "The situation between Iraq and Kuwait",
		world.CaseHTI: "The situation in Haiti", world.CaseVEN: "Support for democracy in Venezuela",
		world.CaseIPS: "The situation in the Middle East, including the Palestinian question", world.CaseWAF: "West Africa",
		world.CaseCTR: "Threats to international peace and security caused by terrorist acts",
		world.CaseWMD: "Non-proliferation of weapons of mass destruction", world.CaseGEN: "Cooperation between organizations in peace and security",
	}
	first := map[world.Case]world.Entry{}
	for _, row := range known(t).Chronology() {
		if _, ok := first[row.Case]; !ok {
			first[row.Case] = row
		}
	}
	for c, title := range want {
		s, ok := steps[Open(c)]
		if !ok || s.Doc.Title != title {
			t.Errorf("%s is opened as %q; want %q", c, s.Doc.Title, title)
		}
		row := steps[Row(first[c].Seq)]
		if s.Node != row.Node || world.DateOf(s.At.Time) != first[c].Date || !s.At.Before(row.At.Time) {
			t.Errorf("%s is opened by %s at %s; want %s, the same day before row %d", c, s.Node, s.At, row.Node, first[c].Seq)
		}
		if files[c].Whose == "" && !strings.Contains(s.Doc.Text, "plain words of the editors") {
			t.Errorf("%s: the title is no organ's own, and the act does not say so", c)
		}
	}
}

func TestLinksOfTheEditorsHaveABasis(t *testing.T) {
	rows, err := fields("links.tsv", 4)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rows {
		if len(f[3]) < 20 || !strings.HasSuffix(f[3], ".") {
			t.Errorf("%s %s %s: basis %q", f[0], f[1], f[2], f[3])
		}
	}
	made := 0
	for k, s := range recordSteps(t) {
		for _, l := range s.Refs {
			if (l.LinkedBy == "editors") != (l.Basis != "") {
				t.Errorf("%s: link to %s by %q, basis %q", k, l.Key, l.LinkedBy, l.Basis)
			}
			if l.LinkedBy != "" {
				made++
			}
		}
	}
	if made != len(rows) {
		t.Errorf("%d links by the editors in the plan; links.tsv has %d", made, len(rows))
	}
}

func TestVotes(t *testing.T) {
	p := play(t, must(Record(known(t))))
	tests := []struct {
		row       Key
		outcome   effect.Outcome
		vote      *effect.Vote
		against   []comity.Party
		abstained []comity.Party
		absent    []comity.Party
	}{
		{"row:17", effect.Adopted, &effect.Vote{For: 14, Abstain: 1}, nil, []comity.Party{"SYR"}, nil},
		{"row:128", effect.Adopted, &effect.Vote{For: 14, Absent: 1}, nil, nil, []comity.Party{"SYR"}}, // took no part, which is no abstention
		{"row:147", effect.Adopted, &effect.Vote{For: 12, Abstain: 3}, nil, []comity.Party{"FRA", "DEU", "MEX"}, nil},
		{"row:37", effect.NotAdopted, &effect.Vote{For: 13, Against: 1, Abstain: 1}, []comity.Party{"USA"}, []comity.Party{"BGR"}, nil},
		{"row:96", effect.NotPut, nil, nil, nil, nil},
		{"row:242", effect.NoConsensus, nil, nil, nil, nil},
		{"row:170", effect.Adopted, &effect.Vote{For: 144, Against: 4, Abstain: 12}, nil, nil, nil},
	}
	for _, tt := range tests {
		var d act.Decision
		if err := p.acts[tt.row].DecodeBody(&d); err != nil {
			t.Fatal(err)
		}
		same := d.Vote == nil && tt.vote == nil || d.Vote != nil && tt.vote != nil && *d.Vote == *tt.vote
		if d.Outcome != tt.outcome || !same || !slices.Equal(d.Against, tt.against) || !slices.Equal(d.Abstained, tt.abstained) || !slices.Equal(d.Absent, tt.absent) {
			t.Errorf("%s: %s %+v against %v abstained %v absent %v; want %+v", tt.row, d.Outcome, d.Vote, d.Against, d.Abstained, d.Absent, tt)
		}
	}
}

func TestMeetingOf11April(t *testing.T) {
	p := play(t, must(Record(known(t))))
	a := p.acts["row:107"]
	var m Agenda
	if err := json.Unmarshal(a.Body, &m); err != nil {
		t.Fatal(err)
	}
	if m.At.String() != "2003-04-11T14:00:00Z" || m.President.State != "MEX" || len(m.Members) != 15 || !strings.HasPrefix(m.Agenda, "The Security Council and regional organizations") {
		t.Errorf("meeting %+v", m)
	}
	var rules []string
	for _, s := range m.Inscribed {
		rules = append(rules, string(s.Party)+" "+s.Rule)
	}
	want := []string{"GRC rule 37", "oas.example rule 39", "las.example rule 39", "osce.example rule 39", "au.example rule 39", "ecowas.example rule 39"}
	if !slices.Equal(rules, want) {
		t.Errorf("invited %q; want %q", rules, want)
	}
	for seq := 108; seq <= 116; seq++ {
		if !slices.Contains(p.acts[Row(seq)].Refers("follows"), p.refs["row:107"].Act) {
			t.Errorf("row %d does not follow the meeting", seq)
		}
	}
	if k := p.acts["row:111"].Kind; k != "statement.v1" {
		t.Errorf("row 111, a speaker's criticism, is a %s; want a statement", k)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
