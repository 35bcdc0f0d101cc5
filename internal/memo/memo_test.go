package memo

import (
	"fmt"
	"testing"
)

func ExampleOf() {
	squares := Of[int, int]{Newest: 100}
	squares.Put(12, 144)
	fmt.Println(squares.Get(12))
	fmt.Println(squares.Get(13))
	// Output:
	// 144 true
	// 0 false
}

// What is remembered is bounded, and what is asked for stays.
func TestBounded(t *testing.T) {
	const newest = 100
	m := Of[int, int]{Newest: newest}
	for n := range 10 * newest {
		m.Put(n, -n)
		for _, k := range []int{0, n, max(n-newest/2+1, 0)} { // each step puts or finds two more
			if v, ok := m.Get(k); !ok || v != -k {
				t.Fatalf("after %d, of %d: %d %v", n, k, v, ok)
			}
		}
	}
	if kept := len(m.new) + len(m.old); kept > 2*newest {
		t.Errorf("%d are remembered, want at most %d", kept, 2*newest)
	}
	if _, ok := m.Get(1); ok {
		t.Error("what nobody asks for is remembered")
	}
}
