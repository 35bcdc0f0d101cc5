package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/verified"
	"github.com/comity/comity/keys"
)

// Ask asks the node at a base address who it is, and reads the key act with
// which its journal begins, proven under a checkpoint that the log key it
// names has signed. That the key is the organization's own is for the operator
// to find out by another way.
func Ask(ctx context.Context, base string) (peer.Peer, error) {
	c, err := peer.NewClient(base, peer.Config{Private: true}) // the operator typed the address
	if err != nil {
		return peer.Peer{}, err
	}
	defer c.Close()
	s, err := peer.FetchSelf(ctx, c)
	if err != nil {
		return peer.Peer{}, err
	}
	p := s.Peer(c.Base(), time.Now())
	if err := p.Validate(); err != nil {
		return peer.Peer{}, err
	}
	first, err := keyAct(ctx, c, p)
	if err != nil {
		return peer.Peer{}, fmt.Errorf("read the key act of %s: %w", p.Domain, err)
	}
	differ := fmt.Errorf("the node at %s names other keys than the key act in its journal does: do not pin them, and tell %s", c.Base(), p.Domain)
	founding, err := keys.Found(p.Domain, casefile.FoundingKeys(first))
	if err != nil {
		return peer.Peer{}, fmt.Errorf("%w (%w)", differ, err)
	}
	h, err := peer.FetchKeys(ctx, c)
	if peer.StatusOf(err) == http.StatusNotFound {
		h, err = founding, nil // a node of an older version
	}
	if err != nil {
		return peer.Peer{}, err
	}
	with, err := p.WithKeys(h)
	if err != nil || !h.Extends(founding) || with.LogKey != p.LogKey || with.WitnessKey != p.WitnessKey || with.MirrorKey != p.MirrorKey || with.Recipient != p.Recipient {
		return peer.Peer{}, differ
	}
	return with, nil
}

// keyAct reads entry 0 of a peer's journal, proven.
func keyAct(ctx context.Context, c *peer.Client, p peer.Peer) (effect.Key, error) {
	v, err := p.LogVerifier()
	if err != nil {
		return effect.Key{}, err
	}
	signed, err := c.Get(ctx, "/journal/checkpoint", peer.MaxCheckpoint)
	if err != nil {
		return effect.Key{}, err
	}
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(string(p.Origin())), torchwood.SingleVerifierPolicy(v))
	cp, _, err := torchwood.VerifyCheckpoint(verified.By(signed, v), policy)
	if err != nil {
		return effect.Key{}, err
	}
	client, err := torchwood.NewClient(tiles{c, "/journal/"})
	if err != nil {
		return effect.Key{}, err
	}
	entry, _, err := client.Entry(ctx, cp.Tree, 0)
	if err != nil {
		return effect.Key{}, err
	}
	e, err := act.DecodeEntry(p.Domain, entry)
	if err != nil {
		return effect.Key{}, err
	}
	if e.Act != nil {
		for _, x := range e.Act.Effects {
			if k, ok := x.(effect.Key); ok {
				return k, nil
			}
		}
	}
	return effect.Key{}, errors.New("its journal does not begin with one")
}

// tiles reads the tiles that a peer serves under base, with every answer
// bounded.
type tiles struct {
	c    *peer.Client
	base string // for example "/journal/"
}

// ReadTiles implements torchwood.TileReader.
func (t tiles) ReadTiles(ctx context.Context, want []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, w := range want {
		b, err := t.get(ctx, w)
		if err != nil {
			return nil, err
		}
		if w.L >= 0 {
			b = b[:min(len(b), w.W*tlog.HashSize)] // a full tile begins with the partial one
		}
		out = append(out, b)
	}
	return out, nil
}

// get reads one tile or entry bundle, or the full one if the partial one is no
// longer served (tlog-tiles, "Partial Tiles").
func (t tiles) get(ctx context.Context, w tlog.Tile) ([]byte, error) {
	limit := int64(peer.MaxTile)
	if w.L < 0 {
		limit = peer.MaxBundle
	}
	b, err := t.c.Get(ctx, t.base+torchwood.TilePath(w), limit)
	if s := peer.StatusOf(err); w.W < torchwood.TileWidth && (s == http.StatusNotFound || s == http.StatusGone) {
		w.W = torchwood.TileWidth
		if b, err2 := t.c.Get(ctx, t.base+torchwood.TilePath(w), limit); err2 == nil {
			return b, nil
		}
	}
	return b, err
}

// SaveTiles implements torchwood.TileReader; nothing is kept.
func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadEndpoint implements torchwood.TileReader.
func (t tiles) ReadEndpoint(ctx context.Context, path string) ([]byte, error) {
	return t.c.Get(ctx, t.base+path, peer.MaxCheckpoint)
}

// The most that one step of a recovery reads.
const (
	stepBundles = 64
	stepBytes   = 32 << 20
)

// entries reads those from at on, up to end or the bounds of one step.
func (t tiles) entries(ctx context.Context, at, end int64) ([][]byte, error) {
	var all [][]byte
	bytes := 0
	for n := 0; at < end && n < stepBundles && bytes < stepBytes; n++ {
		w := tlog.Tile{H: torchwood.TileHeight, L: -1, N: at / torchwood.TileWidth}
		w.W = int(min(torchwood.TileWidth, end-w.N*torchwood.TileWidth))
		data, err := t.get(ctx, w)
		if err != nil {
			return nil, err
		}
		bytes += len(data)
		var bundle [][]byte
		for len(data) > 0 && len(bundle) < w.W {
			var e []byte
			if e, data, err = torchwood.ReadTileEntry(data); err != nil {
				return nil, fmt.Errorf("%s: %w", torchwood.TilePath(w), err)
			}
			bundle = append(bundle, e)
		}
		if len(bundle) < w.W {
			return nil, fmt.Errorf("%s: a bundle of %d entries, want %d", torchwood.TilePath(w), len(bundle), w.W)
		}
		all = append(all, bundle[at-w.N*torchwood.TileWidth:]...)
		at = w.N*torchwood.TileWidth + int64(w.W)
	}
	return all, nil
}
