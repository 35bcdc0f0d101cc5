package script

import (
	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/world"
)

// A file is the situation file of one case of the chronology. It is opened at
// the node of the case's first row, on that row's day.
type file struct {
	Title string
	// Whose is the organ whose own title this is; "" if it is plain words of
	// the editors, because no organ's title covers the case.
	Whose  string
	States []string
	Threat string
	Item   string // of the Security Council's agenda, where it is not Title
}

// item is the title under which the Security Council has the case on its
// agenda; "" if the editors know of none.
func (f file) item() string {
	switch {
	case f.Item != "":
		return f.Item
	case f.Whose == "Security Council":
		return f.Title
	}
	return ""
}

// files lists the files of the record. A title is the one under which an organ
// itself deals with the matter. Kosovo's is a list of resolutions for that
// reason, and its file names no State.
var files = map[world.Case]file{
	world.CaseCIV: {Title: "The situation in Côte d'Ivoire", Whose: "Security Council", States: []string{"CIV"}, Threat: "conflict"},
	world.CaseLBR: {Title: "The situation in Liberia", Whose: "Security Council", States: []string{"LBR"}, Threat: "conflict"},
	world.CaseKOS: {Title: "Security Council resolutions 1160 (1998), 1199 (1998), 1203 (1998), 1239 (1999) and 1244 (1999)", Whose: "Security Council", Threat: "conflict"},
	world.CaseBIH: {Title: "The situation in Bosnia and Herzegovina", Whose: "Security Council", States: []string{"BIH"}, Threat: "conflict"},
	world.CaseGEO: {Title: "The situation in Georgia", Whose: "Security Council", States: []string{"GEO"}, Threat: "conflict"},
	world.CaseTJK: {Title: "The situation in Tajikistan and along the Tajik-Afghan border", Whose: "Security Council", States: []string{"TJK"}, Threat: "conflict"},
	world.CaseIRQ: {Title: "The situation between Iraq and Kuwait", Whose: "Security Council", States: []string{"IRQ", "KWT"}, Threat: "conflict"},
	world.CaseHTI: {Title: "The situation in Haiti", Whose: "OAS Permanent Council", States: []string{"HTI"}, Threat: "conflict", Item: "The question concerning Haiti"},
	world.CaseVEN: {Title: "Support for democracy in Venezuela", Whose: "OAS General Assembly", States: []string{"VEN"}, Threat: "other"},
	world.CaseIPS: {Title: "The situation in the Middle East, including the Palestinian question", Whose: "Security Council", States: []string{"ISR", "PSE"}, Threat: "conflict"},
	world.CaseWAF: {Title: "West Africa", Threat: "conflict"},
	world.CaseCTR: {Title: "Threats to international peace and security caused by terrorist acts", Whose: "Security Council", Threat: "terrorism"},
	world.CaseWMD: {Title: "Non-proliferation of weapons of mass destruction", Whose: "Security Council", Threat: "wmd"},
	world.CaseGEN: {Title: "Cooperation between organizations in peace and security", Threat: "other"},
}

// opening is the act that opens the file of a case.
func opening(c world.Case, node comity.Domain, at comity.Time) Step {
	f := files[c]
	text := "Title as on the agenda of the " + f.Whose + ". Opening a file is not seizure of any organ."
	switch f.Whose {
	case "":
		text = "Title in plain words of the editors. Opening a file is not seizure of any organ."
	case "OAS Permanent Council", "OAS General Assembly":
		text = "Title as in resolutions of the " + f.Whose + ". Opening a file is not seizure of any organ."
	}
	return Step{Key: Open(c), At: at, Node: node, Doc: act.Act{
		Kind: "situation.v1", Date: at, Status: comity.Replay, TLP: comity.Clear, Lang: "en",
		Title: f.Title, Text: text, States: f.States, Threat: f.Threat,
	}}
}
