package watch

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/comity/comity/internal/feed"
)

// TestAddBins: a series that is kept up to date is that of all sights at once.
func TestAddBins(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var all []Sight
	for i := range 3000 {
		low := r.Int32N(5)
		all = append(all, Sight{ID: int64(i), Day: feed.Day(r.Int32N(9000) - 1000), Violence: feed.Violence(r.UintN(4)), Low: low, Best: low + r.Int32N(3) - min(low, 1), High: low + r.Int32N(9)})
	}
	read := func(b []byte) (out []Bin) {
		t.Helper()
		if err := Bins(b, early, Forever, func(x Bin) { out = append(out, x) }); err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, of := range map[string]func([]Sight) []Bin{"years": YearBins, "months": MonthBins, "weeks": WeekBins} {
		whole := slices.Clone(all)
		slices.SortFunc(whole, byDay)
		want, err := AddBins(nil, of(whole))
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		for part := range slices.Chunk(slices.Clone(all), 170) {
			slices.SortFunc(part, byDay)
			if got, err = AddBins(got, of(part)); err != nil {
				t.Fatal(err)
			}
		}
		if !reflect.DeepEqual(read(got), read(want)) || len(read(want)) < 100 {
			t.Errorf("%s: in parts %d bins, at once %d", name, len(read(got)), len(read(want)))
		}
		var sum, dead int64
		for _, x := range read(got) {
			sum += x.Events
			dead += x.Best
		}
		var wantDead int64
		for _, s := range all {
			wantDead += int64(s.Best)
		}
		if sum != 3000 || dead != wantDead {
			t.Errorf("%s: %d events, %d dead; want 3000, %d", name, sum, dead, wantDead)
		}
		for i := range whole {
			whole[i].Gone = true
		}
		if got, err = AddBins(got, of(whole)); err != nil || len(got) != 0 {
			t.Errorf("%s: all taken away: %d bytes, %v; want none", name, len(got), err)
		}
		if _, err = AddBins(nil, of(whole[:1])); err == nil {
			t.Errorf("%s: a count below zero is no error", name)
		}
	}
}

// TestRelist: a list that is kept up to date holds what it should, in order, in
// leaves that are not too long and do not overlap.
func TestRelist(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var leaves []Leaf
	want := map[Posting]bool{}
	for round := range 60 {
		var change []Sight
		for i := range 600 {
			s := Sight{ID: int64(round*1000 + i), Day: feed.Day(r.Int32N(4000) - 500)}
			change = append(change, s)
			want[Posting{s.Day, s.ID}] = true
		}
		for p := range want {
			if len(change) >= 700 {
				break
			}
			if p.ID < int64(round*1000) {
				change = append(change, Sight{ID: p.ID, Day: p.Day, Gone: true})
				delete(want, p)
			}
		}
		slices.SortFunc(change, byDay)
		lo, hi := change[0].Day, change[len(change)-1].Day
		from := 0
		for i, l := range leaves {
			if l.First <= lo {
				from = i
			}
		}
		to := from
		for to < len(leaves) && leaves[to].First <= hi {
			to++
		}
		got, err := Relist(leaves[from:to], change)
		if err != nil {
			t.Fatal(err)
		}
		leaves = slices.Replace(leaves, from, to, got...)
	}
	var all []Posting
	for i, l := range leaves {
		ps, err := l.Postings()
		if err != nil || len(ps) == 0 || len(ps) > MaxLeaf+100 {
			t.Fatalf("leaf %d: %d events, %v", i, len(ps), err)
		}
		if ps[0].Day < l.First || i > 0 && l.First <= all[len(all)-1].Day {
			t.Errorf("leaf %d overlaps", i)
		}
		all = append(all, ps...)
	}
	if !slices.IsSortedFunc(all, Posting.Compare) || len(all) != len(want) {
		t.Errorf("%d events, want %d in order", len(all), len(want))
	}
	for _, p := range all {
		if !want[p] {
			t.Fatalf("%v should not be there", p)
		}
	}
	if len(leaves) < 5 {
		t.Errorf("only %d leaves: this tests little", len(leaves))
	}
}

func TestRefOf(t *testing.T) {
	seen := map[int64]string{}
	for _, k := range []string{"", "0", "1", "7", "07", "007", "300380", "4294967295", "4294967296", "SYR12345", "SYR012345", "SYR-12345", "S\x0012", "S12", "a", "1a", "12a7", "urn:oid:2.49.0.1"} {
		r := RefOf(k)
		if other, ok := seen[r]; ok || r < 0 {
			t.Errorf("%q and %q are both %d", k, other, r)
		}
		seen[r] = k
	}
	if RefOf("300380") != 300380 || RefOf("SYR2") != RefOf("SYR1")+1 {
		t.Error("numbers do not keep their order")
	}
}

func TestCountry(t *testing.T) {
	for _, iso := range []string{"AFG", "ZWE", "XKX", ""} {
		if got := CountryOf(iso).String(); got != iso {
			t.Errorf("%q is read as %q", iso, got)
		}
	}
	if CountryOf("afg") != 0 || CountryOf("AF") != 0 {
		t.Error("what is no code is a country")
	}
}

func TestGroups(t *testing.T) {
	syr, tur := CountryOf("SYR"), CountryOf("TUR")
	g := Grouper{
		Members:    map[Country][]Spell{syr: {{"LAS", 10, 20}}},
		Situations: func(s *Sight) []string { return []string{"au.example/7"}[:s.ID&1] },
	}
	got := g.Groups([]Sight{{ID: 1, Day: 20, Country: syr, Cell: 5}, {ID: 2, Day: 19, Country: syr}, {ID: 3, Day: 15, Country: tur, Cell: 5}})
	var lines []string
	for _, x := range got {
		if strings.HasPrefix(string(x.Level), "square") {
			continue
		}
		s := string(x.Level) + ":" + x.Name
		if x.Level == ByCountry {
			s += Country(x.Number).String()
		}
		for _, y := range x.Sights(nil) {
			s += " " + string(rune('0'+y.ID))
		}
		lines = append(lines, s)
	}
	want := []string{": 3 2 1", "cell: 3 1", "country:SYR 2 1", "country:TUR 3", "organization:LAS 2", "situation:au.example/7 3 1"}
	slices.Sort(lines)
	if !slices.Equal(lines, want) {
		t.Errorf("groups\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

func TestAlike(t *testing.T) {
	day := feed.Date(2013, 1, 3)
	a := feed.Event{From: day, To: day, Located: true, Lat: 35.76, Lon: 36.56, WherePrec: 1, Violence: feed.StateBased, Low: 2, Best: 4, High: 6}
	for _, c := range []struct {
		name   string
		change func(*feed.Event)
		want   bool
	}{
		{"the same", func(*feed.Event) {}, true},
		{"a day later, the next village, not typed", func(e *feed.Event) { e.From, e.To = day+1, day+1; e.Lat += 0.1; e.Violence = 0 }, true},
		{"three days later", func(e *feed.Event) { e.From, e.To = day+3, day+3 }, false},
		{"half a degree away", func(e *feed.Event) { e.Lat += 0.5 }, false},
		{"of another type", func(e *feed.Event) { e.Violence = feed.OneSided }, false},
		{"many dead", func(e *feed.Event) { e.Best = 40 }, false},
		{"nobody died", func(e *feed.Event) { e.Low, e.Best, e.High = 0, 0, 0 }, false},
		{"a sum over three months", func(e *feed.Event) { e.From -= 90 }, false},
		{"a province", func(e *feed.Event) { e.WherePrec = 4 }, false},
		{"no point", func(e *feed.Event) { e.Located = false }, false},
	} {
		b := a
		c.change(&b)
		if Alike(&a, &b) != c.want || Alike(&b, &a) != c.want {
			t.Errorf("%s: alike is not %t both ways", c.name, c.want)
		}
	}
}
