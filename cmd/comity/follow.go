package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/keys"
)

func (a *app) followCmd() *cobra.Command {
	var key string
	var asJSON, noWait bool
	c := &cobra.Command{
		Use:   "follow URL",
		Short: "Pin another organization's keys and follow its journal",
		Long: `Asks the node at URL who it is, shows its keys, and asks whether to pin them.
What the network says is only a hint: compare the log key with the one that the
organization gave you by another way, or its fingerprint, below it: their
"comity key show" prints both. With --key that comparison is done for you, and
nothing is asked.

Then the journal is read from its beginning, by the node that runs on the
folder or, if none does, by this command, which shows how far that is. To stop
this loses nothing: the node goes on by itself. --no-wait does not wait for it.`,
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
			hello := a.out
			if asJSON {
				hello = a.err
			}
			fmt.Fprintf(hello, "%s\n  domain     %s\n  log key    %s\n             %s\n  witness    %s\n  mirror     %s\n  sealing    %s…\n",
				p.Name, p.Domain, p.LogKey, keys.Fingerprint(p.LogKey), p.WitnessKey, p.MirrorKey, p.Recipient[:32])
			switch {
			case key != "" && key != p.LogKey:
				return fmt.Errorf("the node at %s has the log key %s, not the one given: nothing was pinned", base, p.LogKey)
			case key == "":
				fmt.Fprint(hello, "Is this the log key that they gave you by another way? Type yes to pin it: ")
				line, _ := bufio.NewReader(a.in).ReadString('\n')
				if strings.TrimSpace(line) != "yes" {
					return errors.New("nothing was pinned")
				}
			}
			p.Pinned = time.Now().UTC()
			if err := a.pin(c, p); err != nil {
				return err
			}
			if !asJSON {
				fmt.Fprintf(a.out, "Pinned %s. A running node begins to follow it within seconds.\n", p.Domain)
			}
			if !noWait {
				if err := a.catchUp(ctx, p.Domain, asJSON); err != nil {
					fmt.Fprintf(a.err, "%s is pinned, but its journal is not read yet: %v. The node goes on trying while it runs.\n", p.Domain, err)
				}
			}
			if asJSON {
				return a.peersAsJSON(ctx, p.Domain)
			}
			return nil
		},
	}
	c.Flags().StringVar(&key, "key", "", "pin only if the log key is this one")
	c.Flags().BoolVar(&asJSON, "json", false, "print how it stands then as JSON, as the API answers it, and no progress")
	c.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until its journal is read")
	return c
}

// peersAsJSON prints how one organization stands with us.
func (a *app) peersAsJSON(ctx context.Context, d comity.Domain) error {
	all, err := fetch(ctx, a, "/api/v1/peers", func(n *node.Node) (api.Peers, error) {
		all, err := n.Desk.Peers(ctx, operator)
		return api.PeersOf(all), err
	})
	if err != nil {
		return err
	}
	for _, p := range all.Peers {
		if p.Domain == d {
			return a.asJSON(p)
		}
	}
	return fmt.Errorf("%s is pinned no more", d)
}

func (a *app) pin(c *cobra.Command, p peer.Peer) error {
	n, err := a.read(c.Context())
	if err != nil {
		return err
	}
	defer n.Close()
	return n.Pin(c.Context(), p)
}
