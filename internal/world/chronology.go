package world

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
)

// Case is a file of the chronology of 2001 to 2004.
type Case string

// The cases.
const (
	CaseCIV Case = "CIV" // Côte d'Ivoire
	CaseLBR Case = "LBR" // Liberia
	CaseKOS Case = "KOS" // Kosovo
	CaseBIH Case = "BIH" // Bosnia and Herzegovina
	CaseGEO Case = "GEO" // Georgia
	CaseTJK Case = "TJK" // Tajikistan
	CaseIRQ Case = "IRQ" // Iraq
	CaseHTI Case = "HTI" // Haiti
	CaseVEN Case = "VEN" // Venezuela
	CaseIPS Case = "IPS" // Israel and Palestine
	CaseWAF Case = "WAF" // West Africa
	CaseCTR Case = "CTR" // counter-terrorism
	CaseWMD Case = "WMD" // weapons of mass destruction
	CaseGEN Case = "GEN" // cooperation in general
)

// Cases lists every case.
func Cases() []Case {
	return []Case{CaseCIV, CaseLBR, CaseKOS, CaseBIH, CaseGEO, CaseTJK, CaseIRQ, CaseHTI, CaseVEN, CaseIPS, CaseWAF, CaseCTR, CaseWMD, CaseGEN}
}

// RecordKind is the kind of an act as the chronology names it, which is not
// the kind of an act in a journal.
type RecordKind string

// The kinds.
const (
	RecordWarning        RecordKind = "warning"
	RecordReport         RecordKind = "report"
	RecordRequest        RecordKind = "request" // also a seizure, with an organ as addressee
	RecordOffer          RecordKind = "offer"
	RecordDeployment     RecordKind = "deployment"
	RecordAuthorization  RecordKind = "authorization"
	RecordDecision       RecordKind = "decision"
	RecordSanctions      RecordKind = "sanctions"
	RecordRefusal        RecordKind = "refusal" // veto, withheld consensus, draft dropped
	RecordStatement      RecordKind = "statement"
	RecordMeeting        RecordKind = "meeting"
	RecordBriefing       RecordKind = "briefing"
	RecordMissionVisit   RecordKind = "mission_visit"
	RecordAgreement      RecordKind = "agreement"
	RecordHandover       RecordKind = "handover"
	RecordMandateRenewal RecordKind = "mandate_renewal"
	RecordAppointment    RecordKind = "appointment"
	RecordDeadline       RecordKind = "deadline"
	RecordEvent          RecordKind = "event"
)

// RecordKinds lists every kind.
func RecordKinds() []RecordKind {
	return []RecordKind{RecordWarning, RecordReport, RecordRequest, RecordOffer, RecordDeployment, RecordAuthorization, RecordDecision,
		RecordSanctions, RecordRefusal, RecordStatement, RecordMeeting, RecordBriefing, RecordMissionVisit, RecordAgreement, RecordHandover,
		RecordMandateRenewal, RecordAppointment, RecordDeadline, RecordEvent}
}

// DecisionMode is how a decision was taken.
type DecisionMode string

// The modes; "" where the row is no decision or the mode is not recorded.
const (
	ModeVote        DecisionMode = "vote"
	ModeConsensus   DecisionMode = "consensus"
	ModeUnanimity   DecisionMode = "unanimity"
	ModeAllButOne   DecisionMode = "all but one"
	ModeNoConsensus DecisionMode = "no consensus"
)

// Entry is one row of the chronology.
type Entry struct {
	Seq          int // 1 to 242
	Date         Date
	Case         Case
	Actor        string    // as recorded: an OrgID, or the names of States; empty where nobody in particular acted
	ActorOrg     OrgID     // Actor, where it is an organization
	ActorStates  []StateID // Actor, where it is States
	Organ        string    // free text: "Security Council", "events" …
	Kind         RecordKind
	Addressee    string // free text, several separated by "; "; empty for none
	Summary      string
	Symbol       string // of the document
	Meeting      string // symbol of the meeting record
	MeetingBasis string // how the meeting number is known
	VoteFor      *int   // nil where there was no vote
	VoteAgainst  *int
	VoteAbstain  *int
	Against      []StateID // who is recorded to have voted no,
	Abstained    []StateID // to have abstained,
	Absent       []StateID // and to have taken no part, which is neither
	VoteNote     string
	Mode         DecisionMode
	Presidency   StateID // of the Council, where it is recorded with the row
	Confidence   Confidence
}

