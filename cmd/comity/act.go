package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comity/comity/act"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/person"
)

func (a *app) actCmd() *cobra.Command {
	var example, who, key string
	var kinds, asJSON bool
	c := &cobra.Command{
		Use:   "act [FILE.json]",
		Short: "Issue an act from a file or standard input, or print an example to edit",
		Long: `Issues the act in FILE.json, or on standard input, in the organization's
journal, and prints its name: it is then durable, in the tree and under our
signature. A consequential act waits for a second person; see "comity drafts".

Leaf hashes in "re" may be left out: the act held here is meant. So may
"effects": the node writes them.

If the answer of a running node is lost, it is asked again, and issues once. A
script that may be cut off itself gives a --key of its own.`,
		Example: `  comity act --example warning > warning.json
  comity act warning.json --dir /var/lib/comity --person a.diallo
  comity act --kinds`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{errors.New("act takes one file")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case kinds:
				return a.printKinds()
			case c.Flags().Changed("example"):
				return a.printExample(example)
			}
			doc, err := a.document(args)
			if err != nil {
				return err
			}
			out, err := a.issue(c.Context(), who, key, doc)
			if err != nil {
				return err
			}
			return a.printIssued(out, asJSON)
		},
	}
	c.Flags().StringVar(&example, "example", "", "print a valid document of this kind, to edit")
	c.Flags().BoolVar(&kinds, "kinds", false, "list the kinds of acts")
	c.Flags().StringVar(&who, "person", "", "who issues it (needed if several persons could)")
	c.Flags().StringVar(&key, "key", "", "your name for this call; called again with it within a day, the act is issued once")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	a.aloneFlag(c)
	return c
}

func (a *app) printKinds() error {
	for _, k := range act.Kinds() {
		second := ""
		if k.Consequential {
			second = " Needs a second person."
		}
		fmt.Fprintf(a.out, "%-24s %s%s\n", k.Kind.Base(), k.About, second)
	}
	return nil
}

func (a *app) printExample(name string) error {
	for _, k := range act.Kinds() {
		if string(k.Kind) == name || k.Kind.Base() == name {
			return a.asJSON(k.Example())
		}
	}
	return usageError{fmt.Errorf("there is no kind %q; \"comity act --kinds\" lists them", name)}
}

// document reads the file named, or standard input, bounded.
func (a *app) document(args []string) ([]byte, error) {
	in := a.in
	if len(args) == 1 && args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, 4*act.MaxDocument))
}

func (a *app) printIssued(out desk.Issued, asJSON bool) error {
	if asJSON {
		return a.asJSON(api.IssuedOf(out))
	}
	if out.Draft != 0 {
		fmt.Fprintf(a.out, "draft %d waits for a second person: comity release %d --person …\n", out.Draft, out.Draft)
		return nil
	}
	fmt.Fprintln(a.out, out.Name)
	return nil
}

// issue issues a document in a person's name, once under one key.
func (a *app) issue(ctx context.Context, id, key string, doc []byte) (desk.Issued, error) {
	if key == "" {
		key = rand.Text()
	}
	out, err := a.asPerson(ctx, id, person.Officer, "/api/v1/acts", key, doc, func(n *node.Node, who desk.Who) (desk.Issued, error) {
		return n.Desk.IssueOnce(ctx, who, key, doc)
	})
	if errors.Is(err, errNoAnswer) {
		err = fmt.Errorf("%w; perhaps the act was issued, perhaps not: call again with --key %s, which issues it once", err, key)
	}
	return out, err
}

// choose finds the person meant: the one named, or the only one who can.
func choose(ctx context.Context, n *node.Node, id string, role person.Role) (person.Person, error) {
	if id != "" {
		p, err := n.People.Person(ctx, id)
		if errors.Is(err, person.ErrNotFound) {
			err = fmt.Errorf("nobody here is %q; \"comity person list\" lists the people", id)
		}
		return p, err
	}
	all, err := n.People.Persons(ctx)
	if err != nil {
		return person.Person{}, err
	}
	var can []person.Person
	for _, p := range all {
		if p.Role == role {
			can = append(can, p)
		}
	}
	if len(can) == 0 {
		for _, p := range all {
			if p.Role.Includes(role) {
				can = append(can, p)
			}
		}
	}
	switch len(can) {
	case 0:
		return person.Person{}, fmt.Errorf("nobody here is %s; add somebody with \"comity person add\"", role)
	case 1:
		return can[0], nil
	}
	var ids []string
	for _, p := range can {
		ids = append(ids, p.ID)
	}
	return person.Person{}, usageError{fmt.Errorf("say who acts, with --person: %s", strings.Join(ids, ", "))}
}
