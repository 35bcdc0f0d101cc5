package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// datasync waits until what was written to f is on the disk.
func datasync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// onDisk is the folder to work in: dir, or if it is empty the temporary folder
// unless that is in memory, where waiting for the disk costs nothing.
func onDisk(dir string) string {
	if dir != "" {
		return dir
	}
	var st unix.Statfs_t
	if err := unix.Statfs(os.TempDir(), &st); err == nil && (st.Type == unix.TMPFS_MAGIC || st.Type == unix.RAMFS_MAGIC) {
		return "."
	}
	return ""
}
