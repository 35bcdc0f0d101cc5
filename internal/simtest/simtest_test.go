package simtest

import (
	"bufio"
	"flag"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

var (
	seeds = flag.Int("seeds", 6, "how many plans to play")
	first = flag.Uint64("first", 1, "the seed of the first")
)

// begun are the folders with which runs begin, by the number of nodes.
var begun [8]struct {
	sync.Once
	founded
}

// play runs a plan in a bubble of its own.
func play(t *testing.T, p Plan) (o Outcome) {
	t.Helper()
	b := &begun[p.Nodes]
	b.Do(func() {
		// In a bubble too: the acts that found the journals are of its time.
		synctest.Test(t, func(t *testing.T) { b.founded = start(t.Context(), p.Nodes) })
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	synctest.Test(t, func(t *testing.T) { o = run(t, p, b.founded) })
	return o
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	for i := range begun {
		os.RemoveAll(begun[i].base)
	}
	os.Exit(code)
}

// Seven nodes and everything that fails, by seed. A seed that fails belongs
// into testdata/seeds.
func TestSeeds(t *testing.T) {
	var mu sync.Mutex
	total := map[string]int{}
	t.Run("seed", func(t *testing.T) {
		for i := range *seeds {
			p := PlanOf(*first + uint64(i))
			t.Run(strconv.FormatUint(p.Seed, 10), func(t *testing.T) {
				t.Parallel()
				for what, n := range check(t, p) {
					mu.Lock()
					total[what] += n
					mu.Unlock()
				}
			})
		}
	})
	for _, what := range slices.Sorted(maps.Keys(total)) {
		t.Logf("%8d %s", total[what], what)
	}
	if *seeds < 20 {
		return
	}
	for _, what := range []string{"act acknowledged", "act sealed", "answer altered", "answer cut off", "answer lost", "answer of another",
		"answer stale", "checkpoint compared", "clock set", "commit without answer", "cosignature compared", "crash at begin",
		"crash at commit", "crash at exec", "fork", "full disk", "journal frozen", "message doubled", "message late",
		"message lost", "partition", "receipt compared", "write to a full disk"} {
		if total[what] == 0 {
			t.Errorf("in %d runs there was no %s", *seeds, what)
		}
	}
}

// check plays a plan and fails for what does not hold.
func check(t *testing.T, p Plan) map[string]int {
	t.Helper()
	o := play(t, p)
	for _, v := range o.Violations {
		t.Errorf("%s: %s", v.Invariant, v.What)
	}
	return o.Happened
}

// Seeds that failed once.
func TestKeptSeeds(t *testing.T) {
	f, err := os.Open("testdata/seeds")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		text, _, _ := strings.Cut(in.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			check(t, PlanOf(seed))
		})
	}
}
