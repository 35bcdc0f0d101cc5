package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// allowCore lets a process leave a core file of any size.
func allowCore(pid int) error {
	var now unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_CORE, nil, &now); err != nil {
		return err
	}
	return unix.Prlimit(pid, unix.RLIMIT_CORE, &unix.Rlimit{Cur: now.Max, Max: now.Max}, nil)
}

// noCore is why no process leaves a core file in its folder here; "" if one
// does.
func noCore() string {
	var now unix.Rlimit
	if err := unix.Prlimit(0, unix.RLIMIT_CORE, nil, &now); err != nil || now.Max != unix.RLIM_INFINITY {
		return fmt.Sprintf("at most %d bytes are allowed (%v)", now.Max, err)
	}
	b, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	if pattern := strings.TrimSpace(string(b)); err != nil || strings.ContainsAny(pattern, "|/") || !strings.Contains(pattern, "core") {
		return fmt.Sprintf("the system gives them to %q (%v)", pattern, err)
	}
	return ""
}
