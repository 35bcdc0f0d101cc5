package node_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/sqlstore"
)

// If the folder cannot take note of it the old database stays closed, and it can be
// tried again.
func TestReopenThatFails(t *testing.T) {
	un := newHouse(t, "un.example")
	un.issue(situation("The situation in Alba"))
	check(t, un.close())
	elsewhere := "sqlite:" + filepath.Join(t.TempDir(), "next.db")
	_, _, err := node.Migrate(t.Context(), un.dir, elsewhere)
	check(t, err)
	inTheWay := filepath.Join(un.dir, "settings.json.new")
	check(t, os.Mkdir(inTheWay, 0o700))
	check(t, os.WriteFile(filepath.Join(inTheWay, "x"), nil, 0o600))
	if err := node.Reopen(t.Context(), un.dir, "sqlite"); err == nil {
		t.Error("it is reopened without the folder")
	}
	s, err := sqlstore.Open(t.Context(), "sqlite:"+filepath.Join(un.dir, "comity.db"), sqlstore.Options{})
	if err == nil {
		check(t, s.Close())
	}
	if err == nil || !strings.Contains(err.Error(), "the record was moved from this database") {
		t.Errorf("after it has failed: got %v", err)
	}
	check(t, os.RemoveAll(inTheWay))
	check(t, node.Reopen(t.Context(), un.dir, "sqlite"))
}
