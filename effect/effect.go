// Package effect is the closed set of what an act can do to the shared file.
//
// Kinds of acts are open: anybody may invent one. Effects are closed: every
// version of the software agrees on what each of them does, so nodes apply
// the effects written in an act even when they do not know its kind. A
// change to this set is a new Version, and digests of different versions are
// never compared.
//
// In an act an effect is a JSON object whose member "do" names it:
//
//	{"do":"ask","of":[{"org":"un.example","organ":"Security Council"}],"basis":"wish"}
//
// Effects carry no free text, because the effects of a sealed act stay when
// its content is erased. Who may bring about which effect stands in one
// table, Rules, in authority.go.
package effect

import "github.com/comity/comity/comity"

// Version of the effect set. Two digests are comparable only if it is equal.
const Version = 1

// Effect is one of the types in this file, and nothing else.
type Effect interface {
	// Do is the name of the effect in an act: the value of "do".
	Do() string
	check() error
}

// Addressee of an ask: an organization or State, optionally one of its
// organs or the focal point for a topic.
type Addressee struct {
	Org        comity.Party `json:"org"`
	Organ      string       `json:"organ,omitempty"`
	FocalPoint string       `json:"focal_point,omitempty"`
}

// Item is an amount of means: 1,200 of "infantry", 2 of "field-hospital".
// What is a code, not free text.
type Item struct {
	What string `json:"what"`
	N    int64  `json:"n"`
}

// Role of an organization in a situation.
type Role string

// The roles.
const (
	Acts     Role = "acts"
	Supports Role = "supports"
	Informed Role = "informed"
	Leads    Role = "leads"
)

// Basis says why an answer is owed, if it is.
type Basis string

// The bases of an ask. A date that the addressee accepted is not the asker's
// to claim: it comes with the addressee's own answer (Answer.Until).
const (
	Duty Basis = "duty" // a binding rule, named in Ask.Source, sets the date
	Wish Basis = "wish" // the asker would like an answer, by a date or not
)

// Silence says what it means if no answer comes by the due time.
type Silence string

// The meanings of silence.
const (
	NoMeaning Silence = "none"
	Consent   Silence = "consent" // an organ whose rules know a silence procedure said so beforehand
)

// How an ask is answered.
type How string

// The answers.
const (
	WillAct  How = "act"      // who, what, by when
	Support  How = "support"  // supports what another does
	Consider How = "consider" // will consider until a date, which is thereby accepted
	Noted    How = "noted"
	Declined How = "declined"
)

// Channel by which something was heard outside the journals.
type Channel string

// The channels.
const (
	Telephone Channel = "telephone"
	Letter    Channel = "letter"
	Meeting   Channel = "meeting"
	Mail      Channel = "mail"
)

// Outcome of a proposal before an organ.
type Outcome string

// The outcomes. Not every decision is a resolution, and not every meeting
// ends in one.
const (
	Adopted     Outcome = "adopted"
	NotAdopted  Outcome = "not-adopted"  // put to the vote, failed
	NotPut      Outcome = "not-put"      // never put to the vote
	NoConsensus Outcome = "no-consensus" // consensus was withheld
	NoOutcome   Outcome = "no-outcome"   // the organ met and decided nothing
)

// Vote counts; nil where an organ does not vote. Absent counts members that
// did not take part.
type Vote struct {
	For     int `json:"for"`
	Against int `json:"against"`
	Abstain int `json:"abstain"`
	Absent  int `json:"absent,omitempty"`
}

