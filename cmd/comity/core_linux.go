package main

import "golang.org/x/sys/unix"

// forbidCore lets the process leave no core file, in which all that it has read
// would be: neither in its folder nor with a program that collects them, which a
// limit of 0 does not keep from it (core(5)). "prlimit --core" allows it again.
func forbidCore() error {
	var now unix.Rlimit
	if err := unix.Prlimit(0, unix.RLIMIT_CORE, nil, &now); err != nil {
		return err
	}
	return unix.Prlimit(0, unix.RLIMIT_CORE, &unix.Rlimit{Cur: min(1, now.Max), Max: now.Max}, nil)
}
