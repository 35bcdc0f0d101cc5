package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/peer"
)

func (a *app) followCmd() *cobra.Command {
	var key string
	c := &cobra.Command{
		Use:   "follow URL",
		Short: "Pin another organization's keys and follow its journal",
		Long: `Asks the node at URL who it is, shows its keys, and asks whether to pin them.
What the network says is only a hint: compare the log key with the one that the
organization gave you by another way. With --key that comparison is done for
you, and nothing is asked. A running node begins to follow within seconds.`,
		Example: `  comity follow https://comity.au.example
  comity follow https://comity.au.example --key au.example/journal+5f0a…`,
		Args: exactly(1, "one URL"),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			base := strings.TrimSuffix(args[0], "/")
			p, err := node.Ask(ctx, base)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s\n  domain     %s\n  log key    %s\n  witness    %s\n  mirror     %s\n  sealing    %s…\n",
				p.Name, p.Domain, p.LogKey, p.WitnessKey, p.MirrorKey, p.Recipient[:32])
			switch {
			case key != "" && key != p.LogKey:
				return fmt.Errorf("the node at %s has the log key %s, not the one given: nothing was pinned", base, p.LogKey)
			case key == "":
				fmt.Fprint(a.out, "Is this the log key that they gave you by another way? Type yes to pin it: ")
				line, _ := bufio.NewReader(a.in).ReadString('\n')
				if strings.TrimSpace(line) != "yes" {
					return errors.New("nothing was pinned")
				}
			}
			p.Pinned = time.Now().UTC()
			if err := a.pin(c, p); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "Pinned %s. A running node begins to follow it within seconds.\n", p.Domain)
			return nil
		},
	}
	c.Flags().StringVar(&key, "key", "", "pin only if the log key is this one")
	return c
}

func (a *app) pin(c *cobra.Command, p peer.Peer) error {
	n, err := a.read(c.Context())
	if err != nil {
		return err
	}
	defer n.Close()
	return n.Pin(c.Context(), p)
}