// Chronology lists all rows by Seq, which is also by date. The rows share
// what their slices and pointers hold: do not change it.
func (w *World) Chronology() []Entry { return slices.Clone(w.chronology) }

// Meeting is the 4739th meeting of the Security Council, on 11 April 2003,
// with regional organizations.
type Meeting struct {
	Symbol        string    `json:"symbol"`
	Number        int       `json:"number"`
	Date          Date      `json:"date"`
	Scheduled     string    `json:"scheduled"` // hh:mm in New York
	CalledToOrder string    `json:"called_to_order"`
	Place         string    `json:"place"`
	Year          string    `json:"year_of_council"`
	Agenda        string    `json:"agenda"`
	Outcome       string    `json:"outcome"`
	PressRelease  string    `json:"press_release"`
	SGStatement   string    `json:"sg_statement"`
	President     Speaker   `json:"president"`
	Members       []Speaker `json:"members"`
	Invited       []Invited `json:"invited"`
	AlsoSpoke     []Speaker `json:"also_spoke"`
	Sources       []string  `json:"sources"`
}

// Speaker is somebody in the room. Member States come with the name of their
// representative.
type Speaker struct {
	State          StateID `json:"state,omitempty"`
	Name           string  `json:"name,omitempty"`
	Representative string  `json:"representative,omitempty"`
	Title          string  `json:"title,omitempty"`
}

// Invited is somebody invited to take part: a State under rule 37, a person
// under rule 39. The title is as reported.
type Invited struct {
	Rule       int        `json:"rule"`
	State      StateID    `json:"state,omitempty"`
	OnBehalfOf OrgID      `json:"on_behalf_of,omitempty"` // the European Union spoke as Greece
	As         string     `json:"as,omitempty"`
	Org        OrgID      `json:"org,omitempty"`
	Name       string     `json:"name"`
	Title      string     `json:"title"`
	Confidence Confidence `json:"confidence"`
}

// Meeting4739 is that meeting. Its slices are the caller's own.
func (w *World) Meeting4739() Meeting {
	m := w.meeting
	m.Members, m.Invited = slices.Clone(m.Members), slices.Clone(m.Invited)
	m.AlsoSpoke, m.Sources = slices.Clone(m.AlsoSpoke), slices.Clone(m.Sources)
	return m
}

func readEntry(r *row) Entry {
	return Entry{
		Seq:          r.number("seq"),
		Date:         r.date("date"),
		Case:         one(r, "case", Cases()...),
		Actor:        r.text("actor"),
		ActorStates:  list[StateID](r, "actor_states"),
		Organ:        r.need("organ"),
		Kind:         one(r, "kind", RecordKinds()...),
		Addressee:    r.text("addressee"),
		Summary:      r.need("summary"),
		Symbol:       r.text("symbol"),
		Meeting:      r.text("meeting"),
		MeetingBasis: r.text("meeting_basis"),
		VoteFor:      r.count("vote_for"),
		VoteAgainst:  r.count("vote_against"),
		VoteAbstain:  r.count("vote_abstain"),
		Against:      list[StateID](r, "against"),
		Abstained:    list[StateID](r, "abstained"),
		Absent:       list[StateID](r, "absent"),
		VoteNote:     r.text("vote_note"),
		Mode:         one(r, "mode", "", ModeVote, ModeConsensus, ModeUnanimity, ModeAllButOne, ModeNoConsensus),
		Presidency:   StateID(r.text("presidency")),
		Confidence:   Confidence(r.need("confidence")),
	}
}

func readMeeting(fsys fs.FS) (Meeting, error) {
	const name = "meeting_4739.json"
	var m Meeting
	b, err := fs.ReadFile(fsys, "data/"+name)
	if err != nil {
		return m, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}
