package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// An evidence file is checked offline, and only under the journal's key.
func TestVerifyEvidence(t *testing.T) {
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 20)
	fork := un.Fork(7)
	e := monitor.Evidence{Origin: un.Origin(), Key: un.Org.Peer.LogKey, Size: 12, A: monitor.Side{Checkpoint: string(un.Checkpoint(12))},
		B: monitor.Side{Checkpoint: string(fork.Checkpoint(15)), Steps: []monitor.Step{{Size: 12, Root: fork.Root(12), Proof: fork.Proof(15, 12)}}}}
	made := e
	made.B = made.A
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	good, bad, other := write("good", e.File()), write("bad", made.File()), write("other", []byte(`{"x":1}`))
	key := un.Org.Peer.LogKey
	for _, c := range []struct {
		args      []string
		out, fail string
	}{
		{[]string{good, "--key", key}, "ok: the key of un.example/journal signed two checkpoints that contradict each other\n  size 12, root ", ""},
		{[]string{good}, "", "give the accused journal's key with --key"},
		{[]string{good, "--key", "x"}, "", "--key: "},
		{[]string{good, "--key", peertest.NewOrg("las.example").Peer.LogKey}, "", "the evidence does not hold"},
		{[]string{bad, "--key", key}, "", "agree at size 12"},
		{[]string{other, "--key", key}, "", "does not say that it is one"},
	} {
		var out, errs bytes.Buffer
		a := &app{out: &out, err: &errs, in: strings.NewReader("")}
		root := a.root()
		root.SetArgs(append([]string{"verify"}, c.args...))
		err := root.Execute()
		if c.fail != "" {
			if err == nil || !strings.Contains(err.Error(), c.fail) || out.Len() > 0 {
				t.Errorf("verify %v: %v, %q; want %q", c.args, err, out.String(), c.fail)
			}
			continue
		}
		if err != nil || !strings.HasPrefix(out.String(), c.out) {
			t.Errorf("verify %v: %v\n%s", c.args, err, out.String())
		}
	}
}
