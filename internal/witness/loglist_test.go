package witness_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness"
)

func TestLogList(t *testing.T) {
	key, other := peertest.NewOrg("un.example").Peer.LogKey, peertest.NewOrg("au.example").Peer.LogKey
	list, err := witness.ParseLogList([]byte("# a list\n\nlogs/v0\n\nvkey " + key + "\nqpd 86400\ncontact somebody (at) un.example\n\nvkey " + other + "\norigin go.sum database tree\n"))
	if err != nil || len(list) != 2 {
		t.Fatalf("%d logs, %v; want 2", len(list), err)
	}
	for origin, want := range map[string]string{"un.example/journal": "un.example/journal", "go.sum database tree": "au.example/journal"} {
		v, err := list.LogVerifiers(t.Context(), comity.Origin(origin))
		if err != nil || len(v) != 1 || v[0].Name() != want {
			t.Errorf("%s: %v; want the key %s", origin, err, want)
		}
	}
	if _, err := list.LogVerifiers(t.Context(), "au.example/journal"); !errors.Is(err, witness.ErrUnknownOrigin) {
		t.Errorf("a log that is not on the list: %v", err)
	}
	again, err := witness.ParseLogList([]byte(list.String()))
	if err != nil || again.String() != list.String() {
		t.Errorf("written and read: %v\n%s", err, again)
	}
	for name, c := range map[string]struct{ text, want string }{
		"no header":      {"vkey " + key + "\n", "line 1: begins with"},
		"no key":         {"logs/v0\nvkey\n", "line 2"},
		"origin first":   {"logs/v0\norigin x\n", "before the first vkey"},
		"not a key":      {"logs/v0\nvkey x\n", "no verification key"},
		"a cosigner's":   {"logs/v0\nvkey " + peertest.NewOrg("un.example").Peer.WitnessKey + "\n", "type 0x04"},
		"twice":          {"logs/v0\nvkey " + key + "\nvkey " + key + "\n", "already"},
		"endless origin": {"logs/v0\nvkey " + key + "\norigin " + strings.Repeat("x", 300) + "\n", "cannot be an origin"},
	} {
		if _, err := witness.ParseLogList([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}

func FuzzParseLogList(f *testing.F) {
	f.Add([]byte("logs/v0\nvkey " + peertest.NewOrg("un.example").Peer.LogKey + "\norigin x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := witness.ParseLogList(text)
		if err != nil {
			return
		}
		if again, err := witness.ParseLogList([]byte(list.String())); err != nil || again.String() != list.String() {
			t.Errorf("%q: written and read: %v\n%s", text, err, again)
		}
	})
}
