package script_test

import (
	"fmt"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/demo/script"
	"github.com/comity/comity/internal/world"
)

func Example() {
	w, err := world.Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	steps, err := script.All(w)
	if err != nil {
		fmt.Println(err)
		return
	}
	refs := map[script.Key]comity.Ref{}
	resolve := func(k script.Key) (comity.Ref, bool) { r, ok := refs[k]; return r, ok }
	size := map[comity.Domain]int64{}
	for _, s := range steps {
		a, err := s.Act(resolve)
		if err != nil {
			fmt.Println(err)
			return
		}
		// Issue a at the node of s.Node; here, only its name is kept.
		refs[s.Key] = comity.Ref{Act: comity.ActName{Domain: s.Node, Index: size[s.Node]}, Leaf: comity.LeafHash([]byte(s.Key))}
		size[s.Node]++
		if s.Key == script.Row(147) {
			fmt.Println(s.At, s.Node, a.By.Organ, a.Kind)
			for _, l := range s.Refs {
				fmt.Println(l.How, l.Key, "linked by the", l.LinkedBy)
			}
		}
	}
	// Output:
	// 2003-08-01T00:00:00Z un.example Security Council decision.v1
	// answers row:136 linked by the editors
	// answers row:144 linked by the editors
}
