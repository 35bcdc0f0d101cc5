package sqlstore

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/comity/comity/internal/sqlstore/storetest"
)

// Who is alone on the database is so for as long as that takes, also if no other
// process holds its lease just now.
func TestAloneLong(t *testing.T) {
	name := "alone_" + strings.ToLower(rand.Text())
	plain := storetest.Postgres(t)
	address := plain + "&application_name=" + name
	s, err := Open(t.Context(), address, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	heard := make(chan string, 100)
	other := s.Join()
	running, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	run := func() {
		defer close(ended)
		other.Run(running, func(_ context.Context, told []string) error {
			for _, text := range told {
				heard <- text
			}
			return nil
		})
	}
	go run()
	if got := <-heard; got != Everything {
		t.Fatalf("the other heard %q", got)
	}
	if _, _, err := s.Alone(t.Context(), "evidence"); !errors.Is(err, ErrShared) {
		t.Errorf("beside another, which does not hold the lease: got %v, want ErrShared", err)
	}
	stop()
	<-ended
	held, done, err := s.Alone(t.Context(), "evidence")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Alone(t.Context(), "another"); !errors.Is(err, ErrShared) {
		t.Errorf("two alone: got %v, want ErrShared", err)
	}
	running, stop = context.WithCancel(t.Context())
	ended = make(chan struct{})
	go run()
	if got := <-heard; got != Unheard {
		t.Errorf("who comes meanwhile heard %q, want %q", got, Unheard)
	}
	// The server ends a silent line; this one speaks.
	for spoke := 0; spoke == 0; {
		if err := s.read().queryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE application_name = current_setting('application_name')
			AND pid <> pg_backend_pid() AND query LIKE '%pg_try_advisory_lock%' AND state_change > backend_start + interval '1.5 seconds'`).Scan(&spoke); err != nil {
			t.Fatal(err)
		}
	}
	if held.Err() != nil {
		t.Errorf("lost: %v", context.Cause(held))
	}
	done()
	for got := ""; got != Everything; got = <-heard {
	}
	stop()
	<-ended

	held, done, err = s.Alone(t.Context(), "evidence")
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	storetest.Cut(t, plain, name)
	<-held.Done()
	if err := context.Cause(held); !strings.Contains(err.Error(), "keep other processes from the database") {
		t.Errorf("the line is cut: got %v", err)
	}
}
