package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/web/i18n"
)

// Member is one member of an act's body, for reading. A body of any kind is
// shown, also of kinds that this version does not know: nothing that was said
// is left out.
type Member struct {
	Name   string
	Values []string   // plain values
	Groups [][]Member // objects
}

// maxDepth bounds how deep a body is followed; what lies deeper is shown as
// JSON.
const maxDepth = 4

// members reads a JSON object in the order in which it was written.
func members(raw json.RawMessage) []Member { return membersAt(raw, 0) }

func membersAt(raw json.RawMessage, depth int) []Member {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var out []Member
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			break
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			break
		}
		m := Member{Name: fmt.Sprint(name)}
		m.add(v, depth)
		out = append(out, m)
	}
	return out
}

func (m *Member) add(raw json.RawMessage, depth int) {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0 || string(raw) == "null":
	case depth >= maxDepth:
		m.Values = append(m.Values, string(raw))
	case raw[0] == '{':
		m.Groups = append(m.Groups, membersAt(raw, depth+1))
	case raw[0] == '[':
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) == nil {
			for _, v := range list {
				m.add(v, depth+1)
			}
		}
	case raw[0] == '"':
		var s string
		if json.Unmarshal(raw, &s) == nil && s != "" {
			m.Values = append(m.Values, s)
		}
	default:
		m.Values = append(m.Values, string(raw))
	}
}

