package peer

import (
	"fmt"
	"net/netip"
	"syscall"
)

// controlPublic refuses to connect to an address that is not on the public
// Internet. It runs after the name was resolved, on the very address that the
// connection goes to, so that a name cannot lead elsewhere between check and
// use.
func controlPublic(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return &addressError{address, "not an IP address and port"}
	}
	if why := notPublic(ap.Addr()); why != "" {
		return &addressError{address, why}
	}
	return nil
}

type addressError struct{ address, why string }

func (e *addressError) Error() string {
	return fmt.Sprintf("%s is %s; pin exactly this host and port if it is meant", e.address, e.why)
}

// notPublic says what kind of special address a is, "" for an ordinary one.
// The blocks are those of the IANA special-purpose registries (RFC 6890)
// that are not globally reachable, and those that carry an IPv4 address
// inside an IPv6 one, which is looked at instead.
func notPublic(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid():
		return "no address"
	case a.IsLoopback():
		return "a loopback address"
	case a.IsPrivate():
		return "a private address"
	case a.IsLinkLocalUnicast():
		return "a link-local address"
	case a.IsMulticast():
		return "a multicast address"
	case a.IsUnspecified():
		return "the unspecified address"
	}
	if v4, ok := embedded(a); ok {
		return notPublic(v4)
	}
	for _, s := range specialBlocks() {
		if s.prefix.Contains(a) {
			return s.what
		}
	}
	return ""
}

// embedded returns the IPv4 address inside a NAT64 (RFC 6052), 6to4 (RFC 3056)
// or IPv4-compatible address.
func embedded(a netip.Addr) (netip.Addr, bool) {
	if !a.Is6() {
		return netip.Addr{}, false
	}
	b := a.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(a), netip.MustParsePrefix("::/96").Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case netip.MustParsePrefix("2002::/16").Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}

type specialBlock struct {
	prefix netip.Prefix
	what   string
}

func specialBlocks() []specialBlock {
	return []specialBlock{
		{netip.MustParsePrefix("0.0.0.0/8"), "an address of this network"},
		{netip.MustParsePrefix("100.64.0.0/10"), "a carrier's private address"},
		{netip.MustParsePrefix("192.0.0.0/24"), "a reserved address"},
		{netip.MustParsePrefix("192.0.2.0/24"), "a documentation address"},
		{netip.MustParsePrefix("198.18.0.0/15"), "a benchmarking address"},
		{netip.MustParsePrefix("198.51.100.0/24"), "a documentation address"},
		{netip.MustParsePrefix("203.0.113.0/24"), "a documentation address"},
		{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"},
		{netip.MustParsePrefix("64:ff9b:1::/48"), "a translated private address"},
		{netip.MustParsePrefix("100::/64"), "a discard address"},
		{netip.MustParsePrefix("2001::/23"), "a protocol address"},
		{netip.MustParsePrefix("2001:db8::/32"), "a documentation address"},
		{netip.MustParsePrefix("3fff::/20"), "a documentation address"},
		{netip.MustParsePrefix("fec0::/10"), "a site-local address"},
	}
}
