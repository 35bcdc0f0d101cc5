package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/node"
)

func (a *app) fsckCmd() *cobra.Command {
	var at string
	c := &cobra.Command{
		Use:   "fsck",
		Short: "Check every journal held here, from its first entry",
		Long: `Re-reads our own journal and the copies of others from the first entry,
recomputes their trees, and compares them with the signed checkpoints. Looks
whether the sealed contents are there that the journals commit to, and notes
those that are not, so that the node fetches them again.`,
		Example: `  comity fsck --dir /var/lib/comity`,
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			if at != "" {
				d, err := comity.ParseDomain(at)
				if err != nil {
					return err
				}
				cp, err := n.Audit(c.Context(), d, nil)
				if err != nil {
					return fmt.Errorf("what %s serves does not pass: %w", d, err)
				}
				fmt.Fprintf(a.out, "ok      %s as served, %d entries\n", d.Origin(), cp.Size)
				return nil
			}
			damaged := false
			err = n.Fsck(c.Context(), func(o comity.Origin, size int64, err error) {
				if err != nil {
					damaged = damaged || !errors.Is(err, node.ErrBoxes)
					fmt.Fprintf(a.out, "FAILED  %s: %v\n", o, err)
					return
				}
				fmt.Fprintf(a.out, "ok      %s, %d entries\n", o, size)
			})
			if err != nil && !damaged && errors.Is(err, node.ErrBoxes) {
				return errors.New("the journals are whole, some sealed contents are not: let the node run while peers can be reached, and check again in a minute")
			}
			if err != nil {
				return errors.New("the record is damaged: stop the node, keep a copy of the folder, and restore it from a backup or from your peers' mirrors")
			}
			return nil
		},
	}
	c.Flags().StringVar(&at, "at", "", "check what this peer serves instead")
	return c
}
