package api

import (
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

// SituationsAt, AsksAt, DraftsOf and ActOf are what the API answers, for other
// ways to the same data: "comity situations --json" prints what GET
// /api/v1/situations answers.

// SituationsAt lists files as they read at a time of the node's clock.
func SituationsAt(now comity.Time, all []casefile.View) Situations {
	return Situations{AsOf: now, Situations: each(all, summaryOf)}
}

// AsksAt lists asks as they stand at a time of the node's clock.
func AsksAt(now comity.Time, all []casefile.AskView) Asks {
	return Asks{AsOf: now, Asks: each(all, askOf)}
}

// DraftsOf lists what waits for release.
func DraftsOf(all []desk.Draft) Drafts { return Drafts{Drafts: each(all, draftFrom)} }

// ActOf is an act as the caller may see it.
func ActOf(x desk.Held) Act { return actOf(x) }

// IssuedOf is the result of issuing.
func IssuedOf(x desk.Issued) Issued { return Issued{Act: x.Name, Leaf: x.Leaf, Draft: x.Draft} }
