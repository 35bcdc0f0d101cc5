package web

import "testing"

// Fakes are an empty desk and sessions, for the example.
func Fakes() (Desk, Sessions) { return newFake(&testing.T{}, "2003-04-11"), newSessions() }
