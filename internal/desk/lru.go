package desk

import "container/list"

// lru keeps what was used last, up to a cost. It is not safe for concurrent
// use.
type lru[K comparable, V any] struct {
	most, cost int64
	by         map[K]*list.Element
	order      list.List // front: used last
}

type lruItem[K comparable, V any] struct {
	key  K
	v    V
	cost int64
}

func newLRU[K comparable, V any](most int64) *lru[K, V] {
	return &lru[K, V]{most: most, by: map[K]*list.Element{}}
}

func (c *lru[K, V]) get(k K) (v V, ok bool) {
	e, ok := c.by[k]
	if !ok {
		return v, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*lruItem[K, V]).v, true
}

// put adds or replaces, and drops what was not used for longest if that is too
// much; never what was put.
func (c *lru[K, V]) put(k K, v V, cost int64) {
	c.drop(k)
	c.by[k] = c.order.PushFront(&lruItem[K, V]{k, v, cost})
	c.cost += cost
	for c.cost > c.most && c.order.Len() > 1 {
		c.drop(c.order.Back().Value.(*lruItem[K, V]).key)
	}
}

func (c *lru[K, V]) drop(k K) {
	if e, ok := c.by[k]; ok {
		c.cost -= c.order.Remove(e).(*lruItem[K, V]).cost
		delete(c.by, k)
	}
}
