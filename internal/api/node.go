package api

import (
	"crypto/sha256"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/peer"
)

// Self says whose node this is. It is a hint: who wants to rely on the keys
// compares them by another way, or reads the key act at the start of the
// journal.
type Self struct {
	Domain     comity.Domain `json:"domain"`
	Name       string        `json:"name"`
	Origin     comity.Origin `json:"origin"`      // C2SP checkpoint origin of the journal
	LogKey     string        `json:"log_key"`     // C2SP vkey of the journal's checkpoints
	WitnessKey string        `json:"witness_key"` // C2SP vkey of the witness
	MirrorKey  string        `json:"mirror_key"`  // C2SP vkey of the mirror
	RootKey    string        `json:"root_key"`    // C2SP vkey of the offline root key, which authorizes changes of the others
	Recipient  string        `json:"recipient"`   // age recipient to seal to
	Version    string        `json:"version"`
}

// Peer is a known organization and how it stands with this node.
type Peer struct {
	Domain   comity.Domain `json:"domain"`
	Name     string        `json:"name,omitempty"`
	URL      string        `json:"url,omitempty"`
	PinnedAt comity.Time   `json:"pinned_at,omitzero"` // real time
	Followed Following     `json:"followed"`           // how far its journal is stored here
	Stored   *Receipt      `json:"stored,omitempty"`   // how far it has stored ours: its mirror cosignature
	Witness  *Receipt      `json:"witness,omitempty"`  // how far it has witnessed ours
	Repinned *Repinned     `json:"repinned,omitempty"` // if its keys were re-established out of band
	Doubts   []Doubt       `json:"doubts"`             // entries of its journal of which it is in doubt whose they are
}

// Repinned says that other keys were pinned by hand: no root key authorized the
// change.
type Repinned struct {
	At     comity.Time    `json:"at"` // real time
	By     string         `json:"by"`
	Reason string         `json:"reason"`
	Act    comity.ActName `json:"act,omitzero"` // ours that says so
}

// Following is how far a peer's journal was read and stored here.
type Following struct {
	Size    int64       `json:"size"`              // entries stored and verified here
	Theirs  int64       `json:"theirs"`            // entries of the newest checkpoint seen
	Lag     int64       `json:"lag"`               // entries that are there and not yet here
	Heard   comity.Time `json:"heard,omitzero"`    // node's clock when last read up to its head
	ReadAt  comity.Time `json:"read_at,omitzero"`  // real time of the last success
	NextAt  comity.Time `json:"next_at,omitzero"`  // real time of the next try
	Rate    int64       `json:"rate,omitempty"`    // entries a second while it catches up
	Trouble string      `json:"trouble,omitempty"` // why the last try failed
	Paused  bool        `json:"paused"`
	Frozen  bool        `json:"frozen"` // two signed checkpoints of it contradict each other
}

// Receipt is a cosignature: everything before Size, at CosignedAt.
type Receipt struct {
	Size       int64       `json:"size"`        // entries
	CosignedAt comity.Time `json:"cosigned_at"` // real time
}

// Peers lists the known organizations.
type Peers struct {
	Peers []Peer `json:"peers"`
}

// Digest of the public record as it is folded here. Two nodes that hold the
// same journals have the same digest, if effect set and kinds are the same.
type Digest struct {
	EffectSet int         `json:"effect_set"` // digests of different sets are not comparable
	Kinds     string      `json:"kinds"`      // which kinds of act the program knows; as above
	SHA256    comity.Hash `json:"sha256"`
	Acts      int         `json:"acts"` // folded; those that wait for others are not
}

// Record is the organization's own journal.
type Record struct {
	Origin       comity.Origin `json:"origin"`
	Size         int64         `json:"size"`          // entries
	Root         comity.Hash   `json:"root,omitzero"` // RFC 6962 tree head
	Checkpoint   string        `json:"checkpoint"`    // the newest, a signed note, with the cosignatures known
	Cosignatures []Cosignature `json:"cosignatures"`
	Demands      string        `json:"demands,omitempty"` // the policy: whose cosignatures make a checkpoint accepted, in words
	Accepted     int64         `json:"accepted"`          // entries of the newest accepted checkpoint; 0 if none is
	Doubts       []Doubt       `json:"doubts"`            // entries of which it is in doubt whose they are
}

