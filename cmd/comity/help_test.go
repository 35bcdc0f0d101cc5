package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/comity/comity/act"
)

// Every command says what it does and shows a call that it would accept.
func TestHelp(t *testing.T) {
	a := &app{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		name := c.CommandPath()
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: short text %q", name, c.Short)
		}
		if c.Example == "" {
			t.Errorf("%s: the help text has no example", name)
		}
		for line := range strings.Lines(c.Example) {
			words := strings.Fields(line)
			if len(words) == 0 || words[0] != "comity" {
				t.Errorf("%s: example %q does not begin with comity", name, line)
				continue
			}
			found, rest, err := c.Root().Find(words[1:])
			if err != nil || found == c.Root() {
				t.Errorf("%s: example %q: no such command: %v", name, line, err)
				continue
			}
			for _, w := range rest {
				flag, ok := strings.CutPrefix(w, "--")
				if flag, _, _ = strings.Cut(flag, "="); ok && found.Flag(flag) == nil && found.InheritedFlags().Lookup(flag) == nil {
					t.Errorf("%s: example %q: no flag %s", name, line, w)
				}
			}
		}
		code, out, errOut := callHere(t, "", append(strings.Fields(name)[1:], "--help")...)
		if code != exitOK || errOut != "" || !strings.Contains(out, "Examples:\n") {
			t.Errorf("%s --help: exit %d, %q, %q", name, code, out, errOut)
		}
	}
	walk(a.root())
}

// "act --example" prints, for every kind, a document that can be issued: one
// that decodes, and leaves to the node what the node writes.
func TestExampleOfEveryKind(t *testing.T) {
	code, out, errOut := callHere(t, "", "act", "--kinds")
	if code != exitOK || errOut != "" {
		t.Fatalf("act --kinds: exit %d, %s", code, errOut)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != len(act.Kinds()) {
		t.Errorf("act --kinds prints %d lines, of %d kinds", len(lines), len(act.Kinds()))
	}
	for _, line := range lines {
		name, about, _ := strings.Cut(line, " ")
		if strings.TrimSpace(about) == "" {
			t.Errorf("act --kinds says nothing about %s", name)
		}
		code, out, errOut := callHere(t, "", "act", "--example", name)
		if code != exitOK || errOut != "" {
			t.Errorf("act --example %s: exit %d, %s", name, code, errOut)
			continue
		}
		a, err := act.Decode([]byte(out))
		if err != nil {
			t.Errorf("act --example %s: %v", name, err)
			continue
		}
		if a.Kind.Base() != name || a.Contradiction != "" {
			t.Errorf("act --example %s prints a %s, contradiction %q", name, a.Kind, a.Contradiction)
		}
		doc, err := act.ParseDocument([]byte(out))
		if err != nil {
			t.Errorf("act --example %s: %v", name, err)
			continue
		}
		for _, m := range []string{"domain", "recorded", "effects"} {
			if doc.Get(m) != nil {
				t.Errorf("act --example %s has %q, which the node writes", name, m)
			}
		}
	}
}
