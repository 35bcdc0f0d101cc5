package sqlstore

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/monitor/monitortest"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/sqlstore/storetest"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/internal/witness/witnesstest"
)

func TestFederation(t *testing.T) {
	for name, address := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "comity.db") },
		"postgres": func(t *testing.T) string { return storetest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			if name == "postgres" {
				storetest.Postgres(t) // skips all at once
			}
			t.Run("roster", func(t *testing.T) {
				peertest.TestStore(t, func(t *testing.T) peer.Store { return mustOpen(t, address(t)).Roster() })
			})
			t.Run("witness", func(t *testing.T) {
				urls := make(map[witness.Store]string)
				witnesstest.TestStore(t,
					func(t *testing.T) witness.Store {
						url := address(t)
						s := mustOpen(t, url).WitnessStates()
						urls[s] = url
						return s
					},
					func(t *testing.T, s witness.Store) witness.Store { return mustOpen(t, urls[s]).WitnessStates() })
			})
			t.Run("cosignatures", func(t *testing.T) {
				witnesstest.TestCosignatures(t, func(t *testing.T) witness.CosignatureStore { return mustOpen(t, address(t)).Cosignatures() })
			})
			t.Run("followed", func(t *testing.T) {
				monitortest.TestStore(t, func(t *testing.T) monitor.Store { return mustOpen(t, address(t)).Followed() })
				monitortest.TestMirrorStore(t, func(t *testing.T) monitor.MirrorStore { return mustOpen(t, address(t)).Followed() })
			})
			t.Run("following", func(t *testing.T) { testFollowing(t, address(t)) })
			t.Run("dropping", func(t *testing.T) {
				for _, at := range []int64{0, 1, 255, 256, 257, 512, 599} {
					testDropping(t, address(t), at)
				}
			})
		})
	}
}

// testFollowing follows a journal into the database, through restarts in the
// middle of a long catch-up, until it forks.
func testFollowing(t *testing.T, url string) {
	un, au := peertest.NewOrg("un.example"), peertest.NewOrg("au.example")
	origin := monitortest.NewOrigin(witnesstest.NewLog(un, 2000))
	client, err := un.Peer.Client(peer.Config{Transport: origin})
	if err != nil {
		t.Fatal(err)
	}
	poll := func() (monitor.Progress, error) {
		t.Helper()
		s := mustOpen(t, url)
		m, err := monitor.New(monitor.Config{Peer: un.Peer, Client: client, Journal: s, State: s.Followed(),
			Mirror: au.Mirror, Mirrors: s.Followed(), MaxBundles: 3})
		if err != nil {
			t.Fatal(err)
		}
		return m.Poll(t.Context())
	}
	for _, want := range []int64{768, 1536, 2000} {
		if p, err := poll(); err != nil || p.Size != want || p.More != (want < 2000) {
			t.Fatalf("Poll = %+v, %v; want size %d", p, err, want)
		}
	}
	if p, err := poll(); err != nil || p.Mirrored != 2000 {
		t.Errorf("Poll = %+v, %v; want 2000 mirrored", p, err)
	}
	origin.Set(func(o *monitortest.Origin) {
		o.Log.Grow(3000)
		o.Size = 5000
	})
	if p, err := poll(); err != nil || p.Size != 2560 {
		t.Fatalf("Poll = %+v, %v; want size 2560", p, err)
	}
	// It forks while the copy is between two checkpoints; that is remembered.
	origin.Set(func(o *monitortest.Origin) { o.Log = o.Log.Fork(100) })
	for range 2 {
		var fork *monitor.ForkError
		if _, err := poll(); !errors.As(err, &fork) {
			t.Fatalf("Poll = %v, want a ForkError", err)
		}
		if err := fork.Evidence.Verify(un.LogVerifier()); err != nil {
			t.Error(err)
		}
	}
}
