package witness

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
)

// Policy says which checkpoints are accepted: those signed by one of its logs
// and cosigned as its quorum demands. It is written as C2SP tlog-policy has it
// (https://c2sp.org/tlog-policy):
//
//	witness au  au.example/witness+<id>+<key>
//	witness eu  eu.example/witness+<id>+<key>
//	witness glk witness.glasklar.is+<id>+<key> https://witness.glasklar.is
//	group bodies 1 au eu
//	group both all bodies glk
//	quorum both
//
// Keys may be Ed25519 and ML-DSA-44. It is a [torchwood.Policy].
type Policy struct {
	Logs      []PolicyLog
	Witnesses []PolicyWitness
	text      []byte
	parts     map[string]*part // witnesses and groups by name
	order     []string         // their names as they were defined
	quorum    string           // a name in parts, or none
}

var _ torchwood.Policy = (*Policy)(nil)

// PolicyLog is a log line.
type PolicyLog struct {
	Key      string // vkey; its name is the log's origin
	URL      string // "" if the line has none
	Verifier note.Verifier
}

// PolicyWitness is a witness line.
type PolicyWitness struct {
	Name     string // in this policy only
	Key      string // vkey
	URL      string // submission prefix, without a final slash; "" if the line has none
	Verifier note.Verifier
}

// part is a witness (verifier) or a group (of, at least n).
type part struct {
	verifier note.Verifier
	of       []string
	n        int
}

// none is the predefined quorum that demands nothing.
const none = "none"

// The most that a policy may hold; the specification recommends at least 32 of
// each.
const (
	maxPolicy      = 1 << 20 // bytes
	maxPolicyLines = 4096
)

// PolicyError says which line of a policy is wrong, and why.
type PolicyError struct {
	Line int // from 1; 0 if the whole is meant
	Text string
}

func (e *PolicyError) Error() string {
	if e.Line == 0 {
		return "policy: " + e.Text
	}
	return fmt.Sprintf("policy, line %d: %s", e.Line, e.Text)
}

// ParsePolicy reads a policy file. An error is a *PolicyError.
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > maxPolicy || bytes.Count(text, []byte("\n")) > maxPolicyLines {
		return nil, &PolicyError{0, fmt.Sprintf("longer than %d bytes or %d lines", maxPolicy, maxPolicyLines)}
	}
	return readPolicy(text, false)
}

// NewPolicy is the policy that FormatPolicy writes, of parties that have stated their
// keys themselves, and have proven of none that they hold its secret. If one states
// another's key as its own, that counts for both: whose it is loses nothing, and
// the other has made its vote the same, as it could by its own key.
func NewPolicy(logs []string, n int, of []Cosigner) (*Policy, error) {
	return readPolicy(FormatPolicy(logs, n, of), true)
}

func readPolicy(text []byte, stated bool) (*Policy, error) {
	r := policyReader{p: &Policy{text: bytes.Clone(text), parts: map[string]*part{}}, keys: map[string]int{}, ids: map[string]int{}, member: map[string]string{}, stated: stated}
	for i, line := range strings.Split(string(text), "\n") {
		if why := r.line(i+1, line); why != "" {
			return nil, &PolicyError{i + 1, why}
		}
	}
	if r.p.quorum == "" {
		return nil, &PolicyError{0, "no quorum line; end the file with \"quorum\" and the name of a witness or group, or \"quorum none\""}
	}
	return r.p, nil
}

type policyReader struct {
	p      *Policy
	keys   map[string]int    // public key, line
	ids    map[string]int    // name and ID of a key, line
	stated bool              // see NewPolicy
	member map[string]string // name, the group that it stands in
}

// line reads one; it returns what is wrong with it.
func (r *policyReader) line(number int, line string) string {
	for i := range len(line) {
		if c := line[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return fmt.Sprintf("has the control character 0x%02x; write it with a plain text editor and Unix line ends", c)
		}
	}
	f := strings.FieldsFunc(line, func(c rune) bool { return c == ' ' || c == '\t' })
	if len(f) == 0 || strings.HasPrefix(f[0], "#") {
		return ""
	}
	args := f[1:]
	switch f[0] {
	case "log":
		if len(args) < 1 || len(args) > 2 {
			return "write it as: log VKEY [URL]"
		}
		return r.log(number, args[0], strings.Join(args[1:], ""))
	case "witness":
		if len(args) < 2 || len(args) > 3 {
			return "write it as: witness NAME VKEY [URL]"
		}
		return r.witness(number, args[0], args[1], strings.Join(args[2:], ""))
	case "group":
		if len(args) < 3 {
			return "write it as: group NAME all|any|NUMBER MEMBER…"
		}
		return r.group(args[0], args[1], args[2:])
	case "quorum":
		switch {
		case len(args) != 1:
			return "write it as: quorum NAME, or: quorum none"
		case r.p.quorum != "":
			return "a second quorum line; one is enough"
		case args[0] != none && r.p.parts[args[0]] == nil:
			return fmt.Sprintf("%q is not defined above; define the witness or group before the quorum", clip(args[0]))
		}
		r.p.quorum = args[0]
		return ""
	}
	return fmt.Sprintf("begins with %q; a line begins with log, witness, group, quorum or #", clip(f[0]))
}