// The effects. The comment of each says what it does to the file; the
// struct's fields are its members in an act.
type (
	// Open opens a situation file, named by this act. Opening a file is not
	// seizure of any organ.
	Open struct{}
	// Concern says in which role a party stands in the situation.
	Concern struct {
		Party comity.Party `json:"party"`
		Role  Role         `json:"role"`
	}
	// Seize records that an organ is seized of the situation, by a cited act.
	Seize struct {
		Organ string         `json:"organ"`
		By    comity.ActName `json:"by"`
	}
	// Refer brings the situation before another organization's organ.
	Refer struct {
		To Addressee `json:"to"`
	}
	// HandOver passes the lead, or an operation, to another party. The lead
	// passes when that party takes it (Concern with Leads).
	HandOver struct {
		To        comity.Party   `json:"to"`
		Lead      bool           `json:"lead,omitempty"`
		Operation comity.ActName `json:"operation,omitzero"`
	}
	// Dormant says that nothing is under way; any later act wakes the file.
	Dormant struct{}
	// Close closes the file.
	Close struct{}
	// Relate links this situation to another, as the issuer sees it.
	Relate struct {
		To  comity.ActName `json:"to"`
		How string         `json:"how"` // related, part-of, same, follows
	}
	// Ask asks something of each addressee. It is named by its act.
	Ask struct {
		Of      []Addressee `json:"of"`
		Basis   Basis       `json:"basis"`
		Source  string      `json:"source,omitempty"` // the rule behind a duty: "S/RES/1373 (2001) para. 6"
		Due     comity.Time `json:"due,omitzero"`
		Silence Silence     `json:"silence,omitempty"`
	}
	// TakeUp says that a person at the addressee has taken the ask up. It
	// lapses at Until: acknowledged is not answered.
	TakeUp struct {
		Ask   comity.ActName `json:"ask"`
		Until comity.Time    `json:"until"`
	}
	// Answer answers an ask. Until accepts a date (Consider). Heard, with
	// From, reports an answer given outside the journals; it stands as
	// reported until the other side confirms or contests it.
	Answer struct {
		Ask      comity.ActName `json:"ask"`
		How      How            `json:"how"`
		Until    comity.Time    `json:"until,omitzero"`
		Supports comity.ActName `json:"supports,omitzero"`
		From     comity.Party   `json:"from,omitempty"`
		Heard    Channel        `json:"heard,omitempty"`
		Confirms comity.ActName `json:"confirms,omitzero"` // this confirms that reported answer
		Contests comity.ActName `json:"contests,omitzero"` // this contests it
	}
	// Say puts a statement on the record of the situation.
	Say struct{}
	// Reply exercises the right of reply to an act; nobody else can remove it.
	Reply struct {
		To comity.ActName `json:"to"`
	}
	// Correct marks an act as corrected by this one, whose own effects then
	// stand in place of the corrected ones.
	Correct struct {
		Act comity.ActName `json:"act"`
	}
	// Withdraw strikes an act out: shown, and without effect from now on.
	Withdraw struct {
		Act comity.ActName `json:"act"`
	}
	// Erase removes the content of a sealed act; its effects stay.
	Erase struct {
		Act comity.ActName `json:"act"`
	}
	// Decide records what an organ of the issuer decided, or that it did not.
	Decide struct {
		Organ   string  `json:"organ"`
		Outcome Outcome `json:"outcome"`
		Mode    string  `json:"mode,omitempty"` // vote, consensus, unanimity
		Vote    *Vote   `json:"vote,omitempty"`
	}
	// Mandate says who may act, until when. It is named by its act. Renews
	// names the mandate whose end it moves; Ends the one it ends.
	Mandate struct {
		Holder []comity.Party `json:"holder,omitempty"`
		Name   string         `json:"name,omitempty"` // the operation's acronym: UNMIL
		From   comity.Time    `json:"from,omitzero"`
		To     comity.Time    `json:"to,omitzero"`
		Renews comity.ActName `json:"renews,omitzero"`
		Ends   comity.ActName `json:"ends,omitzero"`
		Force  bool           `json:"force,omitempty"` // enforcement is authorized (Art. 42, 53)
	}
	// Need says which means are missing. It is named by its act.
	Need struct {
		Items []Item      `json:"items"`
		By    comity.Time `json:"by,omitzero"`
	}
	// Pledge offers means towards a need, or in general.
	Pledge struct {
		Party comity.Party   `json:"party"`
		Need  comity.ActName `json:"need,omitzero"`
		Items []Item         `json:"items,omitempty"`
	}
	// Commit binds the party to provide means by a date. It is named by its
	// act.
	Commit struct {
		Party comity.Party   `json:"party"`
		Need  comity.ActName `json:"need,omitzero"`
		Items []Item         `json:"items,omitempty"`
		By    comity.Time    `json:"by,omitzero"`
	}
	// Deploy says that means are in the field. It is named by its act;
	// Commitment names what it keeps.
	Deploy struct {
		Party      comity.Party   `json:"party"`
		Name       string         `json:"name,omitempty"` // the operation's acronym: ECOMIL
		Need       comity.ActName `json:"need,omitzero"`
		Commitment comity.ActName `json:"commitment,omitzero"`
		Mandate    comity.ActName `json:"mandate,omitzero"`
		Items      []Item         `json:"items,omitempty"`
	}
	// Return ends a deployment.
	Return struct {
		Deployment comity.ActName `json:"deployment"`
	}
	// Convene calls a meeting of the issuer's organ. It is named by its act.
	Convene struct {
		Organ   string      `json:"organ"`
		At      comity.Time `json:"at"`
		Private bool        `json:"private,omitempty"`
	}
	// Inscribe puts a party on a meeting's list of speakers. No Meeting means
	// the one that this act itself convenes: an act cannot know its own name.
	Inscribe struct {
		Meeting comity.ActName `json:"meeting,omitzero"`
		Party   comity.Party   `json:"party"`
	}
	// Speak records that a party spoke at a meeting; without Meeting, at the
	// one that this act itself convenes.
	Speak struct {
		Meeting comity.ActName `json:"meeting,omitzero"`
		Party   comity.Party   `json:"party"`
	}
	// Adhere records a State's step towards an instrument.
	Adhere struct {
		Instrument string       `json:"instrument"`
		Party      comity.Party `json:"party"`
		Step       string       `json:"step"` // signature, ratification, accession, acceptance, approval, succession, entry-into-force, withdrawal
		Date       comity.Time  `json:"date"`
	}
	// Designate names the issuer's focal point for a topic.
	Designate struct {
		Topic  string `json:"topic"`
		Office string `json:"office"`
	}
	// Admit makes a party a member of the issuer, again if it was suspended.
	Admit struct {
		Party comity.Party `json:"party"`
	}
	// Suspend marks a member as suspended; suspended is not out.
	Suspend struct {
		Party comity.Party `json:"party"`
	}
	// Remove ends a membership.
	Remove struct {
		Party comity.Party `json:"party"`
	}
	// Key publishes the keys of the issuer. The first one in a journal says which
	// they are: C2SP vkeys, an age recipient for sealing, and post-quantum keys
	// (ML-DSA-44) for the same tasks and under the same names. A later one
	// changes them by a statement and names nothing else.
	Key struct {
		Log       string `json:"log,omitempty"`
		Witness   string `json:"witness,omitempty"`
		Mirror    string `json:"mirror,omitempty"`
		Root      string `json:"root,omitempty"`
		Recipient string `json:"recipient,omitempty"`
		LogPQ     string `json:"log_pq,omitempty"`
		WitnessPQ string `json:"witness_pq,omitempty"`
		MirrorPQ  string `json:"mirror_pq,omitempty"`
		Statement string `json:"statement,omitempty"` // which keys are in force, signed by the root key (package keys)
	}
	// Score records what became of a warning.
	Score struct {
		Warning comity.ActName `json:"warning"`
		Result  string         `json:"result"` // occurred, averted, did-not-occur, open
	}
	// Evidence publishes proof of a journal's misbehaviour.
	Evidence struct {
		Against comity.Domain `json:"against"`
		Proof   comity.Hash   `json:"proof"` // SHA-256 of the evidence file
	}
)

