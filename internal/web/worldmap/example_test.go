package worldmap_test

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/comity/comity/internal/web/worldmap"
)

func Example() {
	atlas, err := worldmap.Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	var page bytes.Buffer
	err = atlas.Draw(&page, worldmap.Map{Marks: []worldmap.Mark{
		{State: "LBR", Name: "Liberia", Level: worldmap.Late, Count: 2, Note: "2 situations, 1 answer late", URL: "/board?state=LBR"},
		{State: "CIV", Name: "Côte d'Ivoire", Level: worldmap.Open, URL: "/situations/un.example/3"},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for line := range strings.Lines(page.String()) {
		if label, ok := strings.CutPrefix(line, `<a class="wm-state wm-late" href="/board?state=LBR" aria-label="`); ok {
			label, _, _ = strings.Cut(label, `"`)
			fmt.Println(label)
		}
	}
	fmt.Println(atlas.At(worldmap.Point{Lon: 34.1, Lat: 44.95}))
	// Output:
	// Liberia: 2 situations, 1 answer late
	// UKR
}
