//go:build !linux

package sqlstore

import "os"

func datasync(f *os.File) error { return f.Sync() }
