package sqlstore

import (
	"testing"

	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/person/persontest"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

func TestPersons(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		persontest.TestStore(t, func(t *testing.T) person.Store { return mustOpen(t, "sqlite:"+t.TempDir()+"/comity.db") })
	})
	t.Run("postgres", func(t *testing.T) {
		persontest.TestStore(t, func(t *testing.T) person.Store { return mustOpen(t, storetest.Postgres(t)) })
	})
}
