package watch

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
)

// situation reports as an error that an act which the caller may see is no situation,
// and else whether it is one of an exercise.
func (d *Desk) situation(ctx context.Context, who desk.Who, name comity.ActName) (exercise bool, err error) {
	h, err := d.c.Act(ctx, who, name)
	if err != nil {
		return false, err
	}
	if h.Act == nil || h.Act.Kind.Base() != act.Kind("situation.v1").Base() {
		return false, invalid("%s is no situation", name)
	}
	return h.Act.Status == comity.Exercise, nil
}

func (d *Desk) saying(who desk.Who, situation comity.ActName) Saying {
	return Saying{Situation: situation.String(), By: who.Person.ID, At: comity.TimeOf(d.c.Clock())}
}

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
	exercise, err := d.situation(ctx, who, situation)
	if err != nil {
		return err
	}
	feeds, err := d.c.Store.Feeds(ctx)
	if err != nil {
		return err
	}
	for _, x := range feeds {
		if x.Feed.Name == f && x.Feed.Exercise != exercise {
			return invalid("what is made up belongs to situations of an exercise, and only that")
		}
	}
	return d.c.Store.Tie(ctx, d.saying(who, situation), f, key)
}

// UntieEvent implements [Pages].
func (d *Desk) UntieEvent(ctx context.Context, who desk.Who, f FeedName, key string, situation comity.ActName) error {
	if err := may(who); err != nil {
		return err
	}
	if _, err := d.situation(ctx, who, situation); err != nil {
		return err
	}
	return d.c.Store.Untie(ctx, d.saying(who, situation), f, key)
}

// TiedTo implements [Pages].
func (d *Desk) TiedTo(ctx context.Context, who desk.Who, f FeedName, key string) ([]Saying, error) {
	if err := may(who); err != nil {
		return nil, err
	}
	return d.c.Store.TiedTo(ctx, f, key)
}

// PutScene implements [Pages].
func (d *Desk) PutScene(ctx context.Context, who desk.Who, situation comity.ActName, s Scene) error {
	if err := may(who); err != nil {
		return err
	}
	if _, err := d.situation(ctx, who, situation); err != nil {
		return err
	}
	if err := s.Check(); err != nil {
		return invalid("%w", err)
	}
	return d.c.Store.PutScene(ctx, d.saying(who, situation), s)
}

// DropScene implements [Pages].
func (d *Desk) DropScene(ctx context.Context, who desk.Who, situation comity.ActName) error {
	if err := may(who); err != nil {
		return err
	}
	if _, err := d.situation(ctx, who, situation); err != nil {
		return err
	}
	return d.c.Store.DropScene(ctx, d.saying(who, situation))
}

// TiePlace implements [Pages].
func (d *Desk) TiePlace(ctx context.Context, who desk.Who, p Place, from, to feed.Day, situation comity.ActName) error {
	if err := may(who); err != nil {
		return err
	}
	if _, err := d.situation(ctx, who, situation); err != nil {
		return err
	}
	scenes, err := d.c.Store.Scenes(ctx)
	if err != nil {
		return err
	}
	scene, placed := scenes[situation.String()]
	switch {
	case p.Valid() != nil || p.Level != ByCountry && p.Level != ByCell:
		return invalid("a situation lies in States, or in a part of the map: %s %s is neither", p.Level, p.Name)
	case placed && (scene.From != from || scene.To != to):
		return invalid("%s is tied to a place at another time, %s: tie this one at the same time, or change it on the page of the situation", situation, scene.during())
	case p.Level == ByCountry && placed && scene.boxed():
		return invalid("%s is tied to a part of the map, which this State cannot be added to: change it on the page of the situation", situation)
	case p.Level == ByCountry:
		if !slices.Contains(scene.Countries, p.Name) {
			scene.Countries = append(slices.Clone(scene.Countries), p.Name)
		}
	case placed && len(scene.Countries) > 0:
		return invalid("%s is tied to States, to which no part of the map can be added: change it on the page of the situation", situation)
	default:
		n, err := strconv.ParseInt(p.Name, 10, 32)
		if err != nil {
			return err // Valid has read it
		}
		lat, lon := feed.CellCentre(int32(n))
		if placed {
			scene.South, scene.North, scene.West, scene.East = min(scene.South, lat), max(scene.North, lat), min(scene.West, lon), max(scene.East, lon)
		} else {
			scene.South, scene.North, scene.West, scene.East = lat, lat, lon, lon
		}
	}
	scene.From, scene.To = from, to
	if err := scene.Check(); err != nil {
		return invalid("%w", err)
	}
	return d.c.Store.PutScene(ctx, d.saying(who, situation), scene)
}

// during is the time of a scene in words.
func (s *Scene) during() string {
	switch {
	case s.From == 0 && s.To == 0:
		return "at any time"
	case s.To == 0:
		return fmt.Sprintf("since %s", s.From)
	case s.From == 0:
		return fmt.Sprintf("until %s", s.To)
	}
	return fmt.Sprintf("%s to %s", s.From, s.To)
}

// saidOfSituation is how much of what was said of a situation is shown.
const saidOfSituation = 50

// Ties implements [Pages].
func (d *Desk) Ties(ctx context.Context, who desk.Who, situation comity.ActName) (Ties, error) {
	if err := may(who); err != nil {
		return Ties{}, err
	}
	if _, err := d.situation(ctx, who, situation); err != nil {
		return Ties{}, err
	}
	return d.c.Store.Ties(ctx, situation.String(), saidOfSituation)
}
