package desk

import (
	"fmt"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/keys"
)

// Who is asking: a signed-in person, or nobody in particular (the zero value),
// who sees the public record.
type Who struct {
	Person *person.Person
	Role   person.Role // of the token or session, at most the person's own
}

// May reports whether the caller's role includes r.
func (w Who) May(r person.Role) bool { return w.Person != nil && w.Role.Includes(r) }

// Self describes the organization whose desk this is. It is the JSON of
// /api/v1/self.
type Self struct {
	Domain     comity.Domain `json:"domain"`
	Name       string        `json:"name"`
	Origin     comity.Origin `json:"origin"`
	LogKey     string        `json:"log_key"`
	WitnessKey string        `json:"witness_key"`
	MirrorKey  string        `json:"mirror_key"`
	RootKey    string        `json:"root_key"`
	Recipient  string        `json:"recipient"`
	Version    string        `json:"version"`
}

// Held is one act as this node holds it: its own, or of a peer's journal.
type Held struct {
	Pos    int64 // position among all acts held here, in order of arrival, from 1
	Name   comity.ActName
	Leaf   comity.Hash
	Entry  []byte        // the journal entry, byte for byte
	Opened []byte        // the document inside the seal, byte for byte; nil if not sealed, not open here, or erased
	Act    *act.Act      // nil if sealed to others, or unreadable
	Sealed *act.Sealed   // set if the entry is a seal
	Status comity.Status // known also of sealed entries
	At     comity.Time   // recorded
	Why    string        // why it cannot be read or has no effect; "" if it has
	Fact   casefile.ActFact
	File   comity.ActName // the situation it is folded into; zero if none
	Doubt  *keys.Doubt    // why it may be somebody else's than the issuer's; nil if it is not in doubt

	placed bool // it waited for nothing when it was read from the store
}

// AskFilter selects asks; the zero value selects all.
type AskFilter struct {
	By   comity.Party // asked by
	Of   comity.Party // asked of
	Late bool         // only those with a late addressee
	Open bool         // only those with an addressee whose answer is outstanding
}

// Preview is what will happen if a document is issued.
type Preview struct {
	Document      []byte // as it would be issued: effects written out, leaf hashes filled in
	Act           *act.Act
	Consequential bool // a second person must release it
	Recipients    []Recipient
	Notes         []Note // what the officer should know before issuing

	parsed *act.Document // the same as Document
}

// Note is what an officer should know before issuing an act.
type Note struct {
	About NoteAbout
	Party comity.Party   // NoteOutside, NoteSuspended: whom
	Name  string         // its name, as known here
	Act   comity.ActName // NoteSuspended: by which act
}

// NoteAbout is what a note is about.
type NoteAbout string

const (
	NotePublic    NoteAbout = "public"    // everybody can read the act
	NoteOutside   NoteAbout = "outside"   // an addressee keeps no node
	NoteWish      NoteAbout = "wish"      // the date of the ask binds nobody
	NoteSuspended NoteAbout = "suspended" // an addressee is a suspended member
)

// String is the note in English.
func (n Note) String() string {
	switch n.About {
	case NotePublic:
		return "TLP:CLEAR: everybody can read this act, for ever."
	case NoteOutside:
		return fmt.Sprintf("%s keeps no node here: reach them by mail, telephone or letter, and enter what they answer.", n.Name)
	case NoteWish:
		return "The date is a wish: after it the file reads \"no answer recorded here\", not \"overdue\", unless the addressee accepts it."
	case NoteSuspended:
		return fmt.Sprintf("%s is suspended since %s. It receives this act all the same.", n.Party, n.Act)
	}
	return string(n.About)
}

// Recipient is one addressee of a previewed act: how it is reached, and what
// it will be able to read.
type Recipient struct {
	Org   comity.Party
	Organ string
	For   string // answer, information
	Name  string // the organization's name, if known
	Route string // "journal" (its node follows ours), "own" (our own house), "outside" (no node: mail, telephone, letter)
	Reads string // "all" (text and effects), "seal" (only that something sealed exists)
}

// Issued is the result of issuing: either the act stands in the journal, or
// it waits for a second person under Draft.
type Issued struct {
	Name  comity.ActName `json:"act,omitzero"`
	Leaf  comity.Hash    `json:"leaf,omitzero"`
	Draft int64          `json:"draft,omitempty"`
}

// Draft waits for a second person's release.
type Draft struct {
	ID       int64       `json:"id"`
	Document []byte      `json:"-"`
	Title    string      `json:"title"`
	Kind     act.Kind    `json:"kind"`
	By       string      `json:"by"` // person
	At       comity.Time `json:"at"`
}

// PeerView is how a known organization stands with us.
type PeerView struct {
	Domain  comity.Domain
	Name    string
	URL     string
	LogKey  string // of its journal, as it is pinned here
	Pinned  time.Time
	Follow  Following // how far we have read and stored them
	Stored  Receipt   // how far they have stored us
	Witness Receipt   // up to where they have witnessed our journal

	Repinned peer.Repin   // when other keys were pinned out of band; zero if never
	Doubts   []keys.Doubt // entries of its journal of which it is in doubt whose they are
}

// Following is how far a peer's journal was read here.
type Following struct {
	Size    int64       // entries stored and verified here
	Theirs  int64       // size of the newest checkpoint seen
	Heard   comity.Time // node's clock when last read up to its head
	At      time.Time   // real time of the last success
	Trouble string      // why the last try failed, for people; "" if it did not
	Error   string      // the same with its details, for whoever can mend it
	Rate    float64     // entries a second while it catches up; 0 if it does not
	Next    time.Time   // when it is tried again
	Paused  bool
	Frozen  bool // two signed checkpoints of it contradict each other
}

// Receipt is a cosignature: "up to Size, at At". The zero value is none yet.
type Receipt struct {
	Size int64
	At   time.Time // real time
}

// Record is the organization's own journal as its page shows it.
type Record struct {
	Origin       comity.Origin
	Size         int64
	Root         comity.Hash
	Checkpoint   []byte // the newest, with all cosignatures known
	Cosignatures []Cosignature
	Demands      string // whose cosignatures make a checkpoint accepted, in words; "" if none is needed
	Accepted     int64  // entries of the newest accepted one, of those looked at; 0 if none is

	Doubts []keys.Doubt // entries of which it is in doubt whose they are
}

// Cosignature of the newest checkpoint.
type Cosignature struct {
	Name string // key name: un.example/witness
	Role string // log, witness, mirror
	At   time.Time
}
