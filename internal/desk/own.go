package desk

import (
	"context"

	"github.com/comity/comity/act"
)

// Own calls f with the organization's own acts that are open here and that are
// wanted, as the caller may see them, in the order in which they came, from after a
// position on: 0 is the beginning. It returns the position until which it has looked.
func (d *Desk) Own(ctx context.Context, who Who, after int64, wanted func(*act.Act) bool, f func(Held) error) (int64, error) {
	const page = 500
	end := d.Held()
	for after < end {
		all, err := d.c.Ledger.after(ctx, after, page)
		if err != nil {
			return after, err
		}
		if len(all) == 0 {
			break
		}
		for _, h := range all {
			if h.Name.Domain == d.c.Self.Domain && h.Act != nil && wanted(h.Act) {
				shown, err := d.show(ctx, who, h)
				if err != nil {
					return after, err
				}
				if shown.Act != nil {
					if err := f(shown); err != nil {
						return after, err
					}
				}
			}
			after = max(after, h.Pos)
		}
	}
	return max(after, end), nil
}
