//go:build !linux

package main

func forbidCore() error { return nil }
