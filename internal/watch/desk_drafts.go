package watch

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

// Drafts implements [Pages].
func (d *Desk) Drafts(ctx context.Context, who desk.Who, exercise *bool, s DraftState, limit int) ([]Draft, error) {
	if err := may(who); err != nil {
		return nil, err
	}
	return d.c.Keeper.Drafts(ctx, DraftQuery{Exercise: exercise, State: s, Limit: limit})
}

// Draft implements [Pages].
func (d *Desk) Draft(ctx context.Context, who desk.Who, id int64) (Draft, error) {
	if err := may(who); err != nil {
		return Draft{}, err
	}
	return d.draftOf(ctx, id)
}

func (d *Desk) draftOf(ctx context.Context, id int64) (Draft, error) {
	if id <= 0 {
		return Draft{}, desk.ErrNotFound
	}
	all, err := d.c.Keeper.Drafts(ctx, DraftQuery{ID: id})
	if err == nil && len(all) == 0 {
		err = desk.ErrNotFound
	}
	if err != nil {
		return Draft{}, err
	}
	return all[0], nil
}

// open reports as an error that nothing can be made of a draft any more.
func (d *Desk) open(x *Draft) error {
	switch {
	case x.State == Issued:
		return invalid("a warning was issued of it already: %s", x.Act)
	case x.State == Dismissed:
		return invalid("%s dismissed it: %s", x.By, x.Why)
	case x.State == Lapsed || x.lapsed(d.c.Clock()):
		return invalid("it lapsed at %s; if the rule still holds, write a warning of your own", x.Lapses)
	}
	return nil
}

// labelNow is the label of a draft, or that of its feeds if they are under a
// stronger one by now.
func (d *Desk) labelNow(ctx context.Context, x Draft) (comity.TLP, error) {
	least := x.TLP
	all, err := d.c.Store.Feeds(ctx)
	if err != nil {
		return "", err
	}
	of := map[FeedName]bool{}
	used := x.Evidence.Feeds
	if len(used) == 0 { // it was made when that was not noted
		if used, err = d.sees(ctx, x.Rule); err != nil {
			return "", err
		}
	}
	for _, f := range []*Forecast{x.Evidence.Forecast, x.Evidence.Own} {
		if f != nil {
			used = append(used, f.Feeds...)
		}
	}
	for _, u := range used {
		of[u.Name] = true
	}
	for _, e := range x.Evidence.Events {
		of[e.Feed] = true
	}
	for _, s := range all {
		if of[s.Feed.Name] {
			least = strongest(least, s.Feed.TLP)
		}
	}
	return least, nil
}

