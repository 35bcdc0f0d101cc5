package monitor_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/comity/comity/internal/journal/journaltest"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/monitor/monitortest"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// A peer is followed until it contradicts itself; then there is evidence.
func Example() {
	ctx := context.Background()
	un := peertest.NewOrg("un.example")
	origin := monitortest.NewOrigin(witnesstest.NewLog(un, 300))
	client, err := un.Peer.Client(peer.Config{Transport: origin})
	if err != nil {
		panic(err)
	}
	m, err := monitor.New(monitor.Config{
		Peer: un.Peer, Client: client,
		Journal: journaltest.NewStore(), State: monitortest.NewMemory(),
	})
	if err != nil {
		panic(err)
	}

	progress, err := m.Poll(ctx)
	fmt.Println("stored", progress.Stored, err)

	origin.Set(func(o *monitortest.Origin) { o.Log = o.Log.Fork(250) })
	_, err = m.Poll(ctx)
	var fork *monitor.ForkError
	if errors.As(err, &fork) {
		fmt.Println("forked at or before", fork.Evidence.Size)
		fmt.Println("evidence:", fork.Evidence.Verify(un.LogVerifier()))
	}
	// Output:
	// stored 300 <nil>
	// forked at or before 300
	// evidence: <nil>
}
