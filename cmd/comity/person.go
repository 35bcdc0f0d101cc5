package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/comity/comity/internal/person"
)

func (a *app) personCmd() *cobra.Command {
	c := &cobra.Command{Use: "person", Short: "Keep the organization's people", Args: none,
		Example: `  comity person add --id a.diallo --name "Awa Diallo" --office "Watch officer" --role officer
  comity person list`,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(a.personAddCmd(), a.personListCmd())
	return c
}

func (a *app) personAddCmd() *cobra.Command {
	var id, name, office, role string
	c := &cobra.Command{
		Use:     "add --id ID --name NAME --office OFFICE --role ROLE",
		Short:   "Add a person",
		Example: `  comity person add --id a.diallo --name "Awa Diallo" --office "Watch officer" --role officer`,
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := person.ParseRole(role)
			if err != nil {
				return usageError{err}
			}
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			p, err := n.People.AddPerson(c.Context(), id, name, office, r)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s, %s (%s): %s\n", p.Office, p.Name, p.ID, p.Role)
			return nil
		},
	}
	c.Flags().StringVar(&id, "id", "", "short name, like a.diallo (required)")
	c.Flags().StringVar(&name, "name", "", "full name (required)")
	c.Flags().StringVar(&office, "office", "", "office held, like \"Watch officer\" (required)")
	c.Flags().StringVar(&role, "role", "officer", "observer, officer, releasing or administrator")
	return c
}

func (a *app) personListCmd() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the people",
		Example: `  comity person list --dir /var/lib/comity`,
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			all, err := n.People.Persons(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				if all == nil {
					all = []person.Person{}
				}
				return a.asJSON(all)
			}
			for _, p := range all {
				fmt.Fprintf(a.out, "%-20s %-14s %s, %s\n", p.ID, p.Role, p.Office, p.Name)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *app) tokenCmd() *cobra.Command {
	var who, role string
	var valid time.Duration
	c := &cobra.Command{
		Use:   "token --role ROLE [--person P]",
		Short: "Print a token with which a program acts for a person",
		Long: `Prints a token for the API, alone on the last line. It is shown once and kept
nowhere; programs send it as "Authorization: Bearer TOKEN".`,
		Example: `  comity token --dir /var/lib/comity --person a.diallo --role officer`,
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := person.ParseRole(role)
			if err != nil {
				return usageError{err}
			}
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			p, err := choose(c.Context(), n, who, r)
			if err != nil {
				return err
			}
			token, err := n.People.IssueToken(c.Context(), p.ID, r, valid)
			if err != nil {
				return err
			}
			fmt.Fprintln(a.out, token)
			return nil
		},
	}
	c.Flags().StringVar(&who, "person", "", "for whom (needed if several persons have the role)")
	c.Flags().StringVar(&role, "role", "officer", "observer, officer, releasing or administrator")
	c.Flags().DurationVar(&valid, "valid", 90*24*time.Hour, "for how long")
	return c
}

func (a *app) signInCmd() *cobra.Command {
	var who string
	var valid time.Duration
	c := &cobra.Command{
		Use:     "sign-in --person P",
		Short:   "Print a one-time link that signs a person's browser in",
		Example: `  comity sign-in --dir /var/lib/comity --person a.diallo`,
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			p, err := choose(c.Context(), n, who, person.Officer)
			if err != nil {
				return err
			}
			link, err := n.SignInLink(c.Context(), p.ID, p.Role, valid)
			if err != nil {
				return err
			}
			fmt.Fprintln(a.out, link)
			return nil
		},
	}
	c.Flags().StringVar(&who, "person", "", "whose browser (needed if several persons could)")
	c.Flags().DurationVar(&valid, "valid", time.Hour, "for how long the link is good")
	return c
}