// sees are the feeds that a rule sees; none, if it or a feed that it names is gone.
func (d *Desk) sees(ctx context.Context, id RuleID) ([]FeedUsed, error) {
	r, err := d.kept(ctx, id)
	if errors.Is(err, desk.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	src, err := d.sources(ctx, r.Exercise, r.Feeds)
	if err != nil {
		return nil, ctx.Err()
	}
	return src.used(), nil
}

// Take implements [Pages].
func (d *Desk) Take(ctx context.Context, who desk.Who, id int64) (Warning, error) {
	if err := may(who); err != nil {
		return Warning{}, err
	}
	private, err := d.private(ctx)
	if err != nil {
		return Warning{}, err
	}
	x, err := d.draftOf(ctx, id)
	if err != nil {
		return Warning{}, err
	}
	least, err := d.labelNow(ctx, x)
	if err != nil {
		return Warning{}, err
	}
	var w Warning
	err = d.c.Keeper.ChangeDraft(ctx, id, func(x *Draft) error {
		if err := d.open(x); err != nil {
			return err
		}
		x.State, x.By = Taken, who.Person.ID
		w = warning(*x, private)
		w.TLP = least
		return nil
	})
	return w, gone(err)
}

// MayIssue implements [Pages].
func (d *Desk) MayIssue(ctx context.Context, who desk.Who, id int64, tlp comity.TLP, of comity.Status) error {
	if err := may(who); err != nil {
		return err
	}
	x, err := d.draftOf(ctx, id)
	if err != nil {
		return err
	}
	if err := d.open(&x); err != nil {
		return err
	}
	least, err := d.labelNow(ctx, x)
	if err != nil {
		return err
	}
	if !tlp.Valid() || tlp.Weaker(least) {
		return invalid("tlp: the draft was made of data under %s; a warning of it is under no weaker label", least)
	}
	if want := status(x.Exercise); of != want {
		return invalid("status: %s; a warning of this draft is of status %s", of, want)
	}
	return nil
}

// IssuedAs implements [Pages]. What was issued is noted also if the draft has
// lapsed meanwhile.
func (d *Desk) IssuedAs(ctx context.Context, who desk.Who, id int64, name comity.ActName) error {
	if err := may(who); err != nil {
		return err
	}
	x, err := d.draftOf(ctx, id)
	if err != nil {
		return err
	}
	if err := d.isWarning(ctx, who, name, x.Exercise); err != nil {
		return err
	}
	return gone(d.c.Keeper.ChangeDraft(ctx, id, func(x *Draft) error {
		switch {
		case x.State == Issued && x.Act == name: // told twice
			return nil
		case x.State == Issued, x.State == Dismissed:
			return d.open(x)
		}
		x.State, x.Act, x.By = Issued, name, who.Person.ID
		return nil
	}))
}

// maxWhy bounds a reason, in bytes.
const maxWhy = 2000

// Dismiss implements [Pages].
func (d *Desk) Dismiss(ctx context.Context, who desk.Who, id int64, why string) error {
	if err := may(who); err != nil {
		return err
	}
	if strings.TrimSpace(why) == "" {
		return invalid("say why: whoever writes the rule anew will want to know")
	}
	return gone(d.c.Keeper.ChangeDraft(ctx, id, func(x *Draft) error {
		if err := d.open(x); err != nil {
			return err
		}
		x.State, x.By, x.Why = Dismissed, who.Person.ID, clip(why, maxWhy)
		return nil
	}))
}

// Outcomes implements [Pages].
func (d *Desk) Outcomes(ctx context.Context, who desk.Who, exercise, confirmed bool, limit int) ([]Outcome, error) {
	if err := may(who); err != nil {
		return nil, err
	}
	return d.c.Keeper.Outcomes(ctx, OutcomeQuery{Exercise: &exercise, Confirmed: &confirmed, Limit: limit})
}

// Confirm implements [Pages]. Open takes a confirmation back.
func (d *Desk) Confirm(ctx context.Context, who desk.Who, id int64, r Result, why string) error {
	if err := may(who); err != nil {
		return err
	}
	if !slices.Contains([]Result{Open, Hit, FalseAlarm, Averted}, r) {
		return invalid("result %q: want hit, false-alarm, averted or open", r)
	}
	why = clip(why, maxWhy)
	if r == Averted && why == "" {
		return invalid("say what averted it: the data cannot")
	}
	return gone(d.c.Keeper.ChangeOutcome(ctx, id, func(o *Outcome) error {
		if why == "" && r != Open && r != o.Proposed {
			return invalid("the data say %s: say why it is %s", o.Proposed, r)
		}
		o.Result, o.By, o.At, o.Why = r, who.Person.ID, comity.TimeOf(d.c.Clock()), why
		if r == Open {
			o.Result = ""
		}
		return nil
	}))
}

// NoteWarning implements [Pages].
func (d *Desk) NoteWarning(ctx context.Context, who desk.Who, exercise bool, name comity.ActName, p Place, c Claim) error {
	if err := may(who); err != nil {
		return err
	}
	if err := p.Valid(); err != nil {
		return invalid("%w", err)
	}
	if c.Deaths < 1 || c.To < c.From || c.To-c.From > maxDays {
		return invalid("say how many deaths the warning spoke of, at least 1, and from which day to which")
	}
	if err := d.isWarning(ctx, who, name, exercise); err != nil {
		return err
	}
	all, err := d.c.Keeper.Outcomes(ctx, OutcomeQuery{Place: p, Exercise: &exercise})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(o Outcome) bool { return o.Act == name }) {
		return invalid("%s is judged at this place already", name)
	}
	return d.c.Keeper.AddOutcome(ctx, Outcome{Act: name, Place: p, Exercise: exercise, Claim: c, Proposed: Open})
}

// Scores implements [Pages].
func (d *Desk) Scores(ctx context.Context, who desk.Who, exercise bool) (Scores, error) {
	if err := may(who); err != nil {
		return Scores{}, err
	}
	return d.scores(ctx, exercise)
}

// ForgetReports takes out of drafts what they quote of the organization's own reports
// that are events no more: those were withdrawn, corrected or erased.
func (d *Desk) ForgetReports(ctx context.Context) error {
	feeds, err := d.c.Store.Feeds(ctx)
	if err != nil {
		return err
	}
	own := map[FeedName]bool{}
	for _, s := range feeds {
		own[s.Feed.Name] = s.Feed.Adapter == ownAdapter
	}
	drafts, err := d.c.Keeper.Drafts(ctx, DraftQuery{})
	if err != nil {
		return err
	}
	for _, x := range drafts {
		var ids []int64
		for _, e := range x.Evidence.Events {
			if own[e.Feed] {
				ids = append(ids, e.ID)
			}
		}
		there, err := d.c.Store.EventsByID(ctx, ids...)
		if err != nil {
			return err
		}
		gone := func(e Stored) bool {
			return own[e.Feed] && !slices.ContainsFunc(there, func(s Stored) bool { return s.ID == e.ID })
		}
		if !slices.ContainsFunc(x.Evidence.Events, gone) {
			continue
		}
		if err := d.c.Keeper.ChangeDraft(ctx, x.ID, func(x *Draft) error {
			x.Evidence.Events = slices.DeleteFunc(x.Evidence.Events, gone)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
