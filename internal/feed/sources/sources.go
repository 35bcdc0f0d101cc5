// Package sources lists the adapters of this version.
package sources

import (
	"fmt"
	"slices"
	"strings"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/acled"
	"github.com/comity/comity/internal/feed/cap"
	"github.com/comity/comity/internal/feed/gdelt"
	"github.com/comity/comity/internal/feed/plain"
	"github.com/comity/comity/internal/feed/reliefweb"
	"github.com/comity/comity/internal/feed/ucdp"
)

// All adapters, in the order in which they are offered.
func All() []feed.Adapter {
	return []feed.Adapter{ucdp.GED, ucdp.API, acled.CSV, acled.JSON, gdelt.Events, cap.Alerts, reliefweb.Reports, plain.CSV}
}

// Find returns the adapter of a name. The error lists those that there are.
func Find(name string) (feed.Adapter, error) {
	all := All()
	i := slices.IndexFunc(all, func(a feed.Adapter) bool { return a.Name == name })
	if i >= 0 {
		return all[i], nil
	}
	var names []string
	for _, a := range all {
		names = append(names, a.Name)
	}
	return feed.Adapter{}, fmt.Errorf("there is no adapter %q; there are %s", name, strings.Join(names, ", "))
}
