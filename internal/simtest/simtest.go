// Package simtest runs many nodes on a network, disks and clocks that fail,
// inside a [testing/synctest] bubble, so that hours pass in a fraction of a
// second.
//
// The nodes are the real ones (package node) over real SQLite files. Only the
// network is replaced: a request goes from the client of one node straight into
// the handler of another.
//
//	synctest.Test(t, func(t *testing.T) {
//		simtest.Run(t, simtest.PlanOf(seed))
//	})
//
// # What fails
//
//   - Links: a request is lost before it has an effect, or its answer after;
//     both are late, out of order, doubled; an answer is an old one, cut off,
//     altered, or an error page; a part of the nodes is cut off from the others.
//   - Processes: a node crashes at a write, of its database, a blob or a file,
//     which is applied or not, and comes back later from what was durable. Each
//     kind of write is crashed at, in both ways, by some plans.
//   - Disks: writes fail for a while, because the disk is full or because the
//     answer to a commit is lost.
//   - Clocks: each node's differs, and some are set.
//   - Organizations: in some plans one signs two histories and shows each peer
//     one of them, and later the other.
//
// # What must hold
//
// All of it is checked while things fail, once a second, when everything stands
// still, and not only afterwards; see [Invariants]. What has come since is read
// each time, and everything a node holds when it was started again, and every
// twenty seconds; a journal that was frozen, and what was sealed, when a node has
// written of it. After the faults have ended every
// honest node must hold, have cosigned, and read the same.
//
// # Chance
//
// Everything that is drawn comes from the seed of the [Plan] and from what it is
// drawn for: the link, the request, and how often it was sent there before; the
// node, what it writes, and how often it wrote such before. So one more message
// changes nothing for any other. Goroutines that are ready at the same time run in an
// order of their own: a seed leads to the same faults, not to the same steps.
package simtest

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"
)

// Plan says what happens in one run.
type Plan struct {
	Seed  uint64
	Nodes int
	Acts  int           // to be issued while things fail
	Storm time.Duration // how long they fail

	Links Links
	Cuts  int // partitions, one after another

	Crashes  float64 // chance that a write crashes its node
	CrashAt  int     // the node 1 crashes at this one of its writes; 0 for none
	CrashIn  string  // every second node crashes at its first write of this name, the others at their third; see writes
	Applied  bool    // and whether it is done
	DiskFull int     // times at which a disk is full for a while
	Lost     float64 // chance that the answer to a commit is lost
	Skew     time.Duration

	// Met says that all have read each other's journals before.
	Met bool

	// Fork makes the last node sign two histories.
	Fork bool

	// break_ breaks a node on purpose, so that a test can see an invariant
	// fail; "" breaks nothing.
	break_ sabotage
}

// Links are the chances that a message fares so.
type Links struct {
	LostBefore, LostAfter, Late, Doubled, Stale, Cut, Altered, Failed float64
}

// PlanOf draws a plan.
func PlanOf(seed uint64) Plan {
	r := source(seed, "plan")
	some := func(most float64) float64 { // often none at all
		if r.IntN(3) == 0 {
			return 0
		}
		return most * r.Float64()
	}
	return Plan{
		Seed: seed, Nodes: 7, Acts: 10 + r.IntN(11), Storm: 10*time.Second + time.Duration(r.IntN(13))*time.Second,
		Links: Links{LostBefore: some(0.2), LostAfter: some(0.2), Late: some(0.4), Doubled: some(0.2), Stale: some(0.2),
			Cut: some(0.15), Altered: some(0.1), Failed: some(0.15)},
		Cuts:     r.IntN(3),
		Crashes:  some(0.01),
		CrashAt:  1 + r.IntN(120),
		CrashIn:  writes[seed/2%uint64(len(writes))],
		Applied:  seed%2 == 0,
		DiskFull: r.IntN(3),
		Lost:     some(0.05),
		Skew:     time.Duration(r.IntN(15)) * time.Minute,
		Fork:     r.IntN(3) == 0,
		Met:      r.IntN(3) > 0,
	}
}

// source of chance for one place.
func source(seed uint64, place string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(place))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// dice are a source that many may draw from.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func newDice(seed uint64, place string, args ...any) *dice {
	return &dice{r: source(seed, fmt.Sprintf(place, args...))}
}

func (d *dice) float() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.Float64()
}

func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}
