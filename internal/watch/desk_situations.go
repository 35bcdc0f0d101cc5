package watch

import (
	"context"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

// TieEvent implements [Pages].
func (d *Desk) TieEvent(ctx context.Context, who desk.Who, f FeedName, key string, situation comity.ActName) error {
	if err := may(who); err != nil {
		return err
	}
	all, err := d.c.Store.Versions(ctx, f, key)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return desk.ErrNotFound
	}
	h, err := d.c.Act(ctx, who, situation)
	if err != nil {
		return err
	}
	if h.Act == nil || h.Act.Kind.Base() != act.Kind("situation.v1").Base() {
		return invalid("%s is no situation", situation)
	}
	feeds, err := d.c.Store.Feeds(ctx)
	if err != nil {
		return err
	}
	for _, x := range feeds {
		if x.Feed.Name == f && x.Feed.Exercise != (h.Act.Status == comity.Exercise) {
			return invalid("what is made up belongs to situations of an exercise, and only that")
		}
	}
	return d.c.Store.Tie(ctx, situation.String(), f, key)
}