// Table lays groups of plain values out as a table, if there are several and
// they hold no groups themselves.
func (m Member) Table() BodyTable {
	var t BodyTable
	if len(m.Groups) < 2 || len(m.Values) > 0 {
		return t
	}
	for _, g := range m.Groups {
		for _, x := range g {
			if len(x.Groups) > 0 || len(x.Values) > 3 {
				return BodyTable{}
			}
			if !slices.Contains(t.Columns, x.Name) {
				t.Columns = append(t.Columns, x.Name)
			}
		}
	}
	if len(t.Columns) > maxColumns {
		return BodyTable{}
	}
	for _, g := range m.Groups {
		row := make([]Member, len(t.Columns))
		for i, name := range t.Columns {
			row[i].Name = name
			for _, x := range g {
				if x.Name == name {
					row[i] = x
				}
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// BodyTable is a list of like things. Without columns there is none.
type BodyTable struct {
	Columns []string
	Rows    [][]Member
}

// maxColumns is how many columns a table may have to be read.
const maxColumns = 6

// fieldWords are what the members of known bodies are called.
var fieldWords = map[string]i18n.Key{
	"acts":         i18n.Key("Acts named"),
	"urgency":      i18n.Key("Urgency"),
	"severity":     i18n.Key("Severity"),
	"certainty":    i18n.Key("Certainty"),
	"evidence":     i18n.Key("Evidence"),
	"roles":        i18n.Key("Roles"),
	"party":        i18n.Key("Party"),
	"role":         i18n.Key("Role"),
	"courses":      i18n.Key("Courses of action"),
	"do_nothing":   i18n.Key("If nothing is done"),
	"what":         i18n.Key("What"),
	"n":            i18n.Key("How many"),
	"cost":         i18n.Key("Cost"),
	"lead_time":    i18n.Key("Lead time"),
	"risk":         i18n.Key("Risk"),
	"who":          i18n.Key("Who"),
	"how":          i18n.Key("Answer"),
	"until":        i18n.Key("Until"),
	"supports":     i18n.Key("Supports"),
	"from":         i18n.Key("From"),
	"to":           i18n.Key("To"),
	"heard":        i18n.Key("Heard by"),
	"confirms":     i18n.Key("Confirms"),
	"contests":     i18n.Key("Contests"),
	"items":        i18n.Key("Means"),
	"by":           i18n.Key("By##a date"),
	"need":         i18n.Key("Towards the need"),
	"commitment":   i18n.Key("Commitment"),
	"mandate":      i18n.Key("Mandate"),
	"conditions":   i18n.Key("Conditions"),
	"organ":        i18n.Key("Organ"),
	"outcome":      i18n.Key("Outcome"),
	"mode":         i18n.Key("Mode"),
	"vote":         i18n.Key("Vote"),
	"vote_note":    i18n.Key("On the vote"),
	"for":          i18n.Key("For##votes"),
	"against":      i18n.Key("Against"),
	"abstain":      i18n.Key("Abstaining"),
	"absent":       i18n.Key("Took no part"),
	"in_favour":    i18n.Key("In favour"),
	"abstained":    i18n.Key("Abstained"),
	"holder":       i18n.Key("Holder"),
	"name":         i18n.Key("Name"),
	"renews":       i18n.Key("Renews"),
	"ends":         i18n.Key("Ends"),
	"force":        i18n.Key("Enforcement authorized"),
	"basis":        i18n.Key("Basis"),
	"efforts":      i18n.Key("Efforts so far"),
	"reason":       i18n.Key("Reason"),
	"art54":        i18n.Key("Under Article 54"),
	"contemplated": i18n.Key("In contemplation"),
	"killed":       i18n.Key("Killed"),
	"wounded":      i18n.Key("Wounded"),
	"at":           i18n.Key("At"),
	"private":      i18n.Key("Private meeting"),
	"agenda":       i18n.Key("Agenda"),
	"speakers":     i18n.Key("Speakers"),
	"speaker":      i18n.Key("Speaker"),
	"operation":    i18n.Key("Operation"),
	"functions":    i18n.Key("Functions"),
	"staff":        i18n.Key("Staff"),
	"date":         i18n.Key("Date"),
	"lead":         i18n.Key("Lead"),
	"dormant":      i18n.Key("Dormant"),
	"warning":      i18n.Key("Warning"),
	"result":       i18n.Key("Result"),
	"kind":         i18n.Key("Kind"),
	"body":         i18n.Key("Content"),
	"log":          i18n.Key("Log key"),
	"witness":      i18n.Key("Witness key"),
	"mirror":       i18n.Key("Mirror key"),
	"root":         i18n.Key("Root key"),
	"recipient":    i18n.Key("Sealing key"),
	"log_pq":       i18n.Key("Post-quantum log key"),
	"witness_pq":   i18n.Key("Post-quantum witness key"),
	"mirror_pq":    i18n.Key("Post-quantum mirror key"),
	"statement":    i18n.Key("Key statement"),
	"returns":      i18n.Key("Ends the deployment"),
	"topic":        i18n.Key("Topic"),
	"office":       i18n.Key("Office"),
	"title":        i18n.Key("Title"),
	"represents":   i18n.Key("Represents"),
	"instrument":   i18n.Key("Instrument"),
	"step":         i18n.Key("Step"),
	"place":        i18n.Key("Place"),
	"inscribed":    i18n.Key("Inscribed to speak"),
	"spoke":        i18n.Key("Spoke"),
	"speaks_for":   i18n.Key("Speaks for"),
	"rule":         i18n.Key("Rule"),
	"record":       i18n.Key("Verbatim record"),
	"measures":     i18n.Key("Measures"),
	"notice":       i18n.Key("Notice needed"),
	"contact":      i18n.Key("Contact"),
	"item":         i18n.Key("Item"),
	"on":           i18n.Key("On"),
	"proof":        i18n.Key("Proof, by its hash"),
	"deployment":   i18n.Key("Deployment"),
	"text":         i18n.Key("Text"),
	"of":           i18n.Key("Of"),
	"source":       i18n.Key("Source"),
}

// valueWords are the values of closed scales, as this page calls them. What is
// not among them is shown as it was written.
var valueWords = map[string]i18n.Key{
	"Immediate":     i18n.Key("Immediate"),
	"Expected":      i18n.Key("Expected"),
	"Future":        i18n.Key("Future"),
	"Past":          i18n.Key("Past"),
	"Unknown":       i18n.Key("Unknown"),
	"Extreme":       i18n.Key("Extreme"),
	"Severe":        i18n.Key("Severe"),
	"Moderate":      i18n.Key("Moderate"),
	"Minor":         i18n.Key("Minor"),
	"Observed":      i18n.Key("Observed"),
	"Likely":        i18n.Key("Likely"),
	"Possible":      i18n.Key("Possible"),
	"Unlikely":      i18n.Key("Unlikely"),
	"act":           i18n.Key("will act"),
	"support":       i18n.Key("supports another"),
	"consider":      i18n.Key("will consider"),
	"noted":         i18n.Key("noted"),
	"declined":      i18n.Key("declined"),
	"telephone":     i18n.Key("telephone"),
	"letter":        i18n.Key("letter"),
	"meeting":       i18n.Key("meeting"),
	"mail":          i18n.Key("mail"),
	"adopted":       i18n.Key("adopted"),
	"not-adopted":   i18n.Key("not adopted"),
	"not-put":       i18n.Key("not put to the vote"),
	"no-consensus":  i18n.Key("no consensus"),
	"no-outcome":    i18n.Key("no outcome"),
	"vote":          i18n.Key("by vote"),
	"consensus":     i18n.Key("by consensus"),
	"unanimity":     i18n.Key("unanimously"),
	"leads":         i18n.Key("leads"),
	"acts":          i18n.Key("acts"),
	"supports":      i18n.Key("supports"),
	"informed":      i18n.Key("is informed"),
	"occurred":      i18n.Key("it occurred"),
	"averted":       i18n.Key("it was averted"),
	"did-not-occur": i18n.Key("it did not occur"),
	"open":          i18n.Key("open##a result"),
	"related":       i18n.Key("related"),
	"part-of":       i18n.Key("part of it"),
	"same":          i18n.Key("the same"),
	"follows":       i18n.Key("follows"),
	"admit":         i18n.Key("admitted"),
	"suspend":       i18n.Key("suspended"),
	"remove":        i18n.Key("removed"),
	"true":          i18n.Key("yes"),
	"false":         i18n.Key("no"),
}

// scaled are the members whose values are of a closed scale; a free text that
// happens to read "act" stays what it is.
var scaled = map[string]bool{"urgency": true, "severity": true, "certainty": true, "how": true, "heard": true, "outcome": true,
	"mode": true, "role": true, "art54": true, "contemplated": true, "force": true, "private": true, "lead": true, "dormant": true, "result": true,
	"step": true, "record": true}

// fieldLabel is what a member is called.
func (p *printer) fieldLabel(name string) string {
	if k, ok := fieldWords[name]; ok {
		return p.words.T(k)
	}
	return name
}

// fieldValue is a value for reading: names of acts are links, dates are dates,
// parties have their names.
func (p *printer) fieldValue(name, v string) template.HTML {
	if scaled[name] {
		if k, ok := valueWords[v]; ok {
			return template.HTML(template.HTMLEscapeString(p.words.T(k)))
		}
	}
	if n, err := comity.ParseActName(v); err == nil {
		return p.actLink(n)
	}
	if t, err := comity.ParseTime(v); err == nil {
		return p.stamp(t)
	}
	switch name {
	case "party", "who", "holder", "from", "to", "in_favour", "against", "abstained", "absent":
		if x := comity.Party(v); x.Valid() == nil {
			return p.party(x)
		}
	}
	return template.HTML(`<bdi dir="auto">` + template.HTMLEscapeString(v) + `</bdi>`)
}
