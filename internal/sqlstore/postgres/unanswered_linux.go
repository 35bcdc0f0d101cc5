package postgres

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// limitUnanswered has the system give up a connection to a machine that is gone
// while something was sent to it: keep-alives are not sent then. A server that is
// there and reads nothing for as long is given up, too.
func limitUnanswered(network, _ string, c syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return nil
	}
	var set error
	err := c.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unanswered.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return set
}
