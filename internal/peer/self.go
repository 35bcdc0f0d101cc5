package peer

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/comity/comity/comity"
)

// SelfPath is where a node says who it is.
const SelfPath = "/api/v1/self"

// Self is the document at SelfPath. It is a hint: it comes over the network
// from whoever answers there. Only an operator who compared the keys by
// another way makes a pin of it.
type Self struct {
	Domain     comity.Domain `json:"domain"`
	Name       string        `json:"name"`
	Origin     comity.Origin `json:"origin"`
	LogKey     string        `json:"log_key"`
	WitnessKey string        `json:"witness_key"`
	MirrorKey  string        `json:"mirror_key"`
	Recipient  string        `json:"recipient"`
	Version    string        `json:"version"`
}

// Peer that would be pinned if s were believed, served at the base address.
func (s Self) Peer(base string, pinned time.Time) Peer {
	return Peer{
		Domain: s.Domain, Name: s.Name, URL: base,
		LogKey: s.LogKey, WitnessKey: s.WitnessKey, MirrorKey: s.MirrorKey,
		Recipient: s.Recipient, Pinned: pinned.UTC(),
	}
}

// FetchSelf asks the node behind c who it is. The answer is consistent in
// itself (Peer.Validate), which proves nothing about who sent it.
func FetchSelf(ctx context.Context, c *Client) (Self, error) {
	body, err := c.Get(ctx, SelfPath, MaxSelf)
	if err != nil {
		return Self{}, fmt.Errorf("asking who serves there: %w", err)
	}
	var s Self
	if err := json.Unmarshal(body, &s); err != nil {
		return Self{}, &Error{Reason: Malformed, URL: c.Base() + SelfPath, Err: fmt.Errorf("not the self document of a node: %w", err)}
	}
	p := s.Peer(c.Base(), time.Time{})
	if err := p.Validate(); err != nil {
		return Self{}, &Error{Reason: Malformed, URL: c.Base() + SelfPath, Err: err}
	}
	if s.Origin != s.Domain.Origin() {
		return Self{}, &Error{Reason: Malformed, URL: c.Base() + SelfPath,
			Err: fmt.Errorf("origin is %q, want %q", clip(string(s.Origin)), s.Domain.Origin())}
	}
	if len(s.Version) > 100 {
		s.Version = clip(s.Version)
	}
	return s, nil
}
