package main

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A sample is one repetition of a measure.
type sample struct {
	rate float64 // operations a second; 0 if that means nothing
	p50  float64 // milliseconds
	p99  float64
}

func (s sample) get(m metric) float64 {
	switch m {
	case rate:
		return s.rate
	case p50:
		return s.p50
	}
	return s.p99
}

// result of a measure: its samples by turn, or why there are none.
type result struct {
	samples []sample
	err     error
}

func (r *result) median(m metric) float64 {
	var all []float64
	for _, s := range r.samples {
		all = append(all, s.get(m))
	}
	return median(all)
}

// ratio is the median of the ratios of the same turn.
func (r *result) ratio(base *result, m metric) float64 {
	var all []float64
	for i := range min(len(r.samples), len(base.samples)) {
		if b := base.samples[i].get(m); b > 0 {
			all = append(all, r.samples[i].get(m)/b)
		}
	}
	return median(all)
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	if n := len(all); n%2 == 0 {
		return (all[n/2-1] + all[n/2]) / 2
	}
	return all[len(all)/2]
}

// latencies makes a sample of how long operations took. Rates are the caller's
// to set.
func latencies(took []time.Duration) sample {
	if len(took) == 0 {
		return sample{}
	}
	slices.Sort(took)
	at := func(q int) float64 {
		return float64(took[min(len(took)*q/100, len(took)-1)].Nanoseconds()) / 1e6
	}
	return sample{p50: at(50), p99: at(99)}
}

// load calls op again and again, from as many callers at a time, for a while.
// The first error ends it.
func load(ctx context.Context, callers int, d time.Duration, op func(ctx context.Context, caller int) error) (sample, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	took := make([][]time.Duration, callers)
	var wg sync.WaitGroup
	begun := time.Now()
	for i := range callers {
		wg.Go(func() {
			for ctx.Err() == nil && time.Since(begun) < d {
				start := time.Now()
				if err := op(ctx, i); err != nil {
					cancel(err)
					return
				}
				took[i] = append(took[i], time.Since(start))
			}
		})
	}
	wg.Wait()
	over := time.Since(begun)
	if ctx.Err() != nil {
		return sample{}, context.Cause(ctx)
	}
	all := slices.Concat(took...)
	s := latencies(all)
	s.rate = float64(len(all)) / over.Seconds()
	return s, nil
}
