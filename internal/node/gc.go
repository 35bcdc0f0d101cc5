package node

import (
	"os"
	"runtime/debug"
)

// gcPercent is how far the heap of a node may grow, in percent of what is in
// use, before it is collected. A node keeps little in memory, tens of megabytes,
// and passes much through it: entries, tiles, boxes. At Go's default of 100 it
// collects after every few bundles that it serves, and whoever waits for an act
// waits for that. See doc/performance.md for what it gains and costs.
const gcPercent = 400

// TuneGC sets how often the process collects garbage, unless the environment
// does so with GOGC. A program calls it once, before it runs nodes.
func TuneGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
