// Package storetest is the conformance suite of [journal.Store]: what every
// implementation must do, so that the in-memory one of the tests, SQLite and
// PostgreSQL cannot drift apart.
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) journal.Store { return journaltest.NewStore() })
//	}
package storetest
