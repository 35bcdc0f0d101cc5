//go:build !linux

package main

func allowCore(int) error { return nil }

func noCore() string { return "that is done on Linux only" }