// Cosignature of the newest checkpoint.
type Cosignature struct {
	Name       string      `json:"name"` // of the key: un.example/witness
	Role       string      `json:"role"` // log, witness, mirror
	CosignedAt comity.Time `json:"cosigned_at,omitzero"`
}

func (h *Handler) getSelf(w http.ResponseWriter, r *http.Request, _ desk.Who) error {
	if q := queryOf(r); q.err != nil {
		return q.err
	}
	return answer(w, http.StatusOK, Self(h.c.Desk.Self()))
}

func (h *Handler) getPeers(w http.ResponseWriter, r *http.Request, who desk.Who) error {
	if q := queryOf(r); q.err != nil {
		return q.err
	}
	all, err := h.c.Desk.Peers(r.Context(), who)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, PeersOf(all))
}

// getEvidence serves the newest evidence file against an organization, as it
// is checked offline.
func (h *Handler) getEvidence(w http.ResponseWriter, r *http.Request, who desk.Who) error {
	if q := queryOf(r); q.err != nil {
		return q.err
	}
	d, err := comity.ParseDomain(r.PathValue("domain"))
	if err != nil {
		return desk.ErrNotFound
	}
	file, err := h.c.Desk.Evidence(r.Context(), who, d)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", desk.EvidenceName(d)))
	fixed(w, r, "public, no-cache", comity.Hash(sha256.Sum256(file)).String(), "application/json", file)
	return nil
}

// PeersOf lists known organizations.
func PeersOf(all []desk.PeerView) Peers {
	out := Peers{Peers: []Peer{}}
	for _, p := range all {
		f := p.Follow
		out.Peers = append(out.Peers, Peer{Domain: p.Domain, Name: p.Name, URL: p.URL, PinnedAt: realTime(p.Pinned),
			Followed: Following{Size: f.Size, Theirs: f.Theirs, Lag: max(0, f.Theirs-f.Size), Heard: f.Heard, ReadAt: realTime(f.At),
				NextAt: realTime(f.Next), Rate: int64(math.Round(f.Rate)), Trouble: f.Trouble, Paused: f.Paused, Frozen: f.Frozen},
			Stored: receipt(p.Stored), Witness: receipt(p.Witness), Repinned: repinned(p.Repinned), Doubts: doubtsOf(p.Doubts)})
	}
	return out
}

func repinned(r peer.Repin) *Repinned {
	if r.At.IsZero() {
		return nil
	}
	return &Repinned{realTime(r.At), r.By, r.Reason, r.Act}
}

func receipt(r desk.Receipt) *Receipt {
	if r.At.IsZero() {
		return nil
	}
	return &Receipt{r.Size, realTime(r.At)}
}

// realTime cuts a real time to the second; absent if it is zero.
func realTime(t time.Time) comity.Time {
	if t.IsZero() {
		return comity.Time{}
	}
	return comity.TimeOf(t)
}

func (h *Handler) getDigest(w http.ResponseWriter, r *http.Request, _ desk.Who) error {
	if q := queryOf(r); q.err != nil {
		return q.err
	}
	digest, err := h.c.Desk.Digest(r.Context())
	if err != nil {
		return err
	}
	d := Digest(digest)
	body, err := encode(d)
	if err != nil {
		return err
	}
	fixed(w, r, "public, no-cache", d.SHA256.String(), "application/json", body)
	return nil
}

func (h *Handler) getRecord(w http.ResponseWriter, r *http.Request, who desk.Who) error {
	if q := queryOf(r); q.err != nil {
		return q.err
	}
	x, err := h.c.Desk.Record(r.Context(), who)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, RecordOf(x))
}

// RecordOf is the journal as the API shows it.
func RecordOf(x desk.Record) Record {
	out := Record{Origin: x.Origin, Size: x.Size, Root: x.Root, Checkpoint: string(x.Checkpoint), Cosignatures: []Cosignature{},
		Demands: x.Demands, Accepted: x.Accepted, Doubts: doubtsOf(x.Doubts)}
	for _, c := range x.Cosignatures {
		out.Cosignatures = append(out.Cosignatures, Cosignature{c.Name, c.Role, realTime(c.At)})
	}
	return out
}
