package simtest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/monitor"
)

// sabotage breaks the first node on purpose. Each is a mistake that a node
// could make, so that a test sees which invariant notices it.
type sabotage string

const (
	forgets      sabotage = "comes back from a crash with an old copy of its folder"
	signsEarly   sabotage = "shows a checkpoint before it is committed"
	cosignsAll   sabotage = "cosigns whatever it is sent"
	mirrorsEarly sabotage = "signs as a mirror before it has stored"
	takesPushes  sabotage = "signs for what is pushed and does not store it"
	loosesBlobs  sabotage = "signs as a mirror and does not keep blobs"
	tells        sabotage = "tells others what is sealed"
	logs         sabotage = "logs what is sealed"
	opensLater   sabotage = "opens later what is sealed to others"
	foldsOddly   sabotage = "has a digest of its own"
	freezesAny   sabotage = "freezes an honest journal"
	freezesBare  sabotage = "freezes a forked journal on evidence that does not hold"
	silent       sabotage = "does not answer"
	recordsTwice sabotage = "does not know what it has answered"
)

// sabotages lists each with what must notice it.
func sabotages() map[sabotage]Invariant {
	return map[sabotage]Invariant{forgets: Kept, signsEarly: OneHistory, cosignsAll: OneHistory, mirrorsEarly: Receipted, takesPushes: Receipted, loosesBlobs: Receipted,
		tells: Sealed, logs: Sealed, opensLater: Sealed, foldsOddly: SameFold, freezesAny: Proven, freezesBare: Proven, silent: Converges, recordsTwice: Once}
}

func (b sabotage) handler(h *house, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		switch {
		case b == signsEarly && path == "/journal/checkpoint":
			var root tlog.Hash
			root[0] = 1
			w.Write(h.sign("log.key", torchwood.Checkpoint{Origin: string(h.domain.Origin()), Tree: tlog.Tree{N: 1000, Hash: root}}.String()))
		case b == cosignsAll && strings.HasSuffix(path, "/add-checkpoint"):
			var body bytes.Buffer
			body.ReadFrom(r.Body)
			_, signed, _ := strings.Cut(body.String(), "\n\n")
			text, _, _ := strings.Cut(signed, "\n\n")
			w.Write(line(h.sign("witness.key", text+"\n")))
		case b == takesPushes && path == "/mirror/add-entries":
			var body bytes.Buffer
			body.ReadFrom(r.Body)
			for _, d := range domains(h.sim.plan.Nodes) {
				if text := pushed(body.Bytes(), d); text != "" {
					w.Write(line(h.sign("mirror.key", text)))
					return
				}
			}
			next.ServeHTTP(w, r)
		case b == mirrorsEarly && strings.HasPrefix(path, "/mirror/") && strings.HasSuffix(path, "/checkpoint"):
			var root tlog.Hash
			root[0] = 1
			w.Write(h.sign("mirror.key", torchwood.Checkpoint{Origin: string(h.sim.houses[1].domain.Origin()),
				Tree: tlog.Tree{N: 1000, Hash: root}}.String()))
		case b == loosesBlobs && strings.HasPrefix(path, "/journal/blob/"):
			http.Error(w, "no such blob is kept here", http.StatusNotFound)
		case b == tells && path == "/journal/checkpoint": // of boxes nobody asks, who is pushed to
			w.Write([]byte(mark))
		case b == logs && strings.HasPrefix(path, "/journal/blob/"):
			h.sim.log(h).Info("serve a blob", "title", mark)
			next.ServeHTTP(w, r)
		case b == silent:
			http.Error(w, "not today", http.StatusServiceUnavailable)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// reopened is called before the node is opened again.
func (b sabotage) reopened(h *house) {
	if b == forgets && h == h.sim.houses[0] {
		os.RemoveAll(h.dir)
		copyFolder(filepath.Join(h.sim.from.base, string(h.domain)), h.dir)
	}
}

// key is that under which a document is to be recorded once.
func (b sabotage) key(h *house, key string) string {
	if b == recordsTwice && h == h.sim.houses[0] {
		key += time.Now().String()
	}
	return key
}

func (b sabotage) digest(h *house, d comity.Hash) comity.Hash {
	if b == foldsOddly && h == h.sim.houses[0] {
		d[0] ^= 1
	}
	return d
}

// opens is asked when the node has written of what is sealed.
func (b sabotage) opens(h *house, a *act.Act) *act.Act {
	if b == opensLater && h == h.sim.houses[0] {
		return &act.Act{}
	}
	return a
}

func (b sabotage) evidence(h, of *house, e *monitor.Evidence) *monitor.Evidence {
	switch {
	case h != h.sim.houses[0]:
	case b == freezesAny && !of.forked && of != h:
		return &monitor.Evidence{Origin: of.domain.Origin(), Size: 1}
	case b == freezesBare && of.forked:
		return &monitor.Evidence{Origin: of.domain.Origin(), Size: 1}
	}
	return e
}

// line is the last of a note: its signature.
func line(signed []byte) []byte { return signed[bytes.LastIndexByte(signed[:len(signed)-1], '\n')+1:] }

// sign a text with one of the node's keys.
func (h *house) sign(key, text string) []byte {
	b, err := os.ReadFile(filepath.Join(h.dir, "keys", key))
	if err != nil {
		panic(err)
	}
	var s note.Signer
	if key == "log.key" {
		s, err = note.NewSigner(strings.TrimSpace(string(b)))
	} else {
		seed, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(string(b)))
		s, err = torchwood.NewCosignatureSigner(fmt.Sprintf("%s/%s", h.domain, strings.TrimSuffix(key, ".key")), ed25519.NewKeyFromSeed(seed))
	}
	if err != nil {
		panic(err)
	}
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		panic(err)
	}
	return signed
}
