package casefile

import "github.com/comity/comity/comity"

// history remembers how to take back the newest acts of a state. Acts mostly
// arrive near the end of the order, not quite at it: taking back a few costs
// less than folding a long file again.
type history struct {
	undos []func()
	marks []int // len(undos) before each act that is remembered
}

// remembered is how many acts are remembered at least, once there were so many.
const remembered = 256

// begin an act.
func (h *history) begin() {
	if len(h.marks) >= 2*remembered {
		gone := h.marks[remembered]
		h.undos = append([]func(){}, h.undos[gone:]...)
		h.marks = append([]int{}, h.marks[remembered:]...)
		for i := range h.marks {
			h.marks[i] -= gone
		}
	}
	h.marks = append(h.marks, len(h.undos))
}

// undo notes how to take back a change of the act.
func (h *history) undo(f func()) { h.undos = append(h.undos, f) }

// takeBack takes the newest n acts back; it does nothing and reports false if
// they are too many to be remembered.
func (h *history) takeBack(n int) bool {
	if n == 0 || n > len(h.marks) {
		return n == 0
	}
	to := h.marks[len(h.marks)-n]
	h.marks = h.marks[:len(h.marks)-n]
	for i := len(h.undos) - 1; i >= to; i-- {
		h.undos[i]()
		h.undos[i] = nil
	}
	h.undos = h.undos[:to]
	return true
}

// put adds to a list of the state.
func put[T any](s *State, list *[]T, v T) {
	n := len(*list)
	*list = append(*list, v)
	s.past.undo(func() { *list = (*list)[:n] })
}

// enter adds to an index of the state.
func enter[V any](s *State, index map[comity.ActName]V, name comity.ActName, v V) {
	index[name] = v
	s.past.undo(func() { delete(index, name) })
}
