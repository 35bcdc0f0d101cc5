package monitor_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/comity/comity/internal/journal/journaltest"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/monitor/monitortest"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// Whatever a peer answers, Poll neither panics nor keeps anything that was
// not signed.
func FuzzPoll(f *testing.F) {
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 3)
	honest := monitortest.NewOrigin(un)
	f.Add(un.Checkpoint(3), bundle(un))
	f.Add([]byte("un.example/journal\n3\nAAAA\n\n— x AAAA\n"), []byte{0, 1, 'a'})
	f.Add(un.Checkpoint(3), []byte{0xff, 0xff})
	f.Fuzz(func(t *testing.T, checkpoint, entries []byte) {
		client, err := un.Org.Peer.Client(peer.Config{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			o := monitortest.NewOrigin(honest.Log)
			o.Instead = func(w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set("Content-Type", "application/octet-stream")
				if r.URL.Path == "/journal/checkpoint" {
					w.Write(checkpoint)
				} else {
					w.Write(entries)
				}
				return true
			}
			return o.RoundTrip(r)
		})})
		if err != nil {
			t.Fatal(err)
		}
		store := journaltest.NewStore()
		m, err := monitor.New(monitor.Config{Peer: un.Org.Peer, Client: client, Journal: store, State: monitortest.NewMemory()})
		if err != nil {
			t.Fatal(err)
		}
		p, err := m.Poll(t.Context())
		if p.Size != 0 && (p.Size != 3 || string(entries[:len(bundle(un))]) != string(bundle(un))) {
			t.Errorf("kept %d entries, %v, of %q", p.Size, err, entries)
		}
	})
}

// Whatever is shown as evidence, nobody is convicted without two signatures.
func FuzzEvidence(f *testing.F) {
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 20)
	good, err := json.Marshal(monitor.Evidence{Origin: un.Origin(), Size: 7,
		A: monitor.Side{Checkpoint: string(un.Checkpoint(7))},
		B: monitor.Side{Checkpoint: string(un.Checkpoint(20)), Steps: []monitor.Step{{Size: 7, Root: un.Root(7), Proof: un.Proof(20, 7)}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good) // consistent, so no evidence
	f.Fuzz(func(t *testing.T, data []byte) {
		var e monitor.Evidence
		if json.Unmarshal(data, &e) == nil && e.Verify(un.Org.LogVerifier()) == nil {
			t.Errorf("believed: %s", data)
		}
	})
}
