package node

import (
	"context"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/monitor"
)

// Frozen says since when and on which evidence a peer's journal is frozen here;
// nil if it is not.
func (n *Node) Frozen(ctx context.Context, d comity.Domain) (*monitor.Frozen, error) {
	st, err := n.store.Followed().State(ctx, d.Origin())
	return st.Frozen, err
}
