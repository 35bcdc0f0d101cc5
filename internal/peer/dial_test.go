package peer

import (
	"net/netip"
	"testing"
)

func TestNotPublic(t *testing.T) {
	for addr, public := range map[string]bool{
		"8.8.8.8":            true,
		"2606:4700::1111":    true,
		"64:ff9b::808:808":   true, // NAT64 of a public address
		"127.0.0.1":          false,
		"::1":                false,
		"10.1.2.3":           false,
		"172.16.0.1":         false,
		"192.168.1.1":        false,
		"169.254.169.254":    false,
		"fe80::1%eth0":       false,
		"fd00::1":            false,
		"100.64.0.1":         false,
		"0.0.0.0":            false,
		"::":                 false,
		"255.255.255.255":    false,
		"224.0.0.1":          false,
		"ff02::1":            false,
		"::ffff:127.0.0.1":   false,
		"::127.0.0.1":        false,
		"64:ff9b::7f00:1":    false,
		"64:ff9b::a9fe:a9fe": false,
		"2002:7f00:1::":      false,
		"2001:db8::1":        false,
		"fec0::1":            false,
	} {
		why := notPublic(netip.MustParseAddr(addr))
		if (why == "") != public {
			t.Errorf("notPublic(%s) = %q, want public %v", addr, why, public)
		}
	}
}

func TestAllowsPrivate(t *testing.T) {
	for base, want := range map[string]bool{
		"http://127.0.0.1:8086":   true,
		"http://[::1]:8086":       true,
		"http://localhost:8086":   true,
		"https://node.un.example": false,
	} {
		if got := (Peer{URL: base}).allowsPrivate(); got != want {
			t.Errorf("pinned at %s: private addresses allowed %v, want %v", base, got, want)
		}
	}
	if !(Peer{URL: "https://node.un.example", Private: true}).allowsPrivate() {
		t.Error("the operator's word about a private address is ignored")
	}
}

func TestControlPublicSeesTheResolvedAddress(t *testing.T) {
	for addr, ok := range map[string]bool{"8.8.8.8:443": true, "10.0.0.1:443": false, "node.example:443": false} {
		if err := controlPublic("tcp", addr, nil); (err == nil) != ok {
			t.Errorf("controlPublic(%s) = %v", addr, err)
		}
	}
}
