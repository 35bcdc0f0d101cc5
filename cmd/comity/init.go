package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/node"
)

func (a *app) initCmd() *cobra.Command {
	var domain, name string
	c := &cobra.Command{
		Use:     "init --dir D --domain DOMAIN --name NAME",
		Short:   "Make an organization's folder, with its keys",
		Example: `  comity init --dir /var/lib/comity --domain ecowas.int --name "Economic Community of West African States"`,
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := comity.ParseDomain(domain)
			if err != nil {
				return usageError{err}
			}
			if strings.TrimSpace(name) == "" {
				return usageError{errors.New("--name: say what the organization is called, for example --name \"Economic Community of West African States\"")}
			}
			if err := node.Init(a.dir, d, name); err != nil {
				return err
			}
			root := filepath.Join(a.dir, "keys", node.RootKeyFile)
			fmt.Fprintf(a.out, `Made %s for %s.

Take the root key off this machine now, to paper or to a medium in a safe:
  %s
It is needed only to replace the other keys, and it is the one thing that a
thief of this machine must not find.

Next:
  comity person add --dir %s --id NAME --name "…" --office "…" --role administrator
  comity serve --dir %s --listen 127.0.0.1:8080
`, a.dir, d, root, a.dir, a.dir)
			return nil
		},
	}
	c.Flags().StringVar(&domain, "domain", "", "the organization's domain, like ecowas.int (required)")
	c.Flags().StringVar(&name, "name", "", "what it is called (required)")
	return c
}
