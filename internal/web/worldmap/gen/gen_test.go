package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Three squares in a row, Somalia's two shapes and a neighbour, with a point
// too many on each boundary, an island too small to be seen, and what is left
// out.
const squares = `{"transform": {"scale": [1, 1], "translate": [0, 0]},
"arcs": [
	[[10, 0], [0, 5], [0, 5]],
	[[20, 0], [0, 10]],
	[[10, 10], [-10, 0], [0, -10], [10, 0]],
	[[10, 10], [10, 0]],
	[[10, 0], [10, 0]],
	[[20, 10], [10, 0], [0, -10], [-10, 0]],
	[[40, 40], [0, 1], [1, 0], [0, -1], [-1, 0]],
	[[50, -80], [0, 9], [9, 0], [-9, -9]]
],
"objects": {"countries": {"geometries": [
	{"type": "MultiPolygon", "properties": {"a3": "SOM"}, "arcs": [[[0, 2]], [[6]]]},
	{"type": "MultiPolygon", "properties": {"a3": "SOL"}, "arcs": [[[-1, 4, 1, -4]]]},
	{"type": "MultiPolygon", "properties": {"a3": "ETH"}, "arcs": [[[-2, -6]]]},
	{"type": "MultiPolygon", "properties": {"a3": "ATA"}, "arcs": [[[7]]]}
]}}}`

func TestRun(t *testing.T) {
	var b strings.Builder
	if err := run(&b, []byte(squares), 1, 60); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "#") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	want := []string{
		"arc 1000 0 0 1000", // the point between is gone
		"arc 2000 0 0 1000",
		"arc 1000 1000 -1000 0 0 -1000 1000 0",
		"arc 1000 1000 1000 0",
		"arc 1000 0 1000 0",
		"arc 2000 1000 1000 0 0 -1000 -1000 0",
		"shape ETH 2500 498 ~1 ~5",
		"shape SOM 500 498 0 2;~0 4 1 ~3", // both parts; the island is gone
		"coast ~5 ~3 2 4",
		"dashed 0",
		"line 1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("world.txt (-want +got):\n%s", diff)
	}
}

func TestDashSplitsAtABox(t *testing.T) {
	m := &atlas{shapes: []*shape{
		{code: "IND", polygons: [][]ring{{{{0, false}}}}},
		{code: "PAK", polygons: [][]ring{{{{0, true}}}}},
	}, arcs: []arc{{points: []point{place(70, 25), place(71, 30), place(74, 33), place(75, 34), place(76, 35), place(79, 38)}}}}
	m.dash()
	if len(m.arcs) != 3 || m.arcs[0].dashed || !m.arcs[1].dashed || m.arcs[2].dashed {
		t.Fatalf("split into %+v", m.arcs)
	}
	if diff := cmp.Diff(ring{{2, true}, {1, true}, {0, true}}, m.shapes[1].polygons[0][0], cmp.AllowUnexported(ref{})); diff != "" {
		t.Errorf("the ring that runs backwards (-want +got):\n%s", diff)
	}
}
