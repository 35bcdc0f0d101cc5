package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/keys"
)

func (a *app) keyRevokeCmd() *cobra.Command {
	var k keyChange
	var ids []string
	var since, entries string
	c := &cobra.Command{
		Use:   "revoke --role ROLE --key ID --since DATE",
		Short: "Say that a key was in other hands since a date",
		Long: `Makes the statement that takes a key out of force because somebody else may have
had it since DATE: what it signed since then counts for nothing. A new key is
made, unless another of the role is in force.

Of a log key, the entries of our journal that were signed since then are
doubtful, unless witnesses had cosigned them before DATE: every node marks them
wherever they are shown, and "comity verify --keys" says so. --entries FROM-TO
names them, both included; without it they are those recorded since DATE. Before
FROM we vouch for every entry. "--entries none" says that we vouch for all.

A sealing key cannot be revoked: rotate it, and consider known what was sealed
to it.`,
		Example: `  comity key revoke --role log --key 5f0a1b2c --since 2003-04-28 --reason "the disk was stolen" > change.txt
  comity key revoke --role witness --key 0b1c2d3e --since 2003-04-28T14:00:00Z --root /mnt/safe/root.key --reason "the disk was stolen"`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			r, _, err := k.of()
			switch {
			case err != nil:
				return err
			case r == keys.Seal:
				return usageError{errors.New("a sealing key is not revoked but rotated: comity key rotate --role seal; what was sealed to it may be known")}
			case len(ids) == 0:
				return usageError{errors.New("give --key: the id of the key, as \"comity key show\" prints it")}
			case k.reason == "":
				return usageError{errors.New("give --reason: what happened, for everybody to read")}
			case entries != "" && r != keys.Log:
				return usageError{errors.New("--entries is for a log key")}
			}
			at, err := comity.ParseTime(since)
			if err != nil {
				return usageError{fmt.Errorf("--since: %w", err)}
			}
			return a.change(c, k, func(n *node.Node, h keys.History, s *keys.Statement) error {
				if at.After(time.Now()) {
					return usageError{fmt.Errorf("--since %s has not come yet", at)}
				}
				var ever []string
				for _, x := range h.Keys(r) {
					if x.Revoked == nil {
						ever = append(ever, x.Key)
					}
				}
				rev := keys.Revocation{Role: r, Since: at}
				if r == keys.Log {
					if rev.From, rev.To, err = doubted(c.Context(), n, entries, at); err != nil {
						return err
					}
					fmt.Fprintf(a.err, "%s\n", doubtedWords(rev))
				}
				for _, id := range ids {
					if rev.Key, err = chooseKey(ever, id, r); err != nil {
						return err
					}
					s.Revoked = append(s.Revoked, rev)
					s.Set = s.With(r, slices.DeleteFunc(slices.Clone(s.Of(r)), func(x string) bool { return x == rev.Key })...)
				}
				had, has := slices.ContainsFunc(h.InForce(r), node.IsPQ), slices.ContainsFunc(s.Of(r), node.IsPQ)
				if had && !has {
					if err := a.bringIn(n, s, r, true); err != nil {
						return err
					}
				}
				if signable(*s, r) != nil {
					return a.makeKey(n, s, r, false)
				}
				return nil
			})
		},
	}
	k.flags(a, c)
	c.Flags().StringArrayVar(&ids, "key", nil, "id of the key, as \"comity key show\" prints it; may be given more than once (required)")
	c.Flags().StringVar(&since, "since", "", "from when on it may have been in other hands (required)")
	c.Flags().StringVar(&entries, "entries", "", "FROM-TO: entries that may be somebody else's; \"none\" if none are")
	return c
}

func doubtedWords(r keys.Revocation) string {
	if r.From == r.To {
		return "No entry is put in doubt."
	}
	return fmt.Sprintf("Entries %d to %d are put in doubt, but for those that witnesses cosigned before %s.", r.From, r.To-1, r.Since)
}

// doubted reads --entries; without it, the entries that were recorded since at.
func doubted(ctx context.Context, n *node.Node, entries string, at comity.Time) (from, to int64, err error) {
	size, err := n.OwnSize(ctx)
	if err != nil {
		return 0, 0, err
	}
	switch entries {
	case "none":
		return size, size, nil
	case "":
		from, err := n.FirstSince(ctx, at, size)
		return from, size, err
	}
	a, b, ok := strings.Cut(entries, "-")
	from, err1 := strconv.ParseInt(a, 10, 64)
	to, err2 := strconv.ParseInt(b, 10, 64)
	if !ok || errors.Join(err1, err2) != nil || from < 0 || to < from {
		return 0, 0, usageError{fmt.Errorf("--entries %q: want FROM-TO, like 120-130", entries)}
	}
	if to >= size {
		return 0, 0, usageError{fmt.Errorf("--entries %q: our journal has %d entries, 0 to %d", entries, size, size-1)}
	}
	return from, to + 1, nil
}
