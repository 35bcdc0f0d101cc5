package journal_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
)

func TestVerify(t *testing.T) {
	s := journaltest.NewStore()
	if err := journal.Verify(t.Context(), s, origin, verifiers(t)); err != nil {
		t.Errorf("a log never written: %v", err)
	}
	j := open(t, s)
	for _, n := range []int{1, 254, 1, 1, 255, 3000} {
		fill(t, j, n)
		if err := journal.Verify(t.Context(), s, origin, verifiers(t)); err != nil {
			t.Errorf("at size %d: %v", j.Head().Size, err)
		}
	}
	_, vkey, err := note.GenerateKey(rand.Reader, string(origin))
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	if err := journal.Verify(t.Context(), s, origin, note.VerifierList(stranger)); err == nil {
		t.Error("signed by an unknown key, and accepted")
	}
	s.Rewind(origin, 1000)
	if err := journal.Verify(t.Context(), s, origin, verifiers(t)); !errors.Is(err, journal.ErrUnsigned) {
		t.Errorf("without a checkpoint: %v", err)
	}
}

// While the journal grows, there is nothing wrong with it.
func TestVerifyGrowing(t *testing.T) {
	s := journaltest.NewStore()
	j := open(t, s)
	fill(t, j, 10)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				fill(t, j, 17)
			}
		}
	}()
	for range 20 {
		if err := journal.Verify(t.Context(), s, origin, verifiers(t)); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	<-stopped
}

func TestVerifyFindsDamage(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(entry func(int64) []byte, tile func(level int, index int64) []byte)
		want   string
	}{
		{"first entry", func(entry func(int64) []byte, _ func(int, int64) []byte) { entry(0)[0] ^= 1 }, "tile 0/0 does not hold"},
		{"last entry", func(entry func(int64) []byte, _ func(int, int64) []byte) { entry(69_999)[0] ^= 1 }, "tile 0/273 does not hold"},
		{"full tile", func(_ func(int64) []byte, tile func(int, int64) []byte) { tile(0, 100)[255*32] ^= 1 }, "tile 0/100 does not hold"},
		{"full tile above", func(_ func(int64) []byte, tile func(int, int64) []byte) { tile(1, 0)[0] ^= 1 }, "tile 1/0 does not hold"},
		{"partial tile above", func(_ func(int64) []byte, tile func(int, int64) []byte) { tile(1, 1)[0] ^= 1 }, "tile 1/1 does not hold"},
		{"top tile", func(_ func(int64) []byte, tile func(int, int64) []byte) { tile(2, 0)[31] ^= 1 }, "tile 2/0 does not hold"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := journaltest.NewStore()
			fill(t, open(t, s), 70_000)
			s.Corrupt(origin, c.damage)
			if err := journal.Verify(t.Context(), s, origin, verifiers(t)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Verify = %v, want ...%s...", err, c.want)
			}
		})
	}
}
