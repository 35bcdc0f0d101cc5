package peer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/peer/peertest"
)

// A node says who it is; an operator decides whether that is true.
func Example() {
	ctx := context.Background()
	ecowas := peertest.NewOrg("ecowas.example").Peer
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(selfOf(ecowas))
	}))
	defer node.Close()

	// The operator typed a loopback address, so it is meant.
	c, err := peer.NewClient(node.URL, peer.Config{Private: true})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	self, err := peer.FetchSelf(ctx, c)
	if err != nil {
		panic(err)
	}
	fmt.Println("says it is", self.Domain)

	// After comparing the keys by another way:
	roster := peertest.NewMemory()
	if err := roster.Pin(ctx, self.Peer(c.Base(), time.Now())); err != nil {
		panic(err)
	}
	p, err := roster.Peer(ctx, "ecowas.example")
	fmt.Println("pinned", p.Origin(), err)
	// Output:
	// says it is ecowas.example
	// pinned ecowas.example/journal <nil>
}
