package sqlstore

import (
	"path/filepath"
	"testing"

	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/sqlstore/storetest"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/watch/watchtest"
)

func TestConformance(t *testing.T) {
	for name, address := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "comity.db") },
		"postgres": func(t *testing.T) string { return storetest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			if name == "postgres" {
				storetest.Postgres(t) // skips all at once
			}
			storetest.Run(t, func(t *testing.T) (journal.Store, func() journal.Store) {
				url := address(t)
				return mustOpen(t, url), func() journal.Store { return mustOpen(t, url) }
			})
			t.Run("events", func(t *testing.T) {
				storetest.RunEvents(t, func(t *testing.T) storetest.EventStore { return mustOpen(t, address(t)).Watch() })
			})
			t.Run("fold", func(t *testing.T) {
				storetest.RunFold(t, func(t *testing.T) desk.Store { return mustOpen(t, address(t)) })
			})
			t.Run("watch", func(t *testing.T) {
				storetest.RunKeeper(t, func(t *testing.T) watch.Keeper { return mustOpen(t, address(t)).Keeper() })
			})
			t.Run("jobs", func(t *testing.T) { watchtest.RunJobs(t, mustOpen(t, address(t)).Keeper()) })
		})
	}
}
