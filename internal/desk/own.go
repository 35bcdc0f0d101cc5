package desk

import (
	"context"

	"github.com/comity/comity/act"
)

// Own calls f with the organization's own acts of a kind that are open here, as
// the caller may see them, in the order in which they were recorded.
func (d *Desk) Own(ctx context.Context, who Who, kind act.Kind, f func(Held) error) error {
	const page = 500
	for after, end := int64(0), d.Held(); after < end; {
		all, err := d.c.Ledger.after(ctx, after, page)
		if err != nil || len(all) == 0 {
			return err
		}
		for _, h := range all {
			after = max(after, h.Pos)
			if h.Name.Domain != d.c.Self.Domain || h.Act == nil || h.Act.Kind != kind {
				continue
			}
			shown, err := d.show(ctx, who, h)
			if err != nil {
				return err
			}
			if shown.Act == nil {
				continue
			}
			if err := f(shown); err != nil {
				return err
			}
		}
	}
	return nil
}
