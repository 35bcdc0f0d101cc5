package script

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

//go:embed record.tsv links.tsv
var tables embed.FS

// line is one line of record.tsv. Its header describes the columns.
type line struct {
	seq      int
	kind     act.Kind
	node     comity.Domain
	behalf   comity.Party
	by       string // organ: "" as recorded, "-" none
	to       []act.To
	re       []reference
	ask      string
	due      comity.Time
	mandates []mandate
	facts
}

// reference to another row.
type reference struct {
	how   string
	key   Key
	basis string // of a link made by the editors; "" of one that the source states
}

type mandate struct {
	name         string
	holder       []comity.Party
	from, to     comity.Time
	renews, ends Key // "" for none
	force        bool
}

type facts struct {
	outcome    effect.Outcome // of a decision; "" is adopted
	private    bool
	agenda     bool // the meeting whose agenda and speakers are known
	deploy     string
	organ      string // which decides, if it is not the actor
	mandate    Key    // on which a deployment rests
	handover   Key
	handoverTo comity.Party
	role       effect.Role // of the actor
}

// readRecord reads record.tsv and the links of links.tsv into it, by row.
func readRecord() (map[int]line, error) {
	rows, err := fields("record.tsv", 11)
	if err != nil {
		return nil, err
	}
	out := map[int]line{}
	for _, f := range rows {
		l, err := readLine(f)
		if err != nil {
			return nil, fmt.Errorf("record.tsv: row %s: %w", f[0], err)
		}
		if _, twice := out[l.seq]; twice {
			return nil, fmt.Errorf("record.tsv: row %d stands twice", l.seq)
		}
		out[l.seq] = l
	}
	links, err := fields("links.tsv", 4)
	if err != nil {
		return nil, err
	}
	for _, f := range links {
		from, err1 := strconv.Atoi(f[0])
		to, err2 := rowKey(f[2])
		l, ok := out[from]
		if err1 != nil || err2 != nil || !ok || f[3] == "" {
			return nil, fmt.Errorf("links.tsv: %q: want a row, how, an earlier row and the basis", strings.Join(f, " "))
		}
		if slices.ContainsFunc(l.re, func(r reference) bool { return r.key == to && r.how == f[1] }) {
			return nil, fmt.Errorf("links.tsv: %d %s %s stands already", from, f[1], f[2])
		}
		l.re = append(l.re, reference{f[1], to, f[3]})
		out[from] = l
	}
	return out, nil
}

// fields splits an embedded table, without comments and header line.
func fields(name string, width int) ([][]string, error) {
	b, err := tables.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var out [][]string
	for i, l := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
		if strings.HasPrefix(l, "#") {
			continue
		}
		f := strings.Split(l, "\t")
		if len(f) != width {
			return nil, fmt.Errorf("%s: line %d has %d values; want %d", name, i+1, len(f), width)
		}
		out = append(out, f)
	}
	return out[1:], nil
}

func readLine(f []string) (line, error) {
	l := line{kind: act.Kind(f[1] + ".v1"), behalf: comity.Party(f[3]), by: f[4], ask: f[7]}
	var errs []error
	bad := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	var err error
	l.seq, err = strconv.Atoi(f[0])
	bad(err)
	node, ok := node(f[2])
	if !ok {
		bad(fmt.Errorf("%q is no node", f[2]))
	}
	l.node = node
	for _, s := range split(f[5], "; ") {
		l.to = append(l.to, readTo(s))
	}
	for _, s := range split(f[6], " ") {
		r, err := readReference(s)
		bad(err)
		l.re = append(l.re, r)
	}
	l.due, err = day(f[8])
	bad(err)
	for _, s := range split(f[9], " & ") {
		m, err := readMandate(s)
		bad(err)
		l.mandates = append(l.mandates, m)
	}
	l.facts, err = readFacts(f[10])
	bad(err)
	return l, errors.Join(errs...)
}

// readTo reads "party[/organ][:answer]".
func readTo(s string) act.To {
	t := act.To{For: act.ForInformation}
	if rest, ok := strings.CutSuffix(s, ":answer"); ok {
		s, t.For = rest, act.ForAnswer
	}
	org, organ, _ := strings.Cut(s, "/")
	t.Org, t.Organ = party(org), organ
	return t
}

// readReference reads "how:seq".
func readReference(s string) (reference, error) {
	how, n, _ := strings.Cut(s, ":")
	key, err := rowKey(n)
	if err != nil {
		return reference{}, fmt.Errorf("re: %q is not how:row", s)
	}
	return reference{how: how, key: key}, nil
}

func readMandate(s string) (mandate, error) {
	var m mandate
	var errs []error
	for _, w := range strings.Fields(s) {
		k, v, pair := strings.Cut(w, "=")
		var err error
		switch {
		case !pair:
			m.name = strings.TrimSpace(m.name + " " + w)
		case k == "holder":
			for _, p := range strings.Split(v, ",") {
				m.holder = append(m.holder, party(p))
			}
		case k == "from":
			m.from, err = day(v)
		case k == "to":
			m.to, err = day(v)
		case k == "renews":
			m.renews, err = rowKey(v)
		case k == "ends":
			m.ends, err = rowKey(v)
		case k == "force" && v == "yes":
			m.force = true
		default:
			err = fmt.Errorf("mandate: %q", w)
		}
		errs = append(errs, err)
	}
	return m, errors.Join(errs...)
}

func readFacts(s string) (facts, error) {
	var f facts
	var errs []error
	for _, w := range strings.Fields(s) {
		k, v, _ := strings.Cut(w, "=")
		var err error
		switch k {
		case "not-adopted", "not-put", "no-consensus":
			f.outcome = effect.Outcome(k)
		case "private":
			f.private = true
		case "agenda":
			f.agenda = true
		case "organ":
			f.organ = strings.ReplaceAll(v, "_", " ")
		case "deploy":
			f.deploy = strings.ReplaceAll(v, "_", " ")
		case "mandate":
			f.mandate, err = rowKey(v)
		case "handover":
			f.handover, err = rowKey(v)
		case "to":
			f.handoverTo = party(v)
		case "role":
			f.role = effect.Role(v)
		default:
			err = fmt.Errorf("facts: %q", w)
		}
		errs = append(errs, err)
	}
	return f, errors.Join(errs...)
}

// rowKey reads "41", or "41.2" for the second mandate of row 41.
func rowKey(s string) (Key, error) {
	seq, second := strings.CutSuffix(s, ".2")
	n, err := strconv.Atoi(seq)
	if err != nil {
		return "", fmt.Errorf("%q is no row", s)
	}
	if second {
		return secondMandate(n), nil
	}
	return Row(n), nil
}

// node of the short name "ecowas".
func node(s string) (comity.Domain, bool) {
	d := comity.Domain(s + ".example")
	return d, slices.Contains(Nodes(), d)
}

// party of a short name: one of the seven, or a State or body as it stands.
func party(s string) comity.Party {
	if d, ok := node(s); ok {
		return d.Party()
	}
	return comity.Party(s)
}

func day(s string) (comity.Time, error) {
	if s == "" {
		return comity.Time{}, nil
	}
	return comity.ParseTime(s)
}

// split is strings.Split without parts where there is no text.
func split(s, sep string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, sep)
}