func (r *policyReader) log(number int, key, url string) string {
	v, err := ParseLog(key)
	if err != nil {
		return err.Error()
	}
	if why := r.newKey(number, key, v); why != "" {
		return why
	}
	r.p.Logs = append(r.p.Logs, PolicyLog{key, url, v})
	return ""
}

func (r *policyReader) witness(number int, name, key, url string) string {
	if why := r.newName(name); why != "" {
		return why
	}
	v, err := ParseCosigner(key)
	if err != nil {
		return err.Error()
	}
	if why := r.newKey(number, key, v); why != "" {
		return why
	}
	r.define(name, &part{verifier: v})
	r.p.Witnesses = append(r.p.Witnesses, PolicyWitness{name, key, strings.TrimRight(url, "/"), v})
	return ""
}

func (r *policyReader) group(name, threshold string, members []string) string {
	if why := r.newName(name); why != "" {
		return why
	}
	g := &part{of: members}
	switch threshold {
	case "any":
		g.n = 1
	case "all":
		g.n = len(members)
	default:
		var err error
		g.n, err = strconv.Atoi(threshold)
		if err != nil || g.n < 1 || g.n > len(members) || strconv.Itoa(g.n) != threshold {
			return fmt.Sprintf("%q of %d members cannot be; write all, any, or a number from 1 to %d", clip(threshold), len(members), len(members))
		}
	}
	for _, m := range members {
		if r.p.parts[m] == nil {
			return fmt.Sprintf("%q is not defined above; define each member before the group", clip(m))
		}
		if in, ok := r.member[m]; ok {
			return fmt.Sprintf("%q stands in the group %q already; each name is a member once", clip(m), clip(in))
		}
		r.member[m] = name
	}
	r.define(name, g)
	return ""
}

func (r *policyReader) define(name string, p *part) {
	r.p.parts[name] = p
	r.p.order = append(r.p.order, name)
}

func (r *policyReader) newName(name string) string {
	switch {
	case name == none:
		return "\"none\" cannot be the name of a witness or group"
	case r.p.parts[name] != nil:
		return fmt.Sprintf("%q is defined twice", clip(name))
	}
	return ""
}

// newKey refuses a public key that stands in the file already, under whatever
// name, and another of which a signature line would say the same. The vkey has
// been parsed.
func (r *policyReader) newKey(number int, vkey string, v note.Verifier) string {
	raw := publicKey(vkey)
	if at, ok := r.keys[raw]; ok && !r.stated {
		return fmt.Sprintf("the same key as in line %d", at)
	}
	id := fmt.Sprintf("%s+%08x", v.Name(), v.KeyHash())
	if at, ok := r.ids[id]; ok {
		return fmt.Sprintf("another key has the same name and ID in line %d, and their signatures could not be told apart", at)
	}
	r.keys[raw], r.ids[id] = number, number
	return ""
}

// publicKey of a vkey that has been parsed: without name, ID and type.
func publicKey(vkey string) string {
	raw, err := decodeKey(vkey)
	if err != nil {
		return ""
	}
	return string(raw[1:])
}

// WithLogs is the policy for those logs only, whatever log lines it has. keys
// are vkeys of one or several logs; a log may have several.
func (p *Policy) WithLogs(keys ...string) (*Policy, error) {
	q := *p
	q.Logs = nil
	for _, k := range keys {
		v, err := ParseLog(k)
		if err != nil {
			return nil, err
		}
		q.Logs = append(q.Logs, PolicyLog{Key: k, Verifier: v})
	}
	return &q, nil
}

// String is the file that was read.
func (p *Policy) String() string { return string(p.text) }

// File is String for others to read. A key that two organizations state counts for both
// here, see NewPolicy, but no file may name it twice: then the error says what is left
// to do by hand.
func (p *Policy) File() (string, error) {
	if _, err := ParsePolicy(p.text); err != nil {
		return p.String(), fmt.Errorf("as a file nobody can read this: %w. If it is a key that two organizations have stated, "+
			"take out the line of the one that does not sign with it, and its name out of the groups", err)
	}
	return p.String(), nil
}

// Verifier implements torchwood.Policy.
func (p *Policy) Verifier(name string, hash uint32) (note.Verifier, error) {
	for _, l := range p.Logs {
		if v := l.Verifier; v.Name() == name && v.KeyHash() == hash {
			return v, nil
		}
	}
	for _, w := range p.Witnesses {
		if v := w.Verifier; v.Name() == name && v.KeyHash() == hash {
			return v, nil
		}
	}
	return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
}

// Check implements torchwood.Policy: sigs, which must be verified, are of one
// of the logs, whose name is the origin, and of a quorum.
func (p *Policy) Check(origin string, sigs []note.Signature) error {
	signed := func(v note.Verifier) bool {
		return slices.ContainsFunc(sigs, func(s note.Signature) bool { return s.Name == v.Name() && s.Hash == v.KeyHash() })
	}
	if !slices.ContainsFunc(p.Logs, func(l PolicyLog) bool { return l.Verifier.Name() == origin && signed(l.Verifier) }) {
		return fmt.Errorf("not signed by %q with a key of the policy", clip(origin))
	}
	if !p.met(func(name string) bool { return signed(p.parts[name].verifier) })[p.quorum] {
		return fmt.Errorf("cosigned by too few: the policy demands %s", p.Demands())
	}
	return nil
}

