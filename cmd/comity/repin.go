package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/keys"
)

func (a *app) repinCmd() *cobra.Command {
	var key, root, reason, url, who string
	var yes bool
	c := &cobra.Command{
		Use:   "repin DOMAIN --key VKEY --root VKEY --reason TEXT",
		Short: "Pin other keys of an organization that lost its root key",
		Long: `An organization that lost its root key, or from whom it was stolen, cannot
authorize other keys: it tells its peers by telephone or in person. This pins
the keys that its node shows now, if its log key and root key are those given
here, and publishes in our journal that we did so, whose keys, old and new, and
why. It stands on the organization's page as well. No other peer does the same
because we did.

A change that the old root key authorized needs none of this: the node has
learnt it by itself.`,
		Example: `  comity peers repin oas.int --key oas.int/journal+5f0a… --root oas.int/root+0b1c… --reason "Read out by M. Haddad on the telephone, 12 April"`,
		Args:    exactly(1, "one organization's domain"),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := comity.ParseDomain(args[0])
			switch {
			case err != nil:
				return usageError{err}
			case key == "" || root == "":
				return usageError{errors.New("give --key and --root: its new log key and root key, got by another way than the network")}
			case strings.TrimSpace(reason) == "":
				return usageError{errors.New("give --reason: how the keys were compared, and with whom; it is published")}
			}
			was, now, err := a.otherKeys(c.Context(), d, url, key, root)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s\n%s", d, differences(was, now))
			if !yes {
				fmt.Fprint(a.out, "Are the new keys those that they gave you by another way? What you do is published. Type yes to pin them: ")
				line, _ := bufio.NewReader(a.in).ReadString('\n')
				if strings.TrimSpace(line) != "yes" {
					return errors.New("nothing was changed")
				}
			}
			return a.repin(c.Context(), who, was, now, reason)
		},
	}
	c.Flags().StringVar(&key, "key", "", "its log key, got by another way (required)")
	c.Flags().StringVar(&root, "root", "", "its root key, got by another way (required)")
	c.Flags().StringVar(&reason, "reason", "", "how the keys were compared, and with whom; published (required)")
	c.Flags().StringVar(&url, "url", "", "its address, if that has changed as well")
	c.Flags().StringVar(&who, "person", "", "who does it (needed if several persons could)")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	a.aloneFlag(c)
	return c
}

// otherKeys are the keys that are pinned of an organization, and those that its
// node shows, which must be the ones given.
func (a *app) otherKeys(ctx context.Context, d comity.Domain, url, key, root string) (was, now peer.Peer, err error) {
	n, err := a.read(ctx)
	if err != nil {
		return was, now, err
	}
	defer n.Close()
	if was, err = n.Peer(ctx, d); errors.Is(err, peer.ErrUnknown) {
		return was, now, fmt.Errorf("%s is not followed here; \"comity follow URL\" pins it for the first time", d)
	} else if err != nil {
		return was, now, err
	}
	if url == "" {
		url = was.URL
	}
	if now, err = node.Ask(ctx, strings.TrimSuffix(url, "/")); err != nil {
		return was, now, err
	}
	h, err := now.Keys()
	if err != nil {
		return was, now, err
	}
	known, err := was.Keys()
	switch {
	case err != nil:
		return was, now, err
	case now.Domain != d:
		return was, now, fmt.Errorf("the node at %s is that of %s; nothing was changed", url, now.Domain)
	case now.LogKey != key:
		return was, now, fmt.Errorf("the node at %s has the log key %s, not the one given; nothing was changed", url, now.LogKey)
	case h.Last().Root != root:
		return was, now, fmt.Errorf("the node at %s has the root key %s, not the one given; nothing was changed", url, h.Last().Root)
	case now.LogKey == was.LogKey && was.History != "" && (h.Extends(known) || known.Extends(h)):
		return was, now, fmt.Errorf("these are the keys that are pinned for %s, or the root key that is pinned authorized them; nothing was changed", d)
	}
	return was, now, nil
}

// differences shows the old and the new keys by their fingerprints.
func differences(was, now peer.Peer) string {
	var b strings.Builder
	rootOf := func(p peer.Peer) string {
		if h, err := p.Keys(); err == nil && !h.IsZero() {
			return h.Last().Root
		}
		return ""
	}
	for _, k := range []struct{ role, old, new string }{
		{"log", was.LogKey, now.LogKey}, {"root", rootOf(was), rootOf(now)}, {"witness", was.WitnessKey, now.WitnessKey},
		{"mirror", was.MirrorKey, now.MirrorKey}, {"sealing", was.Recipient, now.Recipient},
	} {
		old := "not known"
		if k.old != "" {
			old = keys.Fingerprint(k.old)
		}
		if k.old == k.new {
			fmt.Fprintf(&b, "%-8s the same  %s\n", k.role, old)
			continue
		}
		fmt.Fprintf(&b, "%-8s old       %s\n         new       %s\n", k.role, old, keys.Fingerprint(k.new))
	}
	return b.String()
}

// repin publishes that other keys are pinned, and pins them.
func (a *app) repin(ctx context.Context, who string, was, now peer.Peer, reason string) error {
	doc, err := act.Encode(&act.Act{Kind: "note.v1", Date: comity.TimeOf(time.Now()), By: act.By{Office: "Administrator"}, Status: comity.Actual, TLP: comity.Clear, Lang: "en",
		Title: fmt.Sprintf("Keys of %s re-established out of band", was.Domain),
		Text: fmt.Sprintf("This node pins other keys of %s from now on. No root key that it knew authorized the change. Reason given: %s\n\nFingerprints, which anybody can compare with theirs:\n\n%s",
			was.Domain, reason, differences(was, now))})
	if err != nil {
		return err
	}
	out, err := a.issue(ctx, who, "", doc)
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	now.Name, now.Paused, now.Private, now.Pinned = was.Name, was.Paused, was.Private, time.Now().UTC()
	now.Repinned = peer.Repin{At: now.Pinned, By: account(), Reason: reason, Act: out.Name}
	if who != "" {
		now.Repinned.By = who
	}
	n, err := a.read(ctx)
	if err == nil {
		err = errors.Join(n.Repin(ctx, now), n.Close())
	}
	if err != nil {
		return fmt.Errorf("%s says that other keys are pinned, but they are not; repeat the command: %w", out.Name, err)
	}
	fmt.Fprintf(a.out, "Pinned other keys of %s, and published that: %s. A running node uses them within seconds.\n", was.Domain, out.Name)
	return nil
}
