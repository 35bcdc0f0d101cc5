package desk_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/seal"
	"github.com/comity/comity/internal/sqlstore"
	"github.com/comity/comity/internal/witness"
)

// house is one organization's desk over a real database in a folder, without
// network: what others issue is carried over by hand (see carry).
type house struct {
	t       testing.TB
	domain  comity.Domain
	dir     string
	url     string // of its database
	key     seal.Identity
	signer  note.Signer
	logKey  string
	witness *torchwood.CosignatureSigner

	store   *sqlstore.Store
	blobs   *blob.Store
	ledger  *desk.Ledger
	options desk.LedgerOptions
	log     *slog.Logger // of its journal; may be nil
	journal *journal.Journal
	people  *person.Register
	desk    *desk.Desk

	mu    sync.Mutex
	now   time.Time
	peers roster
	heard comity.Time // until when the others were heard
}

type roster []peer.Peer

func (r roster) Peers(context.Context) ([]peer.Peer, error) { return r, nil }

var start = time.Date(2003, 4, 11, 12, 0, 0, 0, time.UTC)

func newHouse(t testing.TB, d comity.Domain) *house {
	t.Helper()
	return newHouseOn(t, d, "")
}

// newHouseOn is newHouse on a database; "" is a file in its folder.
func newHouseOn(t testing.TB, d comity.Domain, url string) *house {
	t.Helper()
	h := &house{t: t, domain: d, dir: t.TempDir(), url: url, now: start}
	if url == "" {
		h.url = "sqlite:" + filepath.Join(h.dir, "comity.db")
	}
	var err error
	h.key, err = seal.NewIdentity()
	check(t, err)
	skey, vkey, err := note.GenerateKey(rand.Reader, string(d.Origin()))
	check(t, err)
	h.logKey = vkey
	h.signer, err = note.NewSigner(skey)
	check(t, err)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	h.witness, err = torchwood.NewCosignatureSigner(d.WitnessName(), private)
	check(t, err)
	h.open()
	return h
}

// open opens the desk, as a start of the node does.
func (h *house) open() {
	t, ctx := h.t, h.t.Context()
	t.Helper()
	var err error
	h.store, err = sqlstore.Open(ctx, h.url, sqlstore.Options{})
	check(t, err)
	h.blobs, err = blob.Open(context.Background(), filepath.Join(h.dir, "blobs"))
	check(t, err)
	h.ledger, err = desk.OpenLedger(ctx, h.domain, h.store, h.blobs, seal.Keyring{h.key}, h.options)
	check(t, err)
	v, err := note.NewVerifier(h.logKey)
	check(t, err)
	h.journal, err = journal.Open(ctx, journal.Config{Store: h.ledger.Journals(), Origin: h.domain.Origin(), Signer: h.signer, Logger: h.log,
		Verifiers: note.VerifierList(v), Continue: func(last []byte) error { return h.desk.GoOn(last) }})
	check(t, err)
	h.people = person.NewRegister(h.store, time.Now, person.Limits{})
	for id, r := range map[string]person.Role{"officer": person.Officer, "director": person.Releasing, "deputy": person.Releasing} {
		if _, err := h.people.AddPerson(ctx, id, id, "Office", r); err != nil && !errors.Is(err, person.ErrExists) {
			t.Fatal(err)
		}
	}
	h.desk = desk.New(h.config())
	if h.journal.Head().Size == 0 {
		_, err = h.desk.Found(ctx, effect.Key{Log: h.logKey, Recipient: h.key.Recipient().String()})
		check(t, err)
	}
	t.Cleanup(func() { h.close() })
}

// over has the desk keep its fold through a store that wraps the house's.
func (h *house) over(s desk.Store) {
	h.t.Helper()
	var err error
	h.ledger, err = desk.OpenLedger(h.t.Context(), h.domain, s, h.blobs, seal.Keyring{h.key}, desk.LedgerOptions{})
	check(h.t, err)
	h.desk = desk.New(h.config())
}

// recordsOver is over, and has the journal written through it, too.
func (h *house) recordsOver(s desk.Store) {
	h.t.Helper()
	h.journal.Close()
	h.over(s)
	v, err := note.NewVerifier(h.logKey)
	check(h.t, err)
	h.journal, err = journal.Open(h.t.Context(), journal.Config{Store: h.ledger.Journals(), Origin: h.domain.Origin(), Signer: h.signer, Verifiers: note.VerifierList(v)})
	check(h.t, err)
	h.desk = desk.New(h.config())
}

func (h *house) config() desk.Config {
	return desk.Config{
		Self:   desk.Self{Domain: h.domain, Name: string(h.domain), Origin: h.domain.Origin(), LogKey: h.logKey},
		Ledger: h.ledger, Journal: h.journal, Store: h.ledger.Journals(), Peers: rosterOf{h}, Drafts: h.people, Answers: h.store, Forks: h.store.Followed(),
		Cosigs: h.store.Cosignatures(), Blobs: h.blobs, Keys: h.key.Recipient(), Clock: h.clock, Log: slog.New(slog.DiscardHandler),
		Policy: func(ctx context.Context) (*witness.Policy, error) {
			peers, err := rosterOf{h}.Peers(ctx)
			var witnesses []string
			for _, p := range peers {
				if p.WitnessKey != "" {
					witnesses = append(witnesses, p.WitnessKey)
				}
			}
			if err != nil {
				return nil, err
			}
			return witness.Quorum(h.logKey, min(1, len(witnesses)), witnesses...)
		},
		Follows: func(comity.Domain) (desk.Following, bool) { return desk.Following{Heard: h.heard}, true },
	}
}