// Met reports whether witnesses are a quorum.
func (p *Policy) Met(by func(PolicyWitness) bool) bool {
	return p.met(func(name string) bool { return by(p.witness(name)) })[p.quorum]
}

// Counted are the witnesses that the quorum counts, as they stand in the file.
func (p *Policy) Counted() []PolicyWitness {
	below := map[string]bool{p.quorum: true}
	for _, name := range slices.Backward(p.order) { // groups come after their members
		if g := p.parts[name]; below[name] {
			for _, m := range g.of {
				below[m] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(p.Witnesses), func(w PolicyWitness) bool { return !below[w.Name] })
}

func (p *Policy) witness(name string) PolicyWitness {
	return p.Witnesses[slices.IndexFunc(p.Witnesses, func(w PolicyWitness) bool { return w.Name == name })]
}

// met says of every name whether it is met, given the witnesses that signed.
// Members are defined before their groups, so one pass will do.
func (p *Policy) met(signed func(witness string) bool) map[string]bool {
	out := map[string]bool{none: true}
	for _, name := range p.order {
		g := p.parts[name]
		if g.verifier != nil {
			out[name] = signed(name)
			continue
		}
		n := 0
		for _, m := range g.of {
			if out[m] {
				n++
			}
		}
		out[name] = n >= g.n
	}
	return out
}

// Demands is what the quorum asks for, in words: "2 of au, eu, oas"; "" if it
// asks for nothing.
func (p *Policy) Demands() string {
	if p.quorum == none {
		return ""
	}
	words := map[string]string{}
	for _, name := range p.order {
		g := p.parts[name]
		if g.verifier != nil {
			words[name] = name
			continue
		}
		var members []string
		for _, m := range g.of {
			w := words[m]
			if g := p.parts[m]; len(g.of) > 1 && !p.pair(g) {
				w = "(" + w + ")"
			}
			members = append(members, w)
		}
		switch {
		case len(members) == 1:
			words[name] = members[0]
		case p.pair(g):
			words[name] = p.parts[g.of[0]].verifier.Name()
		default:
			words[name] = fmt.Sprintf("%d of %s", g.n, strings.Join(members, ", "))
		}
		if len(words[name]) > 2000 { // groups of groups may repeat nothing, but may be many
			words[name] = fmt.Sprintf("%d of %d, as the policy says", g.n, len(members))
		}
	}
	return words[p.quorum]
}

// pair reports whether a group is one witness with several keys.
func (p *Policy) pair(g *part) bool {
	if g.n != 1 || len(g.of) < 2 {
		return false
	}
	first := p.parts[g.of[0]].verifier
	return first != nil && !slices.ContainsFunc(g.of, func(name string) bool {
		v := p.parts[name].verifier
		return v == nil || v.Name() != first.Name()
	})
}

// Cosigner of a policy: one party with its keys, any of which counts for it.
type Cosigner struct {
	Name string
	Keys []string // vkeys; at least one
	URL  string
}

// FormatPolicy writes the policy "signed by one of these log keys and cosigned
// by at least n of these parties". With n = 0 it demands no cosignature.
func FormatPolicy(logs []string, n int, of []Cosigner) []byte {
	var b bytes.Buffer
	for _, l := range logs {
		fmt.Fprintf(&b, "log %s\n", l)
	}
	var members []string
	for _, c := range of {
		var names []string
		for i, k := range c.Keys {
			name := c.Name
			if len(c.Keys) > 1 {
				name = fmt.Sprintf("%s/%d", c.Name, i+1)
			}
			fmt.Fprintf(&b, "witness %s\n", strings.TrimSpace(name+" "+k+" "+c.URL))
			names = append(names, name)
		}
		if len(names) > 1 {
			fmt.Fprintf(&b, "group %s any %s\n", c.Name, strings.Join(names, " "))
		}
		members = append(members, c.Name)
	}
	if n == 0 || len(members) == 0 {
		b.WriteString("quorum none\n")
	} else {
		fmt.Fprintf(&b, "group witnesses %d %s\nquorum witnesses\n", n, strings.Join(members, " "))
	}
	return b.Bytes()
}

// Parties are the witnesses of the policy that have an address, each with all
// its keys: those that share an address are one.
func (p *Policy) Parties() []Cosigner {
	by := map[string]*Cosigner{}
	for _, w := range p.Witnesses {
		if w.URL == "" {
			continue
		}
		c := by[w.URL]
		if c == nil {
			c = &Cosigner{Name: w.Verifier.Name(), URL: w.URL}
			by[w.URL] = c
		}
		c.Keys = append(c.Keys, w.Key)
	}
	var out []Cosigner
	for _, url := range slices.Sorted(maps.Keys(by)) {
		out = append(out, *by[url])
	}
	return out
}
