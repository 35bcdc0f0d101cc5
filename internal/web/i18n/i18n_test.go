package i18n

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func Example() {
	langs, err := Load()
	if err != nil {
		panic(err)
	}
	day := time.Date(2003, time.April, 11, 10, 20, 0, 0, time.UTC)
	for _, c := range langs {
		fmt.Println(c.T("withdrawn by %s", "ecowas.example/12"))
		fmt.Println(c.N("%d day ago|%d days ago", 2))
		fmt.Println(c.Stamp(day))
	}
	// Output:
	// withdrawn by ecowas.example/12
	// 2 days ago
	// 11 April 2003, 10:20 UTC
	// سُحب بموجب ecowas.example/12
	// قبل يومين
	// 11 نيسان/أبريل 2003، 10:20 UTC
}

func load(t *testing.T, tag string) *Catalogue {
	t.Helper()
	langs, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	c, ok := langs.For(tag)
	if !ok {
		t.Fatalf("there is no catalogue %q", tag)
	}
	return c
}

func TestPlurals(t *testing.T) {
	for tag, want := range map[string]map[int]string{
		"en": {0: "0 days ago", 1: "1 day ago", 2: "2 days ago", 1200: "1,200 days ago"},
		"ar": {1: "قبل يوم واحد", 2: "قبل يومين", 3: "قبل 3 أيام", 10: "قبل 10 أيام", 11: "قبل 11 يوما", 99: "قبل 99 يوما", 100: "قبل 100 يوم", 103: "قبل 103 أيام", 111: "قبل 111 يوما"},
	} {
		c := load(t, tag)
		for n, s := range want {
			if got := c.N("%d day ago|%d days ago", n); got != s {
				t.Errorf("%s %d: got %q, want %q", tag, n, got, s)
			}
		}
	}
	if got := load(t, "ar").N("%d unknown|%d unknowns", 3); got != "3 unknowns" {
		t.Errorf("a key without an entry: got %q", got)
	}
}

// Every plural has a form for each class that Arabic tells apart; zero is
// counted like the numbers above a hundred.
func TestPluralFormsAreComplete(t *testing.T) {
	c := load(t, "ar")
	for k, e := range c.entries {
		if e.forms == nil {
			if e.text == "" {
				t.Errorf("%q is empty", k)
			}
			continue
		}
		for _, class := range []string{"one", "two", "few", "many", "other"} {
			if e.forms[class] == "" {
				t.Errorf("%q has no form for %s", k, class)
			}
		}
	}
}

func TestContextIsNotShown(t *testing.T) {
	for _, tag := range []string{"en", "ar"} {
		if got := load(t, tag).T("For##votes"); got != map[string]string{"en": "For", "ar": "مؤيدون"}[tag] {
			t.Errorf("%s: got %q", tag, got)
		}
	}
}

func TestMatch(t *testing.T) {
	langs, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{"": "en", "ar": "ar", "ar-SD,ar;q=0.9": "ar", "de,ar;q=0.5": "ar", "en-GB,ar;q=0.5": "en", "zh": "en", "*": "en", ";q=;": "en"} {
		if got := langs.Match(header).Tag; got != want {
			t.Errorf("%q: got %s, want %s", header, got, want)
		}
	}
}

// What may happen is not said to be impossible, nor what may not to be certain;
// the sign stays at its side of the number.
func TestShare(t *testing.T) {
	langs, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for v, want := range map[float64]string{0: "0%", .001: "<1%", .005: "1%", .5: "50%", .996: ">99%", 1: "100%"} {
		for tag, want := range map[string]string{"en": want, "ar": "\u200e" + want + "\u200e"} {
			words, _ := langs.For(tag)
			if got := words.Share(v); got != want {
				t.Errorf("%s: Share(%v) = %q, want %q", tag, v, got, want)
			}
		}
	}
}

// In Arabic, what is written with digits and signs stands between left-to-right
// marks: 59%, 2003-04. After an Arabic word it would else be shown as %59, 04-2003.
func TestDigitsAreMarked(t *testing.T) {
	langs, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	ar, _ := langs.For("ar")
	arabicBefore, signed := regexp.MustCompile(`\p{Arabic}[^\pL]*$`), regexp.MustCompile(`[0-9][0-9T:]*(?:-[0-9][0-9T:]*)+|[0-9]+%`)
	for _, k := range ar.Keys() {
		e := ar.entries[k]
		for _, s := range append(slices.Collect(maps.Values(e.forms)), e.text) {
			for _, at := range signed.FindAllStringIndex(s, -1) {
				if arabicBefore.MatchString(s[:at[0]]) && !(strings.HasSuffix(s[:at[0]], leftToRight) && strings.HasPrefix(s[at[1]:], leftToRight)) {
					t.Errorf("%q: %q in %q does not stand between left-to-right marks", k, s[at[0]:at[1]], s)
				}
			}
		}
	}
}

func TestNumber(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -12: "-12"} {
		if got := Number(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
