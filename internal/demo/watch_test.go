package demo

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
)

// Whoever wants a night does not wait for it; those that are wanted while one is made
// are one, which begins after it.
func TestNightInTheBackground(t *testing.T) {
	var n night
	var made atomic.Int64
	begun, goOn := make(chan struct{}, 9), make(chan error)
	f := func(ctx context.Context) error {
		made.Add(1)
		begun <- struct{}{}
		select {
		case err := <-goOn:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := n.wait(); err != nil {
		t.Errorf("of none: %v", err)
	}
	n.want(t.Context(), f)
	<-begun
	for range 3 {
		n.want(t.Context(), f)
	}
	goOn <- nil
	<-begun
	failed := errors.New("no disk")
	goOn <- failed
	if err := n.wait(); !errors.Is(err, failed) || made.Load() != 2 {
		t.Errorf("%d nights, the last %v", made.Load(), err)
	}
	n.want(t.Context(), f)
	<-begun
	if err := n.end(); err != nil || made.Load() != 3 {
		t.Errorf("%d nights; one that was stopped: %v", made.Load(), err)
	}
	n.want(t.Context(), f)
	<-begun
	goOn <- nil
	if err := n.wait(); err != nil {
		t.Errorf("the next: %v", err)
	}
}
