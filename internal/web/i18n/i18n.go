// Package i18n is the catalogue of the interface's own words.
//
// English is the key: a string stands in a page or in Go code as it reads in
// English, and every other language has one file with an entry for it, in
// United Nations usage:
//
//	langs, err := i18n.Load()
//	c, ok := langs.For("ar")
//	c.T("withdrawn by %s", name)           // سُحب بموجب ecowas.example/12
//	c.N("%d day ago|%d days ago", 2)       // قبل يومين
//	c.Stamp(t)                             // 11 نيسان/أبريل 2003، 10:20 UTC
//
// Where one English word stands for two others, the part behind "##" tells
// them apart and is not shown: "For##votes". Texts of acts are never
// translated here; they keep their own language. Digits are Western in every
// language, so that figures, symbols and names of acts read the same.
package i18n

import (
	"embed"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/language"
)

// Key is a string of the interface, in English.
type Key string

// entry is a translation: one text, or a form for each plural class of CLDR.
type entry struct {
	text  string
	forms map[string]string
}

func (e *entry) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &e.text); err == nil {
		return nil
	}
	return json.Unmarshal(b, &e.forms)
}

// Catalogue is the words of one language. It does not change.
type Catalogue struct {
	Tag  string // BCP 47
	Name string // in the language itself
	Dir  string // ltr, rtl

	months  [12]string
	comma   string // between a date and a time
	plural  func(n int) string
	entries map[Key]entry // nil: the keys are the words
}

//go:embed ar.json
var files embed.FS

// Set is every catalogue, English first.
type Set []*Catalogue

// Load reads the embedded catalogues. It fails only if a file built into the
// program is damaged.
func Load() (Set, error) { return loaded() }

// loaded reads them once: a process may hold many nodes.
var loaded = sync.OnceValues(read)

func read() (Set, error) {
	en := &Catalogue{Tag: "en", Name: "English", Dir: "ltr", comma: ", ", plural: pluralEnglish}
	for m := range en.months {
		en.months[m] = time.Month(m + 1).String()
	}
	ar := &Catalogue{Tag: "ar", Name: "العربية", Dir: "rtl", comma: "، ", plural: pluralArabic, months: [12]string{
		"كانون الثاني/يناير", "شباط/فبراير", "آذار/مارس", "نيسان/أبريل", "أيار/مايو", "حزيران/يونيه", "تموز/يوليه",
		"آب/أغسطس", "أيلول/سبتمبر", "تشرين الأول/أكتوبر", "تشرين الثاني/نوفمبر", "كانون الأول/ديسمبر"}}
	b, err := files.ReadFile("ar.json")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &ar.entries); err != nil {
		return nil, fmt.Errorf("ar.json: %w", err)
	}
	return Set{en, ar}, nil
}

// For returns the catalogue of a tag, and whether there is one.
func (s Set) For(tag string) (*Catalogue, bool) {
	for _, c := range s {
		if c.Tag == tag {
			return c, true
		}
	}
	return s[0], false
}

// Match returns the catalogue that fits an Accept-Language header best;
// English if none does.
func (s Set) Match(header string) *Catalogue {
	tags := make([]language.Tag, len(s))
	for i, c := range s {
		tags[i] = language.Make(c.Tag)
	}
	if len(header) > 500 {
		return s[0]
	}
	want, _, err := language.ParseAcceptLanguage(header)
	if err != nil || len(want) == 0 {
		return s[0]
	}
	_, i, _ := language.NewMatcher(tags).Match(want...)
	return s[i]
}

// Has reports whether the catalogue has words for the key.
func (c *Catalogue) Has(k Key) bool {
	if c.entries == nil {
		return true
	}
	_, ok := c.entries[k]
	return ok
}

// Keys lists the entries of a translation; nil for English.
func (c *Catalogue) Keys() []Key {
	var out []Key
	for k := range c.entries {
		out = append(out, k)
	}
	return out
}

// T is the text for a key, with its arguments as in fmt.Sprintf. A key that
// is not in the catalogue is shown in English.
func (c *Catalogue) T(k Key, args ...any) string {
	s := string(k)
	if e, ok := c.entries[k]; ok && e.text != "" {
		s = e.text
	}
	s, _, _ = strings.Cut(s, "##")
	if len(args) == 0 {
		return s
	}
	return fmt.Sprintf(s, args...)
}

// N is the text for a number: the key has an English form for one and one for
// all other numbers, "%d day|%d days". %d stands for the number, which a form may
// leave out; other arguments are as in fmt.Sprintf.
func (c *Catalogue) N(k Key, n int, args ...any) string {
	form := ""
	if e, ok := c.entries[k]; ok {
		form = e.forms[c.plural(n)]
		if form == "" {
			form = e.forms["other"]
		}
	}
	if form == "" {
		one, other, _ := strings.Cut(string(k), "|")
		form = other
		if n == 1 || other == "" {
			form = one
		}
	}
	// The number is an argument like the others, so that a form may leave it
	// out or put it last.
	form = strings.ReplaceAll(form, "%d", Number(int64(n)))
	if len(args) == 0 {
		return form
	}
	return fmt.Sprintf(form, args...)
}

// Number groups digits by three: 1,200. The digits are Western in every
// language.
func Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if neg {
		return "-" + s
	}
	return s
}

// Share is a probability as a percentage: 59%. What is not nothing is not shown as
// nothing, nor what is not certain as certain. Where people write from right to
// left it stands between left-to-right marks, as in CLDR; the sign would else be
// on the other side after a word.
func (c *Catalogue) Share(v float64) string {
	var s string
	switch pct := math.Round(v * 100); {
	case v > 0 && pct == 0:
		s = "<1%"
	case v < 1 && pct == 100:
		s = ">99%"
	default:
		s = fmt.Sprintf("%.0f%%", pct)
	}
	if c.Dir == "rtl" {
		return leftToRight + s + leftToRight
	}
	return s
}

// leftToRight is U+200E, the left-to-right mark.
const leftToRight = "\u200e"

// Date is the day in UTC: "11 April 2003".
func (c *Catalogue) Date(t time.Time) string {
	t = t.UTC()
	return fmt.Sprintf("%d %s %d", t.Day(), c.months[t.Month()-1], t.Year())
}

// Month is the month in UTC: "April 2003".
func (c *Catalogue) Month(t time.Time) string {
	t = t.UTC()
	return fmt.Sprintf("%s %d", c.months[t.Month()-1], t.Year())
}

// Stamp is the day and the time of day, with its zone: "11 April 2003, 10:20
// UTC".
func (c *Catalogue) Stamp(t time.Time) string {
	return c.Date(t) + c.comma + t.UTC().Format("15:04") + " UTC"
}

func pluralEnglish(n int) string {
	if n == 1 {
		return "one"
	}
	return "other"
}

// pluralArabic is CLDR's rule for whole numbers.
func pluralArabic(n int) string {
	if n < 0 {
		n = -n
	}
	switch {
	case n == 0:
		return "zero"
	case n == 1:
		return "one"
	case n == 2:
		return "two"
	case n%100 >= 3 && n%100 <= 10:
		return "few"
	case n%100 >= 11:
		return "many"
	}
	return "other"
}

// RTL reports whether a language is written from right to left.
func RTL(lang string) bool {
	base, _, _ := strings.Cut(lang, "-")
	switch base {
	case "ar", "fa", "he", "ur", "ps", "dv", "ug", "yi", "ckb", "sd":
		return true
	}
	return false
}
