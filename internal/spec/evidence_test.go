package spec_test

import (
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// evidenceVector is one of evidence.json; federation.md says what makes a file
// hold.
type evidenceVector struct {
	What  string `json:"what"`
	Key   string `json:"key"`
	Holds bool   `json:"holds"`
	File  string `json:"file"`
}

func TestEvidence(t *testing.T) {
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 12)
	fork := un.Fork(5)
	side := func(l *witnesstest.Log, size int64, steps ...int64) monitor.Side {
		s := monitor.Side{Checkpoint: string(l.Checkpoint(size))}
		for at := size; len(steps) > 0; steps = steps[1:] {
			s.Steps = append(s.Steps, monitor.Step{Size: steps[0], Root: l.Root(steps[0]), Proof: l.Proof(at, steps[0])})
			at = steps[0]
		}
		return s
	}
	wrongProof := side(fork, 12, 8)
	wrongProof.Steps[0].Proof[0][0] ^= 1
	var out []evidenceVector
	for _, c := range []struct {
		what  string
		e     monitor.Evidence
		org   string
		holds bool
	}{
		{"two checkpoints of one size", monitor.Evidence{Size: 9, A: side(un, 9), B: side(fork, 9)}, "un.example", true},
		{"two of different sizes, shown at the smaller", monitor.Evidence{Size: 8, A: side(un, 8), B: side(fork, 12, 8)}, "un.example", true},
		{"two that are both shown at a size before, one in two steps", monitor.Evidence{Size: 6, A: side(un, 10, 6), B: side(fork, 12, 11, 6)}, "un.example", true},
		{"one history: the two agree", monitor.Evidence{Size: 8, A: side(un, 8), B: side(un, 12, 8)}, "un.example", false},
		{"two histories, but at a size at which they agree", monitor.Evidence{Size: 4, A: side(un, 8, 4), B: side(fork, 12, 4)}, "un.example", false},
		{"a proof with one bit changed", monitor.Evidence{Size: 8, A: side(un, 8), B: wrongProof}, "un.example", false},
		{"not shown at the size that is compared", monitor.Evidence{Size: 8, A: side(un, 8), B: side(fork, 12)}, "un.example", false},
		{"signed by another key than the reader's", monitor.Evidence{Size: 9, A: side(un, 9), B: side(fork, 9)}, "las.example", false},
	} {
		c.e.Origin, c.e.Key = un.Origin(), un.Org.Peer.LogKey
		v := evidenceVector{What: c.what, Key: c.e.Key, Holds: c.holds, File: string(c.e.File())}
		if c.org != "un.example" {
			v.Key = peertest.NewOrg("las.example").Peer.LogKey
		}
		read := must[*monitor.Evidence](t)(monitor.ParseEvidence([]byte(v.File)))
		if err := read.Verify(must[note.Verifier](t)(note.NewVerifier(v.Key))); (err == nil) != c.holds {
			t.Errorf("%s: %v", c.what, err)
		}
		out = append(out, v)
	}
	sameJSON(t, "evidence.json", out)
}
