package watch

import (
	"context"
	"errors"
	"slices"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
)

// Rules implements [Pages].
func (d *Desk) Rules(ctx context.Context, who desk.Who) ([]RuleView, error) {
	if err := may(who); err != nil {
		return nil, err
	}
	rules, err := d.c.Keeper.Rules(ctx)
	if err != nil {
		return nil, err
	}
	scores := map[RuleID]Score{}
	for _, exercise := range []bool{false, true} {
		if !slices.ContainsFunc(rules, func(r Rule) bool { return r.Exercise == exercise }) {
			continue
		}
		s, err := d.scores(ctx, exercise)
		if err != nil {
			return nil, err
		}
		for _, r := range s.Rules {
			scores[r.Rule] = r.Score
		}
	}
	out := make([]RuleView, len(rules))
	for i, r := range rules {
		v := RuleView{Rule: r, Score: scores[r.ID]}
		if v.Standings, err = d.c.Keeper.Standings(ctx, r.ID, Place{}); err != nil {
			return nil, err
		}
		slices.SortStableFunc(v.Standings, nearest)
		if v.Label, err = d.ruleLabel(ctx, r); err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// ruleLabel is the label of what a rule sees. One whose feed is gone sees nothing, and has no label.
func (d *Desk) ruleLabel(ctx context.Context, r Rule) (comity.TLP, error) {
	src, err := d.sources(ctx, r.Exercise, r.Feeds)
	if err != nil {
		return "", ctx.Err()
	}
	label := src.shown()
	c, err := compile(d.env, r)
	if err != nil || !c.asks {
		return label, ctx.Err()
	}
	basis, err := d.sources(ctx, r.Exercise, nil)
	if err != nil {
		return "", err
	}
	if !c.own {
		basis = basis.others()
	}
	return strongest(append(labelOf(label), labelOf(basis.shown())...)...), nil
}

// Rule implements [Pages].
func (d *Desk) Rule(ctx context.Context, who desk.Who, id RuleID) (RuleView, error) {
	all, err := d.Rules(ctx, who)
	if err != nil {
		return RuleView{}, err
	}
	i := slices.IndexFunc(all, func(r RuleView) bool { return r.ID == id })
	if i < 0 {
		return RuleView{}, desk.ErrNotFound
	}
	return all[i], nil
}

// kept is a rule as it stands.
func (d *Desk) kept(ctx context.Context, id RuleID) (Rule, error) {
	all, err := d.c.Keeper.Rules(ctx)
	if err != nil {
		return Rule{}, err
	}
	i := slices.IndexFunc(all, func(r Rule) bool { return r.ID == id })
	if i < 0 {
		return Rule{}, desk.ErrNotFound
	}
	return all[i], nil
}

// PutRule implements [Pages].
func (d *Desk) PutRule(ctx context.Context, who desk.Who, r Rule) (RuleID, error) {
	if err := may(who); err != nil {
		return 0, err
	}
	if _, err := compile(d.env, r); err != nil {
		return 0, err
	}
	if _, err := d.sources(ctx, r.Exercise, r.Feeds); err != nil {
		return 0, Mistakes{{Field: "Feeds", Text: err.Error()}}
	}
	now := comity.TimeOf(d.c.Clock())
	r.Since = now
	if r.ID != 0 {
		was, err := d.kept(ctx, r.ID)
		if err != nil {
			return 0, err
		}
		if was.Exercise != r.Exercise {
			return 0, Mistakes{{Field: "Exercise", Text: "a rule goes on seeing the events that it was written for; write another"}}
		}
		if was.Level != r.Level {
			return 0, Mistakes{{Field: "Level", Text: "how a rule did at some places says nothing of others; write another"}}
		}
		r.Since = was.Since
	}
	r.By, r.At = who.Person.ID, now
	r.Version++
	id, err := d.c.Keeper.PutRule(ctx, r)
	if errors.Is(err, ErrGone) {
		return 0, invalid("%w", err)
	}
	return id, err
}

// PauseRule implements [Pages].
func (d *Desk) PauseRule(ctx context.Context, who desk.Who, id RuleID, paused bool) error {
	if err := may(who); err != nil {
		return err
	}
	r, err := d.kept(ctx, id)
	if err != nil || r.Paused == paused {
		return err
	}
	r.Paused = paused
	_, err = d.PutRule(ctx, who, r)
	return err
}

// TryRule implements [Pages].
func (d *Desk) TryRule(ctx context.Context, who desk.Who, r Rule, from, to feed.Month, told func(done, of int64)) (Trial, error) {
	if err := may(who); err != nil {
		return Trial{}, err
	}
	return d.try(ctx, r, from, to, told)
}

// CheckRule implements [Pages].
func (d *Desk) CheckRule(_ context.Context, who desk.Who, r Rule) error {
	if err := may(who); err != nil {
		return err
	}
	_, err := compile(d.env, r)
	return err
}
