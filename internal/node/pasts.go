package node

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/witness"
)

// Whoever has our log key can have a mirror store a longer journal than ours,
// and a node that puts back what it has lost must not take the longest for its
// own. What it holds itself counts first; then what enough witnesses have
// cosigned for our policy to accept it. What contradicts either is not put back.
// Of trees that contradict each other and of which neither is accepted none is.
// People find out whose they are.

// pasts are the trees of our journal that others show.
type pasts struct {
	ctx     context.Context
	sights  []sight        // of those who have answered
	mirrors []*mirror      // those among them
	base    string         // of our mirrored journal
	own     []journal.Head // ours for certain: what is stored here, and what the folder has kept
	heads   []journal.Head // all that are shown and own, each once, the largest first
	roots   map[rootOf]*tlog.Hash
	tiles   map[tlog.Tree]*treeTiles

	accepted journal.Head   // the largest that the policy accepts; zero if none is
	refuted  []journal.Head // contradict own or accepted
	disputed []journal.Head // contradict each other
	good     []journal.Head // the others, the largest first
}

// mirror is one who is asked for hashes.
type mirror struct {
	name   string
	client *peer.Client
	size   int64 // of the tree that it shows
	silent bool  // it has not answered in time, and is not asked again
}

// rootOf is the root at a size of the tree under a head.
type rootOf struct {
	size int64
	of   tlog.Tree
}

func tree(h journal.Head) tlog.Tree { return tlog.Tree{N: h.Size, Hash: h.Root} }

// newPasts compares what is shown, and was before. Mirrors are asked for hashes,
// all at once: those that hang cost askTimeout once.
func (r *recovery) newPasts(ctx context.Context, sights []sight, before journal.Head, own []journal.Head, policy *witness.Policy) (*pasts, error) {
	p := &pasts{ctx: ctx, base: "/mirror/" + r.n.Self.Origin.Hash() + "/", roots: map[rootOf]*tlog.Hash{}, tiles: map[tlog.Tree]*treeTiles{}}
	add := func(h journal.Head) {
		if h.Size > 0 && !slices.ContainsFunc(p.heads, func(o journal.Head) bool { return tree(o) == tree(h) }) {
			p.heads = append(p.heads, h)
		}
	}
	for _, h := range own {
		if h.Size > 0 {
			p.own = append(p.own, h)
		}
		add(h)
	}
	add(before)
	for _, s := range sights {
		if s.err != nil {
			continue
		}
		p.sights = append(p.sights, s)
		for _, h := range s.seen {
			add(h)
		}
		if s.by.peer != nil && s.mirror.Size > 0 {
			c, err := s.by.peer.Client(peer.Config{UserAgent: "comity/" + r.n.c.Version, Transport: r.n.c.Transport})
			if err != nil {
				p.close()
				return nil, err
			}
			p.mirrors = append(p.mirrors, &mirror{name: s.by.name, client: c, size: s.mirror.Size})
		}
	}
	slices.SortStableFunc(p.heads, func(a, b journal.Head) int { return cmp.Compare(b.Size, a.Size) })
	p.each(func(ctx context.Context, m *mirror) (*tlog.Hash, error) {
		last := m.size - 1
		_, err := p.tilesOf(m).get(ctx, tlog.Tile{H: torchwood.TileHeight, N: last / torchwood.TileWidth, W: int(last%torchwood.TileWidth) + 1})
		return nil, err
	})
	p.judge(policy)
	return p, ctx.Err()
}

func (p *pasts) close() {
	for _, m := range p.mirrors {
		m.client.Close()
	}
}

func (p *pasts) tilesOf(m *mirror) tiles { return tiles{c: m.client, base: p.base} }

// silent reports whether a mirror has not answered in time.
func (p *pasts) silent(name string) bool {
	return slices.ContainsFunc(p.mirrors, func(m *mirror) bool { return m.name == name && m.silent })
}

// judge sorts the heads.
func (p *pasts) judge(policy *witness.Policy) {
	against := func(h journal.Head, all []journal.Head) bool {
		return slices.ContainsFunc(all, func(o journal.Head) bool { return p.contradict(o, h) })
	}
	// With what the largest tree had at the sizes of the others, those that it goes
	// on behind need not be compared with each other.
	for _, h := range p.heads {
		p.rootAt(p.heads[0], h.Size)
	}
	left := slices.DeleteFunc(slices.Clone(p.heads), func(h journal.Head) bool { return against(h, p.own) })
	if policy.Demands() != "" {
		if i := slices.IndexFunc(left, func(h journal.Head) bool { return p.meets(policy, h) }); i >= 0 {
			p.accepted = left[i]
			left = slices.DeleteFunc(left, func(h journal.Head) bool { return p.contradict(p.accepted, h) })
		}
	}
	for _, h := range p.heads {
		switch {
		case !slices.ContainsFunc(left, func(o journal.Head) bool { return tree(o) == tree(h) }):
			p.refuted = append(p.refuted, h)
		case against(h, left):
			p.disputed = append(p.disputed, h)
		default:
			p.good = append(p.good, h)
		}
	}
}

// meets reports whether enough witnesses for a policy have cosigned a tree, or
// one that goes on behind it.
func (p *pasts) meets(policy *witness.Policy, h journal.Head) bool {
	return policy.Met(func(l witness.PolicyWitness) bool {
		return slices.ContainsFunc(p.sights, func(s sight) bool {
			if s.cosigned.Size < h.Size || !slices.Contains(s.by.keys, l.Key) {
				return false
			}
			root := p.rootAt(s.cosigned, h.Size)
			return root != nil && *root == h.Root
		})
	})
}

