package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/peer"
)

func (a *app) peersCmd() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "peers",
		Short: "List the organizations that are followed, or change that",
		Long: `Lists the pinned organizations: how far each is stored here, how far it has
stored and witnessed us, and why one is not being read; and why this node itself
records nothing, if so.

Pausing and resuming lose nothing. What was read of an organization that is
removed stays. "comity follow" pins one.`,
		Example: `  comity peers
  comity peers pause au.example
  comity peers remove au.example`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			all, err := fetch(ctx, a, "/api/v1/peers", func(n *node.Node) (api.Peers, error) {
				all, err := n.Desk.Peers(ctx, operator)
				return api.PeersOf(all), err
			})
			if err != nil {
				return err
			}
			if asJSON {
				return a.asJSON(all)
			}
			if len(all.Peers) == 0 {
				fmt.Fprintln(a.out, "Nobody is followed. \"comity follow URL\" pins an organization.")
			}
			for _, p := range all.Peers {
				fmt.Fprintf(a.out, "%-16s %s\n  %d of %d entries stored here%s\n", p.Domain, p.URL, p.Followed.Size, p.Followed.Theirs, following(p.Followed))
				for _, d := range p.Doubts {
					fmt.Fprintf(a.out, "  IN DOUBT: entries %d to %d; a key may have been in other hands since %s (statement %d: %s)\n", d.From, d.To-1, d.Since, d.Statement, d.Reason)
				}
				fmt.Fprintf(a.out, "  ours: stored %s, witnessed %s\n", upTo(p.Stored), upTo(p.Witness))
			}
			return errors.Join(a.acceptance(c), a.recording(ctx))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, as the API answers it")
	c.AddCommand(
		a.peerChangeCmd("pause", "Stop reading an organization's journal for a while", func(ctx context.Context, n *node.Node, d comity.Domain) error {
			return n.Pause(ctx, d, true)
		}),
		a.peerChangeCmd("resume", "Go on reading an organization's journal", func(ctx context.Context, n *node.Node, d comity.Domain) error {
			return n.Pause(ctx, d, false)
		}),
		a.peerChangeCmd("remove", "Follow and trust an organization no longer", func(ctx context.Context, n *node.Node, d comity.Domain) error {
			return n.Remove(ctx, d)
		}),
		a.unfreezeCmd(), a.repinCmd(), a.dropCmd(), a.droppedCmd())
	return c
}

// recording says whether the node of the folder runs, and why it records
// nothing if so.
func (a *app) recording(ctx context.Context) error {
	n, err := a.read(ctx)
	if err != nil {
		return err
	}
	defer n.Close()
	url := n.Beside(ctx)
	if url == "" {
		fmt.Fprintln(a.out, "The node does not run; this is from its record.")
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, "GET", url+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	why, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err == nil && resp.StatusCode == http.StatusServiceUnavailable {
		fmt.Fprintf(a.out, "NOT READY: %s\n", strings.TrimSpace(string(why)))
	}
	return err
}

func (a *app) unfreezeCmd() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "unfreeze DOMAIN --reason TEXT",
		Short: "Read on in a journal that contradicted itself",
		Long: `A journal that signed two checkpoints which contradict each other is frozen here
at the last good position. Ask the organization, by telephone or in person, what
happened, and compare its checkpoint with what is stored here. Then this goes
on from there. Who did so, when and why is kept, and so is the evidence; it
stays on the organization's page. If the journal still shows another past than
the one stored here, it is frozen again at once.`,
		Example: `  comity peers unfreeze oas.int --reason "Checkpoint 312 compared by telephone with M. Haddad"`,
		Args:    exactly(1, "one organization's domain"),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := comity.ParseDomain(args[0])
			if err != nil {
				return usageError{err}
			}
			if reason == "" {
				return usageError{errors.New("give --reason: how the organization was re-established, and who said so")}
			}
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			if err := n.Desk.UnfreezePeer(c.Context(), operator, d, reason); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s is no longer frozen. A running node reads on within seconds; the evidence is kept.\n", d)
			return nil
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "how the organization was re-established, and who said so")
	return c
}

// peerChangeCmd changes how one organization is followed.
func (a *app) peerChangeCmd(verb, short string, change func(context.Context, *node.Node, comity.Domain) error) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " DOMAIN",
		Short:   short,
		Long:    short + ". A running node does so within seconds.",
		Example: "  comity peers " + verb + " au.example",
		Args:    exactly(1, "one organization's domain"),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := comity.ParseDomain(args[0])
			if err != nil {
				return usageError{err}
			}
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			if err := change(c.Context(), n, d); err != nil {
				if errors.Is(err, peer.ErrUnknown) {
					return fmt.Errorf("%s is not followed here; \"comity peers\" lists who is", d)
				}
				return err
			}
			return nil
		},
	}
}

func following(f api.Following) string {
	switch {
	case f.Frozen:
		return "; FROZEN: two signed checkpoints contradict each other"
	case f.Paused:
		return "; paused"
	case f.Trouble != "":
		return "; " + f.Trouble
	}
	return ""
}

func upTo(r *api.Receipt) string {
	if r == nil {
		return "not yet"
	}
	return fmt.Sprintf("up to %d (%s)", r.Size, r.CosignedAt)
}
