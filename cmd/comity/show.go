package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/node"
)

func (a *app) showCmd() *cobra.Command {
	var entry, proof, asJSON bool
	c := &cobra.Command{
		Use:   "show ACT",
		Short: "Show an act, its journal entry or its proof",
		Example: `  comity show ecowas.int/12
  comity show ecowas.int/12 --proof > 12.tlog-proof`,
		Args: exactly(1, "one act, like ecowas.int/12"),
		RunE: func(c *cobra.Command, args []string) error {
			name, err := comity.ParseActName(args[0])
			if err != nil {
				return usageError{err}
			}
			ctx := c.Context()
			n, err := a.read(ctx)
			if err != nil {
				return err
			}
			defer n.Close()
			if proof {
				p, err := n.Desk.Proof(ctx, operator, name, false)
				if err != nil {
					return err
				}
				_, err = a.out.Write(p)
				return err
			}
			h, err := n.Desk.Act(ctx, operator, name)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if entry {
				_, err := a.out.Write(h.Entry)
				return err
			}
			if asJSON {
				return a.asJSON(api.ActOf(h))
			}
			return a.printAct(h)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, as the API answers it")
	c.Flags().BoolVar(&entry, "entry", false, "print the journal entry, byte for byte")
	c.Flags().BoolVar(&proof, "proof", false, "print a C2SP tlog-proof; check it with \"comity verify\"")
	return c
}

func (a *app) printAct(h desk.Held) error {
	fmt.Fprintf(a.out, "%s  recorded %s  %s\nleaf %s\n", h.Name, h.At, strings.ToUpper(string(h.Status)), h.Leaf)
	if h.Why != "" {
		fmt.Fprintf(a.out, "note: %s\n", h.Why)
	}
	for _, r := range h.Fact.Refused {
		fmt.Fprintf(a.out, "claimed without authority: %s: %s\n", r.Do, r.Why)
	}
	if !h.Fact.Withdrawn.IsZero() {
		fmt.Fprintf(a.out, "WITHDRAWN by %s\n", h.Fact.Withdrawn)
	}
	if !h.Fact.Corrected.IsZero() {
		fmt.Fprintf(a.out, "CORRECTED by %s\n", h.Fact.Corrected)
	}
	if !h.Fact.Erased.IsZero() {
		fmt.Fprintf(a.out, "CONTENT ERASED by %s; what it did stays\n", h.Fact.Erased)
	}
	if d := h.Doubt; d != nil {
		fmt.Fprintf(a.out, "IN DOUBT: recorded under a key that was revoked; no quorum of witnesses is known here to have cosigned it before %s. It may be somebody else's; what it did stays.\n"+
			"  statement %d of the keys, %s: %s\n", d.Since, d.Number, d.Date, d.Reason)
	}
	if h.Act == nil {
		return nil
	}
	doc, err := act.Encode(h.Act)
	if err != nil {
		return err
	}
	return a.asJSON(rawJSON(doc))
}

// rawJSON is a document that is JSON already.
type rawJSON []byte

func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }

func (a *app) situationsCmd() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "situations",
		Short: "List the situation files",
		Example: `  comity situations --dir /var/lib/comity
  comity situations --json`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			all, err := fetch(ctx, a, "/api/v1/situations", func(n *node.Node) (api.Situations, error) {
				all, err := n.Desk.Situations(ctx, operator)
				return api.SituationsAt(n.Desk.Now(), all), err
			})
			if err != nil {
				return err
			}
			if asJSON {
				return a.asJSON(all)
			}
			if len(all.Situations) == 0 {
				fmt.Fprintln(a.out, "No situation files yet. \"comity act --example situation\" shows how to open one.")
			}
			for _, v := range all.Situations {
				fmt.Fprintf(a.out, "%-22s %-9s %3d acts  %2d open  %2d late  %s%s\n", v.Name, v.Status, v.ActCount, v.AsksOpen, v.AsksLate, v.Title, inDoubt(v.LatestDoubt, ", its newest act"))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, as the API answers it")
	return c
}

func (a *app) asksCmd() *cobra.Command {
	var f desk.AskFilter
	var by, of string
	var asJSON bool
	c := &cobra.Command{
		Use:   "asks [--late]",
		Short: "List what was asked, of whom, and what came back",
		Example: `  comity asks --late
  comity asks --of un.example`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			f.By, f.Of = comity.Party(by), comity.Party(of)
			q := url.Values{}
			for name, p := range map[string]comity.Party{"by": f.By, "of": f.Of} {
				if p == "" {
					continue
				}
				if err := p.Valid(); err != nil {
					return usageError{fmt.Errorf("--%s: %w", name, err)}
				}
				q.Set(name, string(p))
			}
			for name, on := range map[string]bool{"late": f.Late, "open": f.Open} {
				if on {
					q.Set(name, "true")
				}
			}
			ctx := c.Context()
			all, err := fetch(ctx, a, "/api/v1/asks?"+q.Encode(), func(n *node.Node) (api.Asks, error) {
				all, err := n.Desk.Asks(ctx, operator, f)
				return api.AsksAt(n.Desk.Now(), all), err
			})
			if err != nil {
				return err
			}
			if asJSON {
				return a.asJSON(all)
			}
			if len(all.Asks) == 0 {
				fmt.Fprintln(a.out, "Nothing of that sort was asked.")
			}
			for _, k := range all.Asks {
				fmt.Fprintf(a.out, "%s  %s\n  asked by %s, %s%s\n", k.Name, k.Title, k.By, k.Sent, inDoubt(k.Doubt, ""))
				for _, x := range k.Addressees {
					fmt.Fprintf(a.out, "  %-30s %s\n", strings.TrimSpace(string(x.Org)+" "+x.Organ), standingWords(x)+inDoubt(x.Doubt, ""))
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&by, "by", "", "asked by this organization")
	c.Flags().StringVar(&of, "of", "", "asked of this organization")
	c.Flags().BoolVar(&f.Late, "late", false, "only those whose date has passed without an answer")
	c.Flags().BoolVar(&f.Open, "open", false, "only those without an answer")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, as the API answers it")
	return c
}

// inDoubt says that it is in doubt whose act something is; nothing if it is
// not.
func inDoubt(d *api.Doubt, what string) string {
	if d == nil {
		return ""
	}
	return "  IN DOUBT" + what
}

// standingWords says how an ask stands, claiming no more than is known.
func standingWords(x api.Addressee) string {
	switch x.Standing {
	case casefile.Overdue:
		return fmt.Sprintf("overdue since %s (%d days)", x.Due, x.Days)
	case casefile.Unanswered:
		if x.Days == 0 {
			return "no answer recorded here, less than a day"
		}
		return fmt.Sprintf("no answer recorded here, %d days", x.Days)
	case casefile.NotHeard:
		if x.Since.IsZero() {
			return "not heard from"
		}
		return fmt.Sprintf("not heard from since %s", x.Since)
	case casefile.NoJournal:
		return "keeps no journal here; nothing recorded"
	case casefile.Considering:
		return fmt.Sprintf("will consider until %s", x.Due)
	}
	return fmt.Sprintf("%s, %s", x.Standing, x.Since)
}
