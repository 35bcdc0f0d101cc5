package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/witness"
)

func (a *app) witnessCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "witness",
		Short: "Cosign logs that are no peers, and show who must cosign ours",
		Long: `Our witness cosigns the journals of all peers. It cosigns other logs, too, if
they are on its list: any log as C2SP tlog-witness has it. The list is the
file ` + node.LogsFile + ` in the folder, written as the public witness network
writes its lists. A running node reads it again when it changed.

Who must have cosigned our own journal before a checkpoint of it is accepted is
said by the file ` + node.PolicyFile + ` in the folder, a C2SP tlog-policy; a
witness line with an address makes the node ask that witness, too. Without the
file a majority of the peers must have. The same witnesses are asked at a start
how far they have seen our journal, before anything is signed. The node reads
the file when it starts.`,
		Example: `  comity witness
  comity witness add sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8 --origin "go.sum database tree"
  comity witness policy > policy.txt`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := node.ReadFolder(a.dir)
			if err != nil {
				return err
			}
			list, err := f.Logs()
			if err != nil {
				return err
			}
			if len(list) == 0 {
				fmt.Fprintln(a.out, "Our witness cosigns the journals of peers only. \"comity witness add VKEY\" adds another log.")
			}
			for _, o := range list.Origins() {
				fmt.Fprintf(a.out, "%s\n  %s\n", o, list[o])
			}
			return nil
		},
	}
	c.AddCommand(a.witnessAddCmd(), a.witnessRemoveCmd(), a.witnessPolicyCmd())
	return c
}

func (a *app) witnessAddCmd() *cobra.Command {
	var origin string
	c := &cobra.Command{
		Use:     "add VKEY",
		Short:   "Cosign another log from now on",
		Long:    "Puts a log on the list of those that our witness cosigns. The key is a C2SP vkey, got by another way than the network.",
		Example: `  comity witness add example.com/log42+5f0a1b2c+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k`,
		Args:    exactly(1, "one verification key (C2SP vkey)"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.changeLogs(func(l witness.LogList) error {
				if err := l.Add(comity.Origin(origin), args[0]); err != nil {
					return usageError{err}
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&origin, "origin", "", "origin of the log, if it is not the key's name")
	return c
}

func (a *app) witnessRemoveCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "remove ORIGIN",
		Short:   "Cosign a log no longer",
		Long:    "Takes a log off the list of those that our witness cosigns. What it remembers of it stays, so that it never contradicts itself.",
		Example: `  comity witness remove example.com/log42`,
		Args:    exactly(1, "one log's origin"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.changeLogs(func(l witness.LogList) error {
				if l[comity.Origin(args[0])] == "" {
					return fmt.Errorf("%q is not on the list; \"comity witness\" shows it", args[0])
				}
				delete(l, comity.Origin(args[0]))
				return nil
			})
		},
	}
}

func (a *app) witnessPolicyCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "policy",
		Short: "Print the policy by which our checkpoints are accepted",
		Long: `Prints the policy as a C2SP tlog-policy file: for others, who check proofs
with it ("comity verify --policy"), or to begin a ` + node.PolicyFile + ` with.`,
		Example: `  comity witness policy`,
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			p, err := n.Policy(c.Context())
			if err != nil {
				return err
			}
			text, err := p.File()
			fmt.Fprint(a.out, text)
			return err
		},
	}
}

func (a *app) changeLogs(change func(witness.LogList) error) error {
	f, err := node.ReadFolder(a.dir)
	if err != nil {
		return err
	}
	list, err := f.Logs()
	if err == nil {
		err = change(list)
	}
	if err != nil {
		return err
	}
	if list[f.Settings.Domain.Origin()] != "" {
		return errors.New("that is our own journal; a witness is somebody else")
	}
	return f.SetLogs(list)
}

// acceptance says what the policy demands of our journal, and how far it is
// met.
func (a *app) acceptance(c *cobra.Command) error {
	ctx := c.Context()
	r, err := fetch(ctx, a, "/api/v1/record", func(n *node.Node) (api.Record, error) {
		r, err := n.Desk.Record(ctx, operator)
		return api.RecordOf(r), err
	})
	if err != nil {
		return err
	}
	if r.Demands != "" {
		fmt.Fprintf(a.out, "Ours is accepted once cosigned by %s: up to %d of %d entries now\n", r.Demands, r.Accepted, r.Size)
	}
	return nil
}
