package node

import (
	"fmt"
	"strings"
)

// leastRoom is how many bytes must be free on a disk of the node: SQLite's
// write-ahead log takes half of it between two checkpoints.
const leastRoom = 64 << 20

// room is nil if there is room for what is kept in folders here; else what is
// short, for everybody to read.
func (f *Folder) room() error {
	var dirs []string
	if f.Settings.Database == "" {
		dirs = append(dirs, f.Dir)
	}
	if p := f.BlobsPlace(); !strings.Contains(p, "://") {
		dirs = append(dirs, p)
	}
	for _, d := range dirs {
		bytes, files, err := free(d)
		switch {
		case err != nil:
			return fmt.Errorf("the free room on the node's disk is not known: %w", err)
		case bytes < leastRoom:
			return fmt.Errorf("the node's disk is full, or nearly so: %d MB are free, and %d should be", bytes>>20, leastRoom>>20)
		case files == 0:
			return fmt.Errorf("the node's disk takes no more files: no inodes are free")
		}
	}
	return nil
}