// Do names.
func (Open) Do() string      { return "open" }
func (Concern) Do() string   { return "concern" }
func (Seize) Do() string     { return "seize" }
func (Refer) Do() string     { return "refer" }
func (HandOver) Do() string  { return "hand-over" }
func (Dormant) Do() string   { return "dormant" }
func (Close) Do() string     { return "close" }
func (Relate) Do() string    { return "relate" }
func (Ask) Do() string       { return "ask" }
func (TakeUp) Do() string    { return "take-up" }
func (Answer) Do() string    { return "answer" }
func (Say) Do() string       { return "say" }
func (Reply) Do() string     { return "reply" }
func (Correct) Do() string   { return "correct" }
func (Withdraw) Do() string  { return "withdraw" }
func (Erase) Do() string     { return "erase" }
func (Decide) Do() string    { return "decide" }
func (Mandate) Do() string   { return "mandate" }
func (Need) Do() string      { return "need" }
func (Pledge) Do() string    { return "pledge" }
func (Commit) Do() string    { return "commit" }
func (Deploy) Do() string    { return "deploy" }
func (Return) Do() string    { return "return" }
func (Convene) Do() string   { return "convene" }
func (Inscribe) Do() string  { return "inscribe" }
func (Speak) Do() string     { return "speak" }
func (Adhere) Do() string    { return "adhere" }
func (Designate) Do() string { return "designate" }
func (Admit) Do() string     { return "admit" }
func (Suspend) Do() string   { return "suspend" }
func (Remove) Do() string    { return "remove" }
func (Key) Do() string       { return "key" }
func (Score) Do() string     { return "score" }
func (Evidence) Do() string  { return "evidence" }

// All returns one zero value of every effect, in the order of this file.
func All() []Effect {
	return []Effect{Open{}, Concern{}, Seize{}, Refer{}, HandOver{}, Dormant{}, Close{}, Relate{},
		Ask{}, TakeUp{}, Answer{}, Say{}, Reply{}, Correct{}, Withdraw{}, Erase{}, Decide{}, Mandate{},
		Need{}, Pledge{}, Commit{}, Deploy{}, Return{}, Convene{}, Inscribe{}, Speak{}, Adhere{},
		Designate{}, Admit{}, Suspend{}, Remove{}, Key{}, Score{}, Evidence{}}
}
