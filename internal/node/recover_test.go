package node

import (
	"sync"
	"testing"
	"testing/synctest"
)

// What is asked for while it is being done is done once more, not forgotten.
func TestOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o oneAtATime
		var done sync.WaitGroup
		begun, end := make(chan int), make(chan bool)
		n := 0 // guarded by o
		work := func() {
			n++
			begun <- n
			<-end
		}
		done.Go(func() { o.do(work) })
		<-begun
		o.do(work)
		o.do(work)
		end <- true
		if again := <-begun; again != 2 {
			t.Errorf("it is done for the %d. time, want the second", again)
		}
		end <- true
		done.Wait()
	})
}
