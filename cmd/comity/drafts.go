package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/person"
)

func (a *app) draftsCmd() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "drafts",
		Short: "List what waits for a second person's release",
		Example: `  comity drafts --dir /var/lib/comity
  comity drafts --json`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			all, err := n.Desk.Drafts(c.Context(), operator)
			if err != nil {
				return err
			}
			if asJSON {
				return a.asJSON(api.DraftsOf(all))
			}
			if len(all) == 0 {
				fmt.Fprintln(a.out, "Nothing waits. Consequential acts (decisions, mandates, deployments, withdrawals …) appear here until a second person releases them.")
			}
			for _, d := range all {
				fmt.Fprintf(a.out, "%d  %s  %s  by %s, %s\n", d.ID, d.Kind.Base(), d.Title, d.By, d.At)
			}
			return a.awaited(c.Context(), n)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *app) releaseCmd() *cobra.Command {
	var who string
	var asJSON bool
	c := &cobra.Command{
		Use:     "release DRAFT",
		Short:   "Release a consequential act that another person drafted",
		Example: `  comity release 7 --person m.haddad`,
		Args:    exactly(1, "one draft's number, as \"comity drafts\" lists it"),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usageError{fmt.Errorf("draft %q: want a number", args[0])}
			}
			ctx := c.Context()
			out, err := a.asPerson(ctx, who, person.Releasing, fmt.Sprintf("/api/v1/drafts/%d/release", id), "", nil,
				func(n *node.Node, who desk.Who) (desk.Issued, error) { return n.Desk.Release(ctx, who, id) })
			if err != nil {
				return err
			}
			return a.printIssued(out, asJSON)
		},
	}
	c.Flags().StringVar(&who, "person", "", "who releases it")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	a.aloneFlag(c)
	return c
}

// operator reads the folder from a terminal: whoever can read the files can
// read what is in them.
var operator = desk.Who{Person: &person.Person{ID: "operator", Role: person.Administrator}, Role: person.Administrator}
