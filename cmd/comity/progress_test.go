package main

import (
	"bytes"
	"testing"
	"time"
)

func TestProgressLine(t *testing.T) {
	for _, c := range []struct {
		from, size, theirs int64
		took               time.Duration
		want               string
	}{
		{0, 0, 204_000, time.Second, "0 of 204,000 entries"},
		{0, 18_000, 204_000, time.Second, "18,000 of 204,000 entries, 18,000/s, 10s left"},
		{1000, 1204, 1_204_000, 2 * time.Second, "1,204 of 1,204,000 entries, 102/s, 3h16m32s left"},
		{0, 5, 5, time.Second, "5 of 5 entries, 5/s"},
		{0, 999, 1000, time.Second, "999 of 1,000 entries, 999/s, 1s left"},
		{0, 5, 5, 0, "5 of 5 entries"},
	} {
		if got := progressLine(c.from, c.size, c.theirs, c.took); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// Where there is no terminal a line is written every few seconds; on one, the
// bar stands in one line.
func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out)
	for i := range 24 {
		p.at(p.begun.Add(time.Duration(i)*500*time.Millisecond), int64(i), 100)
	}
	p.end()
	if want := "10 of 100 entries, 2/s, 45s left\n20 of 100 entries, 2/s, 40s left\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	out.Reset()
	p = newProgress(&out)
	p.bar = true
	p.at(p.begun, 0, 4)
	p.at(p.begun.Add(time.Second), 2, 4)
	p.end()
	if want := "\r[                              ] 0 of 4 entries\x1b[K\r[###############               ] 2 of 4 entries, 2/s, 1s left\x1b[K\r\x1b[K"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
