package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/keys"
)

func (a *app) keyRootCmd() *cobra.Command {
	var domain, out string
	c := &cobra.Command{
		Use:   "root --domain DOMAIN --out FILE",
		Short: "Make a root key, on the machine where it will be kept",
		Long: `Makes a root key in FILE, which must not be there yet, and prints what others
verify it by. It needs no folder and no network. The key counts once the root
key before it has said so: comity key rotate --role root.`,
		Example: `  comity key root --domain ecowas.int --out /mnt/safe/root-2027.key`,
		Args:    none,
		RunE: func(*cobra.Command, []string) error {
			d, err := comity.ParseDomain(domain)
			switch {
			case err != nil:
				return usageError{fmt.Errorf("--domain: %w", err)}
			case out == "":
				return usageError{errors.New("give --out: the file for the key, on a medium that goes into a safe")}
			}
			v, err := node.NewRoot(out, d)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.err, "Made root key %s in %s\n  %s\n", keyID(v), out, keys.Fingerprint(v))
			fmt.Fprintln(a.out, v)
			return nil
		},
	}
	c.Flags().StringVar(&domain, "domain", "", "the organization's domain (required)")
	c.Flags().StringVar(&out, "out", "", "file for the key (required)")
	return c
}

// rotateRoot makes the statement by which the root key in force brings in the
// next one.
func (a *app) rotateRoot(c *cobra.Command, k keyChange, next string) error {
	switch {
	case next == "":
		return usageError{errors.New("give --new: the new root key, as \"comity key root\" printed it on the machine where it is kept")}
	case k.reason == "":
		return usageError{errors.New("give --reason: why the root key changes, for everybody to read")}
	}
	return a.change(c, k, func(_ *node.Node, h keys.History, s *keys.Statement) error {
		for _, was := range h.Keys(keys.Root) {
			if was.Key == next {
				return fmt.Errorf("root key %s is in force, or was; make a new one: comity key root", keyID(next))
			}
		}
		s.Set = s.Rotated(keys.Root, next)
		fmt.Fprintf(a.err, "The root key will be %s\n  %s\nCompare that with what \"comity key root\" printed: whoever has this key can replace all others.\n", keyID(next), keys.Fingerprint(next))
		return nil
	})
}