// contradict reports whether it is known that of two trees neither goes on
// behind the other.
func (p *pasts) contradict(a, b journal.Head) bool {
	if a.Size > b.Size {
		a, b = b, a
	}
	root := p.rootAt(b, a.Size)
	return root != nil && *root != a.Root
}

// rootAt is the root that the tree under a head had at a size, by the hashes that
// a mirror has of it; nil if none has them.
func (p *pasts) rootAt(h journal.Head, size int64) *tlog.Hash {
	if size == h.Size {
		return &h.Root
	}
	k := rootOf{size, tree(h)}
	root, ok := p.roots[k]
	if !ok {
		if root = p.inferred(k); root == nil {
			root = p.askRoot(k)
		}
		p.roots[k] = root
	}
	return root
}

// inferred is the root by what is known of a tree that goes on behind k.of; nil
// if nothing is.
func (p *pasts) inferred(k rootOf) *tlog.Hash {
	for _, h := range p.heads {
		if at := p.roots[rootOf{k.of.N, tree(h)}]; at != nil && *at == k.of.Hash {
			if root := p.roots[rootOf{k.size, tree(h)}]; root != nil {
				return root
			}
		}
	}
	return nil
}

// askRoot asks the mirrors, and takes the first answer that the tree proves.
func (p *pasts) askRoot(k rootOf) *tlog.Hash {
	kept, ok := p.tiles[k.of]
	if !ok {
		kept = &treeTiles{kept: map[tlog.Tile][]byte{}}
		p.tiles[k.of] = kept
	}
	return p.each(func(ctx context.Context, m *mirror) (*tlog.Hash, error) {
		root, err := tlog.TreeHash(k.size, torchwood.TileHashReaderWithContext(ctx, k.of, keptTiles{p.tilesOf(m), kept}))
		if err != nil {
			return nil, err
		}
		return &root, nil
	})
}

// each asks all mirrors at once, but those that were silent, and returns the
// first hash that one brings; nil if none does.
func (p *pasts) each(ask func(context.Context, *mirror) (*tlog.Hash, error)) *tlog.Hash {
	ctx, cancel := context.WithTimeout(p.ctx, askTimeout)
	defer cancel()
	type answer struct {
		by   *mirror
		hash *tlog.Hash
		err  error
	}
	answers := make(chan answer, len(p.mirrors))
	asked := 0
	for _, m := range p.mirrors {
		if m.silent {
			continue
		}
		asked++
		go func() {
			hash, err := ask(ctx, m)
			answers <- answer{m, hash, err}
		}()
	}
	for range asked {
		a := <-answers
		if a.hash != nil {
			return a.hash
		}
		a.by.silent = a.err != nil && (ctx.Err() != nil || unanswered(a.err))
	}
	return nil
}

// unanswered reports whether an error is that nobody answered.
func unanswered(err error) bool {
	reason := peer.ReasonOf(err)
	return reason == peer.TimedOut || reason == peer.Unreachable
}

// treeTiles are tiles of one tree that were verified to be, whoever sent them.
type treeTiles struct {
	mu   sync.Mutex
	kept map[tlog.Tile][]byte
}

// keptTiles reads from a mirror the tiles that are not kept.
type keptTiles struct {
	tiles
	of *treeTiles
}

// ReadTiles implements torchwood.TileReader.
func (t keptTiles) ReadTiles(ctx context.Context, want []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(want))
	for i, w := range want {
		t.of.mu.Lock()
		out[i] = t.of.kept[w]
		t.of.mu.Unlock()
		if out[i] == nil {
			b, err := t.tiles.ReadTiles(ctx, []tlog.Tile{w})
			if err != nil {
				return nil, err
			}
			out[i] = b[0]
		}
	}
	return out, nil
}

// SaveTiles implements torchwood.TileReader: it is called with what is verified.
func (t keptTiles) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	for i, w := range tiles {
		t.of.kept[w] = data[i]
	}
}

// mayPutBack reports whether nothing contradicts a tree that counts.
func (p *pasts) mayPutBack(h journal.Head) bool {
	return slices.ContainsFunc(p.good, func(o journal.Head) bool { return tree(o) == tree(h) })
}

// err is in words for the operator that others show more than one past; nil if
// they do not.
func (p *pasts) err() error {
	if len(p.refuted)+len(p.disputed) == 0 {
		return nil
	}
	var why []string
	for _, h := range p.refuted {
		why = append(why, fmt.Sprintf("%s: %d entries, which contradict %s", p.who(h), h.Size, p.what()))
	}
	for _, h := range p.disputed {
		why = append(why, fmt.Sprintf("%s: %d entries, which contradict what others show, and too few witnesses have cosigned either", p.who(h), h.Size))
	}
	return fmt.Errorf("others show different pasts of this journal, under its key (%s). What is in dispute is not put back, and nothing is signed: "+
		"somebody else has the log key, or an old copy was signed again; see \"Others show different pasts\" in doc/operate.md", strings.Join(why, "; "))
}

func (p *pasts) what() string {
	if p.accepted.Size > 0 {
		return fmt.Sprintf("the %d that enough witnesses have cosigned", p.accepted.Size)
	}
	return "what is kept here"
}

// who shows a head.
func (p *pasts) who(h journal.Head) string {
	var names []string
	for _, s := range p.sights {
		if slices.ContainsFunc(s.seen, func(o journal.Head) bool { return tree(o) == tree(h) }) {
			names = append(names, s.by.name)
		}
	}
	if len(names) == 0 {
		return "kept here, or seen before"
	}
	return strings.Join(names, ", ")
}
