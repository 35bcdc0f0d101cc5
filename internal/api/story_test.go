package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/comity/comity/internal/desk"
)

// tell plays an exercise in which everything happens that an answer of the API
// can show. The kinds are partly invented: effects apply whatever the kind.
func tell(t testing.TB, d *fakeDesk) {
	t.Helper()
	in := func(file desk.Held) string { return fmt.Sprintf(`"situation":%q`, file.Name) }
	re := func(how string, x ...desk.Held) string {
		var l []string
		for _, h := range x {
			l = append(l, fmt.Sprintf(`{"act":%q,"leaf":%q,"how":%q}`, h.Name, h.Leaf, how))
		}
		return `"re":[` + strings.Join(l, ",") + `]`
	}
	do := func(format string, args ...any) string { return `"effects":[` + fmt.Sprintf(format, args...) + `]` }
	with := func(parts ...string) string { return strings.Join(parts, ",") }

	file := d.says(t, ecowas, doc("situation.v1", "The situation along the Sava", `"threat":"conflict","states":["XAA"]`))
	other := d.says(t, ecowas, doc("situation.v1", "The situation in the hills", ""))
	warning := d.says(t, ecowas, doc("warning.v1", "Armed groups gather", with(in(file),
		`"to":[{"org":"un.example","organ":"Security Council","focal_point":"mediation","for":"answer"},{"org":"au.example","for":"answer"},{"org":"CARICOM","for":"answer"}]`,
		`"ask":{"what":"Say whether observers can be sent.","basis":"wish","due":"2003-04-14"}`,
		`"body":{"urgency":"Expected","severity":"Severe","certainty":"Likely"}`)))
	organ := func(s string) string { return strings.Replace(s, "Secretariat", "Security Council", 1) }
	d.says(t, un, organ(doc("test-take-up.v1", "We have it", with(in(file), re("follows", warning),
		do(`{"do":"take-up","ask":%q,"until":"2003-04-13"}`, warning.Name)))))
	d.says(t, un, organ(doc("test-answer.v1", "We consider", with(in(file), re("answers", warning),
		do(`{"do":"answer","ask":%q,"how":"consider","until":"2003-04-20"}`, warning.Name)))))
	d.says(t, au, doc("test-answer.v1", "We consider too", with(in(file), re("answers", warning),
		do(`{"do":"answer","ask":%q,"how":"consider","until":"2003-04-30"}`, warning.Name))))
	need := d.says(t, ecowas, doc("test-need.v1", "Observers are needed", with(in(file),
		do(`{"do":"need","items":[{"what":"observers","n":12}],"by":"2003-05-01"}`))))
	commitment := d.says(t, un, organ(doc("test-commitment.v1", "Twelve observers", with(in(file), re("follows", warning, need),
		do(`{"do":"commit","party":"un.example","need":%q,"items":[{"what":"observers","n":12}],"by":"2003-04-15"}`, need.Name)))))
	d.says(t, un, organ(doc("test-answer.v1", "Observers will go", with(in(file), re("answers", warning),
		do(`{"do":"answer","ask":%q,"how":"support","supports":%q}`, warning.Name, commitment.Name)))))
	d.says(t, ecowas, doc("test-answer.v1", "CARICOM said on the telephone", with(in(file), re("answers", warning),
		do(`{"do":"answer","ask":%q,"how":"noted","from":"CARICOM","heard":"telephone"}`, warning.Name))))

	second := d.says(t, ecowas, doc("test-ask.v1", "Who speaks for you?", with(in(file),
		`"to":[{"org":"un.example","for":"answer"},{"org":"au.example","for":"answer"}]`, `"ask":{"what":"Name a focal point.","basis":"wish"}`,
		do(`{"do":"ask","of":[{"org":"un.example"},{"org":"au.example"}],"basis":"wish"}`))))
	heard := d.says(t, ecowas, doc("test-answer.v1", "UN by letter", with(in(file), re("answers", second),
		do(`{"do":"answer","ask":%q,"how":"noted","from":"un.example","heard":"letter"}`, second.Name))))
	d.says(t, un, doc("test-answer.v1", "So it is", with(in(file), re("answers", second, heard),
		do(`{"do":"answer","ask":%q,"how":"noted","confirms":%q}`, second.Name, heard.Name))))
	misheard := d.says(t, ecowas, doc("test-answer.v1", "AU at the meeting", with(in(file), re("answers", second),
		do(`{"do":"answer","ask":%q,"how":"declined","from":"au.example","heard":"meeting"}`, second.Name))))
	d.says(t, au, doc("test-answer.v1", "We did not say so", with(in(file), re("answers", second, misheard),
		do(`{"do":"answer","ask":%q,"how":"noted","contests":%q}`, second.Name, misheard.Name))))
	d.says(t, ecowas, doc("test-ask.v1", "Report on the embargo", with(in(other),
		`"to":[{"org":"au.example","for":"answer"}]`, `"ask":{"what":"Report.","basis":"duty","source":"S/RES/1343 (2001) para. 7","due":"2003-04-12","silence":"none"}`,
		do(`{"do":"ask","of":[{"org":"au.example"}],"basis":"duty","source":"S/RES/1343 (2001) para. 7","due":"2003-04-12T00:00:00Z","silence":"none"}`))))

	mandate := d.says(t, un, doc("test-mandate.v1", "Mandate", with(in(file),
		do(`{"do":"mandate","holder":["au.example"],"name":"AMAA","from":"2003-04-12","to":"2003-06-01","force":true}`))))
	d.says(t, un, doc("test-mandate.v1", "Renewal", with(in(file), re("follows", mandate),
		do(`{"do":"mandate","holder":["au.example"],"renews":%q,"to":"2003-12-01"}`, mandate.Name))))
	d.says(t, un, doc("test-mandate.v1", "End", with(in(file), re("follows", mandate), do(`{"do":"mandate","holder":[],"ends":%q}`, mandate.Name))))
	d.says(t, un, doc("test-seizure.v1", "Seized", with(in(file), re("cites", mandate), do(`{"do":"seize","organ":"Security Council","by":%q}`, mandate.Name))))
	d.says(t, ecowas, doc("test-referral.v1", "To the Council", with(in(file),
		do(`{"do":"refer","to":{"org":"un.example","organ":"Security Council","focal_point":"mediation"}}`))))
	force := d.says(t, un, doc("test-deployment.v1", "They are there", with(in(file), re("follows", need, commitment, mandate),
		do(`{"do":"deploy","party":"un.example","name":"UNAA","need":%q,"commitment":%q,"mandate":%q,"items":[{"what":"observers","n":10}]}`,
			need.Name, commitment.Name, mandate.Name))))
	d.says(t, un, doc("test-handover.v1", "Over to the AU", with(in(file), re("follows", force),
		do(`{"do":"hand-over","to":"au.example","operation":%q}`, force.Name))))
	d.says(t, au, doc("test-pledge.v1", "Two more", with(in(file), re("follows", need),
		do(`{"do":"pledge","party":"au.example","need":%q,"items":[{"what":"observers","n":2}]}`, need.Name))))
	d.says(t, ecowas, doc("test-lead.v1", "We lead", with(in(file), do(`{"do":"concern","party":"ecowas.example","role":"leads"}`))))
	d.says(t, ecowas, doc("test-lead.v1", "The AU may lead", with(in(file), do(`{"do":"hand-over","to":"au.example","lead":true}`))))
	d.says(t, ecowas, doc("test-relation.v1", "As in the hills", with(in(file), re("cites", other), do(`{"do":"relate","to":%q,"how":"related"}`, other.Name))))
	d.says(t, ecowas, doc("test-outcome.v1", "They came", with(in(file), re("follows", warning), do(`{"do":"score","warning":%q,"result":"averted"}`, warning.Name))))
	d.says(t, au, doc("test-closure.v1", "Enough", with(in(file), do(`{"do":"close"}`))))

	note := d.says(t, ecowas, doc("note.v1", "The ferry runs", in(file)))
	d.says(t, ecowas, doc("test-withdrawal.v1", "It does not", with(in(file), re("follows", note), do(`{"do":"withdraw","act":%q}`, note.Name))))
	note = d.says(t, ecowas, doc("note.v1", "Three boats", in(file)))
	d.says(t, ecowas, doc("test-correction.v1", "Four", with(in(file), re("follows", note), do(`{"do":"correct","act":%q}`, note.Name))))
	wrong := note
	wrong.Leaf = warning.Leaf
	d.says(t, au, doc("note.v1", "About another text", with(in(file), re("cites", wrong))))

	d.seals(t, ecowas, doc("note.v1", "The mediator is Ms Secret", in(file)), true, false)
	gone := d.seals(t, un, doc("note.v1", "What was erased", in(file)), true, true)
	d.says(t, un, doc("test-erasure.v1", "Erasure", with(in(file), re("follows", gone), do(`{"do":"erase","act":%q}`, gone.Name))))
	d.seals(t, au, doc("note.v1", "Not for us", in(file)), false, false)
	d.add(au, []byte(`<script>alert("no act at all")</script>`))
}
