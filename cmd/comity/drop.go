package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/peer"
)

func (a *app) dropCmd() *cobra.Command {
	var reason string
	var yes bool
	c := &cobra.Command{
		Use:   "drop DOMAIN --reason TEXT",
		Short: "Give up entries of a thief, and go on with the honest journal",
		Long: `Whoever had an organization's log key can have entries stored here that are not
in its journal. Once the organization has revoked that key, its journal and the
copy here contradict each other: nothing more of it is read. This asks the
organization for its journal, finds where the two part, and gives up what is
stored here from there on. Stop the node first.

Only entries are given up that nobody signed but who had a key that was revoked,
or one that was replaced here by hand (comity peers repin). What witnesses had
cosigned before the key came into other hands is not: a revocation takes back
nothing that was said before it.

It is published in our journal, with both checkpoints and the reason, and stands
on the organization's page. The entries are kept; "comity peers dropped" prints
them. All files are folded anew without them. If the copy was frozen, that ends.`,
		Example: `  comity peers drop oas.int --reason "M. Haddad said on the telephone that entry 312 is not theirs"`,
		Args:    exactly(1, "one organization's domain"),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := comity.ParseDomain(args[0])
			switch {
			case err != nil:
				return usageError{err}
			case strings.TrimSpace(reason) == "":
				return usageError{errors.New("give --reason: who said that the key was in other hands, and how that was established; it is published")}
			}
			ctx := c.Context()
			n, err := a.open(ctx)
			if err != nil {
				return err
			}
			defer n.Close()
			p, err := n.Part(ctx, d)
			switch {
			case errors.Is(err, peer.ErrUnknown):
				return fmt.Errorf("%s is not followed here; \"comity peers\" lists who is", d)
			case errors.Is(err, monitor.ErrTogether), errors.Is(err, monitor.ErrVouched), errors.Is(err, node.ErrWitnessed):
				return fmt.Errorf("%s: %w; nothing was given up", d, err)
			case err != nil:
				return err
			}
			if err := a.parting(ctx, n, p); err != nil {
				return err
			}
			if !yes {
				fmt.Fprint(a.out, "What you do is published. Type yes to give these entries up: ")
				line, _ := bufio.NewReader(a.in).ReadString('\n')
				if strings.TrimSpace(line) != "yes" {
					return errors.New("nothing was changed")
				}
			}
			name, err := n.Drop(ctx, p, account(), reason)
			if err != nil {
				return err
			}
			if err := n.Close(); err != nil {
				return err
			}
			again, err := a.open(ctx) // which folds the record anew
			if err == nil {
				err = again.Close()
			}
			if err != nil {
				return fmt.Errorf("the entries are given up, but the record could not be folded anew: %w", err)
			}
			fmt.Fprintf(a.out, "Given up, and published: %s. The record was folded anew. Start the node: it reads on from entry %d.\n", name, p.Size)
			return nil
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "who said that the key was in other hands, and how that was established; published (required)")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	a.aloneFlag(c)
	return c
}

// open opens the folder to write. Nobody else may have it open.
func (a *app) open(ctx context.Context) (*node.Node, error) {
	return node.Open(ctx, node.Config{Dir: a.dir, Log: a.logger(), Version: version(), WithoutQuorum: a.alone, Operator: account()})
}

// parting shows a person what would be given up.
func (a *app) parting(ctx context.Context, n *node.Node, p monitor.Parting) error {
	d, err := p.Copy.Origin.Domain()
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "The copy of %s here and its journal have the first %d entries in common. Given up would be:\n", d, p.Size)
	const most = 20
	for i := p.Size; i < min(p.Copy.Size, p.Size+most); i++ {
		h, err := n.Desk.Act(ctx, operator, comity.ActName{Domain: d, Index: i})
		if err != nil {
			return err
		}
		fmt.Fprintf(a.out, "  %s  recorded %s  %s\n", h.Name, h.At, titleOf(h.Act))
	}
	if more := p.Copy.Size - p.Size - most; more > 0 {
		fmt.Fprintf(a.out, "  and %d more\n", more)
	}
	return nil
}

func titleOf(a *act.Act) string {
	if a == nil {
		return "(sealed to others, or unreadable)"
	}
	return a.Title
}

// givenUp is what "comity peers dropped" prints.
type givenUp struct {
	Origin  comity.Origin  `json:"origin"`
	First   int64          `json:"first"`
	Size    int64          `json:"size"`
	At      comity.Time    `json:"at"`
	By      string         `json:"by"`
	Reason  string         `json:"reason"`
	Act     comity.ActName `json:"act"`
	Signed  string         `json:"signed"`
	Theirs  string         `json:"theirs"`
	Entries [][]byte       `json:"entries"`
}

func (a *app) droppedCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "dropped DOMAIN",
		Short: "Print the entries of an organization that were given up here",
		Long: `Prints, as JSON, what "comity peers drop" has given up: the checkpoint under
which the entries stood here, the organization's own that contradicts it, who
gave them up, when and why, and the entries, base64, byte for byte. With them
anybody can compute the root that stands in the first checkpoint.`,
		Example: `  comity peers dropped oas.int > oas.int.dropped.json`,
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
			all, err := n.Dropped(c.Context(), d)
			if err != nil {
				return err
			}
			out := []givenUp{}
			for _, x := range all {
				out = append(out, givenUp{x.Origin, x.First, x.Size, comity.TimeOf(x.At), x.By, x.Why, x.Act, string(x.Signed), string(x.Theirs), x.Entries})
			}
			return a.asJSON(out)
		},
	}
}
