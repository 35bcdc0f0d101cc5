package watch

import (
	"slices"
	"testing"

	"github.com/comity/comity/internal/feed"
)

// Of what no forecast says anything, a claim has no months.
func TestClaimOfOtherMonths(t *testing.T) {
	c := Rule{Deaths: 25, Months: 2}.claim(feed.Date(2003, 4, 30), nil)
	if got := c.Months(); got != 0 {
		t.Errorf("a claim of two months has %d", got)
	}
}

// A claim of three months ends on the day before the same day three months later;
// if that month has no such day, with that month.
func TestClaim(t *testing.T) {
	for _, c := range []struct {
		day    feed.Day // of which the data tell
		months int
		to     feed.Day
	}{
		{feed.Date(2003, 4, 30), 3, feed.Date(2003, 7, 31)},
		{feed.Date(2003, 5, 6), 1, feed.Date(2003, 6, 6)},
		{feed.Date(2003, 12, 31), 12, feed.Date(2004, 12, 31)},
		{feed.Date(2003, 11, 29), 3, feed.Date(2004, 2, 29)}, // from the 30th
		{feed.Date(2003, 1, 30), 1, feed.Date(2003, 2, 28)},  // from the 31st
		{feed.Date(2003, 8, 30), 6, feed.Date(2004, 2, 29)},
	} {
		got := Rule{Deaths: 25, Months: c.months}.claim(c.day, nil)
		if got.From != c.day+1 || got.To != c.to || got.Deaths != 25 {
			t.Errorf("%d months after %s: %s to %s, want %s", c.months, c.day, got.From, got.To, c.to)
		}
		if got.Months() != c.months {
			t.Errorf("%s to %s is said to be %d months, want %d", got.From, got.To, got.Months(), c.months)
		}
	}
}

// What a claim counts is settled when the rule fires; of forecasts, it is what they
// count then.
func TestClaimCounts(t *testing.T) {
	all := append(feed.Violences(), feed.NoViolence)
	for _, c := range []struct {
		counts Counted
		basis  []feed.Violence
		want   []feed.Violence
	}{
		{CountAll, DefaultViolence(), all},
		{CountForecast, DefaultViolence(), []feed.Violence{feed.StateBased, feed.NoViolence}},
		{CountForecast, []feed.Violence{feed.OneSided}, []feed.Violence{feed.OneSided}},
		{CountStateBased, []feed.Violence{feed.OneSided}, []feed.Violence{feed.StateBased}},
		{CountNonState, nil, []feed.Violence{feed.NonState}},
		{CountOneSided, nil, []feed.Violence{feed.OneSided}},
	} {
		k := Rule{Deaths: 25, Months: 3, Counts: c.counts}.claim(feed.Date(2003, 4, 30), c.basis).Kinds
		for _, v := range all {
			if want := slices.Contains(c.want, v); k.Has(v) != want {
				t.Errorf("%q, forecasts of %v: counts %v: %v, want %v", c.counts, c.basis, v, k.Has(v), want)
			}
		}
		if list := k.List(); k != 0 && !slices.Equal(list, c.want) || k == 0 && list != nil {
			t.Errorf("%q, forecasts of %v: lists %v, want %v", c.counts, c.basis, list, c.want)
		}
	}
}
