//go:build !linux

package main

import "os"

// datasync waits until what was written to f is on the disk.
func datasync(f *os.File) error { return f.Sync() }

// onDisk is the folder to work in.
func onDisk(dir string) string { return dir }
