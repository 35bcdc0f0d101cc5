package desk

import (
	"testing"
	"testing/synctest"
	"time"
)

// What a list was read of is kept for a second, for whoever asks again and again,
// and then given up.
func TestRecentIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recent[int]
		computed := 0
		read := func(as state) {
			t.Helper()
			got, err := r.get(as, func() ([]int, error) {
				computed++
				return []int{1, 2, 3}, nil
			})
			if err != nil || len(got) != 3 {
				t.Fatalf("%v, %v", got, err)
			}
		}
		held := func(when string, times int, kept bool) {
			t.Helper()
			synctest.Wait()
			if computed != times || (r.kept != nil) != kept {
				t.Errorf("%s: computed %d times, kept: %v; want %d, %v", when, computed, r.kept != nil, times, kept)
			}
		}
		read(state{})
		time.Sleep(600 * time.Millisecond)
		read(state{})
		held("asked twice", 1, true)
		read(state{changes: 1})
		held("when something has changed", 2, true)
		time.Sleep(600 * time.Millisecond) // a second after the first
		held("a second after what it replaced", 2, true)
		read(state{changes: 1})
		held("and asked again", 2, true)
		time.Sleep(400 * time.Millisecond)
		held("after a second", 2, false)
		read(state{changes: 1})
		held("asked later", 3, true)
		time.Sleep(time.Second)
	})
}
