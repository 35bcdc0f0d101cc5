package sqlstore_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"slices"
	"testing"

	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/sqlstore"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

// newPooler is a connection pooler before the server of an address that hands out whole
// sessions, and drops the startup parameters that it does not know, as PgBouncer does
// with ignore_startup_parameters: https://www.pgbouncer.org/config.html.
func newPooler(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if u.Query().Get("host") != "" {
		t.Skip("the database is not on TCP")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	to := u.Host
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go pool(c, to)
		}
	}()
	u.Host = l.Addr().String()
	q := u.Query()
	q.Set("sslmode", "disable")
	u.RawQuery = q.Encode()
	return u.String()
}

func pool(c net.Conn, to string) {
	defer c.Close()
	s, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer s.Close()
	var length [4]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return
	}
	startup := make([]byte, binary.BigEndian.Uint32(length[:])-4)
	if _, err := io.ReadFull(c, startup); err != nil {
		return
	}
	if version := startup[:4]; version[0] == 0 && version[1] == 3 {
		kept := slices.Clone(version)
		for pairs := bytes.Split(startup[4:], []byte{0}); len(pairs) > 1 && len(pairs[0]) > 0; pairs = pairs[2:] {
			switch string(pairs[0]) {
			case "user", "database", "application_name", "client_encoding":
				kept = append(append(kept, bytes.Join(pairs[:2], []byte{0})...), 0)
			}
		}
		startup = append(kept, 0)
	}
	s.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(startup)+4)), startup...))
	go func() {
		io.Copy(s, c)
		s.Close()
	}()
	io.Copy(c, s)
}

// Behind a connection pooler tables lie in the schema of the address, and processes
// hear each other.
func TestPooler(t *testing.T) {
	direct := storetest.Postgres(t)
	pooled := newPooler(t, direct)
	a, b := join(t, pooled), join(t, pooled)
	for _, m := range []*member{a, b} {
		until(t, "a connection", func() bool { return m.heard(sqlstore.Everything) })
	}
	if err := a.s.Claim(t.Context(), "un.example"); err != nil {
		t.Fatal(err)
	}
	c := join(t, direct)
	until(t, "a connection", func() bool { return c.heard(sqlstore.Everything) })
	if err := c.s.Claim(t.Context(), "au.example"); err == nil {
		t.Error("who comes directly finds another schema")
	}
	if err := a.s.Roster().Pin(t.Context(), peertest.NewOrg("au.example").Peer); err != nil {
		t.Fatal(err)
	}
	if err := a.g.Tell(t.Context(), "blob 01"); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*member{b, c} {
		until(t, "what a table tells", func() bool { return m.heard("peer") })
		until(t, "what was told", func() bool { return m.heard("blob 01") })
	}
	if a.heard("peer") {
		t.Error("a process was told what it did itself")
	}
}