// twin is another process of the same organization, on the same database.
func (h *house) twin() *house {
	h.t.Helper()
	t := &house{t: h.t, domain: h.domain, dir: h.dir, url: h.url, key: h.key, signer: h.signer, logKey: h.logKey, witness: h.witness, now: h.now}
	t.open()
	return t
}

type rosterOf struct{ h *house }

func (r rosterOf) Peers(ctx context.Context) ([]peer.Peer, error) { return r.h.peers.Peers(ctx) }

func (h *house) close() {
	h.journal.Close()
	h.store.Close()
}

func (h *house) reopen() {
	h.close()
	h.open()
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) setClock(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = t
}

// meet puts the others on each house's roster.
func meet(houses ...*house) {
	for _, h := range houses {
		for _, o := range houses {
			if o != h {
				h.peers = append(h.peers, peer.Peer{Domain: o.domain, Name: "The " + string(o.domain), LogKey: o.logKey,
					WitnessKey: o.witness.Verifier().String(), Recipient: o.key.Recipient().String()})
			}
		}
	}
}

// carry copies the journal of one house to another as a follower stores it,
// and, with blobs, what is sealed in it.
func carry(from, to *house, withBlobs bool) {
	t, ctx, o := from.t, from.t.Context(), from.domain.Origin()
	t.Helper()
	check(t, carried(from, to))
	if withBlobs {
		for _, c := range missing(to, o) {
			b, err := from.blobs.Get(ctx, c.SHA256)
			check(t, err)
			_, err = to.blobs.Put(ctx, b)
			check(t, err)
			check(t, to.ledger.Arrived(ctx, c.SHA256))
		}
	}
}

// carried is carry without blobs, for a store that may fail.
func carried(from, to *house) error {
	t, ctx, o := from.t, from.t.Context(), from.domain.Origin()
	t.Helper()
	src, err := from.store.Head(ctx, o)
	check(t, err)
	return to.ledger.Journals().Update(ctx, o, func(tx journal.Tx) error {
		have, err := tx.Head()
		if err != nil {
			return err
		}
		entries, err := from.store.Entries(ctx, o, have.Size, src.Size)
		if err != nil {
			return err
		}
		if _, _, err := journal.Extend(tx, entries); err != nil {
			return err
		}
		return tx.PutHead(src)
	})
}

// digest of the house's public book.
func digest(h *house) casefile.Digest {
	h.t.Helper()
	d, err := h.desk.Digest(h.t.Context())
	check(h.t, err)
	return d
}

// missing are the blobs that entries of a journal commit to and the house lacks.
func missing(h *house, o comity.Origin) []act.Commitment {
	h.t.Helper()
	all, err := h.ledger.Missing(h.t.Context(), o)
	check(h.t, err)
	return all
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func as(id string, r person.Role) desk.Who {
	return desk.Who{Person: &person.Person{ID: id, Role: r}, Role: r}
}

var (
	officer  = as("officer", person.Officer)
	director = as("director", person.Releasing)
	observer = as("observer", person.Observer)
	nobody   = desk.Who{}
)

// issue issues a document that must be recorded at once.
func (h *house) issue(a *act.Act) comity.Ref {
	h.t.Helper()
	out, err := h.desk.Issue(h.t.Context(), officer, document(h.t, a))
	check(h.t, err)
	if out.Draft != 0 {
		h.t.Fatalf("%s waits for a second person", a.Kind)
	}
	return comity.Ref{Act: out.Name, Leaf: out.Leaf}
}

func document(t testing.TB, a *act.Act) []byte {
	t.Helper()
	b, err := act.Encode(a)
	check(t, err)
	return b
}

// with returns a document with one member replaced by raw JSON; "" removes it.
func with(t testing.TB, doc []byte, member, value string) []byte {
	t.Helper()
	var m map[string]json.RawMessage
	check(t, json.Unmarshal(doc, &m))
	if value == "" {
		delete(m, member)
	} else {
		m[member] = json.RawMessage(value)
	}
	b, err := json.Marshal(m)
	check(t, err)
	return b
}

func situation(title string) *act.Act {
	return &act.Act{Kind: "situation.v1", Date: comity.TimeOf(start), Status: comity.Exercise, TLP: comity.Clear, Title: title}
}

func in(file comity.Ref, kind act.Kind, title string) *act.Act {
	return &act.Act{Kind: kind, Date: comity.TimeOf(start), Situation: file.Act, Status: comity.Exercise, TLP: comity.Clear, Title: title}
}

// request asks parties for something.
func request(file comity.Ref, title string, of ...comity.Party) *act.Act {
	a := in(file, "request.v1", title)
	for _, p := range of {
		a.To = append(a.To, act.To{Org: p, For: act.ForAnswer})
	}
	a.Ask = &act.Ask{What: "Say what can be done.", Basis: effect.Wish}
	return a
}

func answerTo(file, ask comity.Ref, how effect.How) *act.Act {
	a := in(file, "answer.v1", "An answer")
	a.Re = []act.Re{{Ref: ask, How: "answers"}}
	a.Body = json.RawMessage(fmt.Sprintf(`{"how":%q}`, how))
	return a
}
