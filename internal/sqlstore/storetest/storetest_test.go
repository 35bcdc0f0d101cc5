package storetest_test

import (
	"testing"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (journal.Store, func() journal.Store) {
		s := journaltest.NewStore()
		return s, func() journal.Store { return s }
	})
}
