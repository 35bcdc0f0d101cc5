package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/keys"
)

func (a *app) keyCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "key",
		Short: "Show our keys; replace, retire or revoke them",
		Long: `Which keys are in force is said by statements in our journal, each signed by
the root key, which is kept off this machine. A change goes this way:

  1. here: "rotate", "retire" or "revoke" writes the unsigned statement
  2. on the machine that has the root key: "sign" signs it
  3. here: "submit" puts it into the journal as a draft
  4. a second person releases it; then it takes effect, here and with every peer

With --root FILE the first three are one command, for a root key on a medium
that is put in for this and taken out again.`,
		Example: `  comity key show
  comity key rotate --role log --reason "yearly rotation" > change.txt
  comity key sign --root /mnt/safe/root.key < change.txt > change.signed
  comity key submit change.signed --person a.diallo`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.keyShowCmd(), a.keyHistoryCmd(), a.keyRotateCmd(), a.keyRetireCmd(), a.keyRevokeCmd(), a.keySignCmd(), a.keySubmitCmd(), a.keyRootCmd())
	return c
}

func (a *app) keyShowCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show our keys of every role, and what became of them",
		Long: `Shows every key that we have or had: its id, whether it is in force, retired or
revoked, and its fingerprint, to be read out on the telephone. It says whether
the private key is in the folder, and warns if the root key is. At the end stand
the keys that others give to "comity follow", "verify" and "peers repin".`,
		Example: `  comity key show --dir /var/lib/comity`,
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			h := n.KeyHistory(c.Context())
			fmt.Fprintf(a.out, "%s, after %s\n", h.Domain(), changes(h.Len()-1))
			for _, r := range keys.Roles() {
				fmt.Fprintf(a.out, "%s\n", r)
				for _, k := range h.Keys(r) {
					fmt.Fprintf(a.out, "  %s  %s%s\n            %s\n", keyID(k.Key), stateOf(k), whereIs(n.Folder, r, k), keys.Fingerprint(k.Key))
				}
				if r == keys.Root {
					continue
				}
				unused, err := n.Folder.Unused(h, r)
				if err != nil {
					return err
				}
				for _, k := range unused {
					fmt.Fprintf(a.out, "  %s  made here, not in force%s\n            %s\n", keyID(k), pqWord(k), keys.Fingerprint(k))
				}
			}
			last := h.Last()
			fmt.Fprintf(a.out, "\nGive to whoever follows or checks us, by another way than this node:\n  log key   %s\n  root key  %s\n",
				last.Log[slices.IndexFunc(last.Log, func(k string) bool { return !node.IsPQ(k) })], last.Root)
			if err := a.awaited(c.Context(), n); err != nil {
				return err
			}
			if n.Folder.RootHere() {
				fmt.Fprintf(a.out, "\nWARNING: the root key lies on this machine, in keys/. Whoever steals the machine can\nreplace all keys. Take it to paper or to a medium in a safe, and delete the file.\n")
			}
			return nil
		},
	}
}

// awaited says which change of keys comes first, if nothing else is recorded
// before it.
func (a *app) awaited(ctx context.Context, n *node.Node) error {
	err := n.Desk.Awaited(ctx)
	if !errors.Is(err, desk.ErrAwaited) {
		return err
	}
	fmt.Fprintf(a.out, "NOTHING ELSE IS RECORDED: %v\n", err)
	return nil
}

func changes(n int) string {
	if n == 1 {
		return "1 change of keys"
	}
	return fmt.Sprintf("%d changes of keys", n)
}

// keyID tells keys of one role apart: the id of a vkey, or the beginning of
// a recipient's fingerprint.
func keyID(key string) string {
	if v, err := keys.ParseVKey(key); err == nil {
		return fmt.Sprintf("%08x", v.ID)
	}
	return strings.ReplaceAll(keys.Fingerprint(key), " ", "")[:8]
}

func stateOf(k keys.Key) string {
	since := "since the founding"
	if !k.From.IsZero() {
		since = "since " + k.From.String()
	}
	switch {
	case k.Revoked != nil:
		return fmt.Sprintf("REVOKED: in other hands since %s", k.Revoked.Since)
	case !k.InForce:
		return "retired on " + k.Until.String()
	}
	return "in force " + since
}

func whereIs(f *node.Folder, r keys.Role, k keys.Key) string {
	switch {
	case r == keys.Root:
		return ""
	case k.InForce && !f.Has(k.Key):
		return pqWord(k.Key) + "; its private key is not in the folder"
	}
	return pqWord(k.Key)
}

func pqWord(key string) string {
	if node.IsPQ(key) {
		return " (post-quantum)"
	}
	return ""
}

func (a *app) keyHistoryCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "history [DOMAIN]",
		Short: "Print the history of our keys, or of an organization's that we follow",
		Long: `Prints the history as a file: the founding keys, and every change since, each
signed by the root key in force before it. "comity verify --keys" checks proofs
with it. What it is worth depends on where its first keys come from: here, from
those that were compared when the organization was pinned.`,
		Example: `  comity key history > ours.keys
  comity key history oas.int > oas.int.keys`,
		Args: atMostOne("one organization's domain"),
		RunE: func(c *cobra.Command, args []string) error {
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			d := n.Self.Domain
			if len(args) == 1 {
				if d, err = comity.ParseDomain(args[0]); err != nil {
					return usageError{err}
				}
			}
			h, err := n.HistoryOf(c.Context(), d)
			if err != nil {
				return fmt.Errorf("the keys of %s: %w", d, err)
			}
			_, err = a.out.Write(h.File())
			return err
		},
	}
}

func atMostOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usageError{fmt.Errorf("%s wants at most %s", c.CommandPath(), what)}
		}
		return nil
	}
}

// keyChange is what the three commands that change keys have in common.
type keyChange struct {
	role, root, reason, person string
}

func (k *keyChange) flags(a *app, c *cobra.Command) {
	c.Flags().StringVar(&k.role, "role", "", "log, witness, mirror, seal; log-pq, witness-pq or mirror-pq for the post-quantum key alone (required)")
	c.Flags().StringVar(&k.root, "root", "", "file of the root key; without it the unsigned statement is printed")
	c.Flags().StringVar(&k.reason, "reason", "", "why, for everybody to read")
	c.Flags().StringVar(&k.person, "person", "", "who submits it (with --root, if several persons could)")
	a.aloneFlag(c)
}

// of reads --role: the role, and whether only its post-quantum keys are meant.
func (k *keyChange) of() (r keys.Role, pq bool, err error) {
	name, pq := strings.CutSuffix(k.role, "-pq")
	r = keys.Role(name)
	if r == keys.Log || r == keys.Witness || r == keys.Mirror || r == keys.Seal && !pq {
		return r, pq, nil
	}
	return "", false, usageError{errors.New("give --role: log, witness, mirror or seal; log-pq, witness-pq or mirror-pq")}
}

// change makes the next statement and submits it, or prints it.
func (a *app) change(c *cobra.Command, k keyChange, build func(n *node.Node, h keys.History, s *keys.Statement) error) error {
	n, err := a.read(c.Context())
	if err != nil {
		return err
	}
	defer n.Close()
	h := n.KeyHistory(c.Context())
	s := h.Next(comity.TimeOf(time.Now()), k.reason)
	if err := build(n, h, &s); err != nil {
		return err
	}
	if err := s.Valid(); err != nil {
		return err
	}
	if k.root == "" {
		fmt.Fprintf(a.err, "Statement %d of %s, not signed. Take it to the machine that has the root key and run there\n  comity key sign --root FILE < statement > signed\nand then here\n  comity key submit signed --dir %s\n", s.Number, s.Domain, a.dir)
		_, err := io.WriteString(a.out, s.Text())
		return err
	}
	root, err := node.ReadRoot(k.root)
	if err != nil {
		return err
	}
	signed, err := keys.Sign(s, root)
	if err != nil {
		return err
	}
	if _, err := h.Add(signed); err != nil {
		return err
	}
	n.Close() // it may be opened to record
	return a.submit(c, k.person, signed)
}

// submit issues the act, which waits for a second person.
func (a *app) submit(c *cobra.Command, person string, signed []byte) error {
	doc, err := node.KeyAct(signed, comity.TimeOf(time.Now()), comity.Actual)
	if err != nil {
		return err
	}
	out, err := a.issue(c.Context(), person, "", doc)
	if err != nil {
		return err
	}
	if out.Draft == 0 {
		return a.printIssued(out, false)
	}
	fmt.Fprintf(a.out, "draft %d waits for a second person. Nothing changes before that:\n  comity release %d --dir %s --person …\n", out.Draft, out.Draft, a.dir)
	n, err := a.read(c.Context())
	if err != nil {
		return err
	}
	defer n.Close()
	return a.awaited(c.Context(), n)
}

func (a *app) keyRotateCmd() *cobra.Command {
	var k keyChange
	var next string
	c := &cobra.Command{
		Use:   "rotate --role ROLE",
		Short: "Bring in a new key of a role beside the old one",
		Long: `Makes a new key in the folder and the statement that puts it in force. A new
log key signs together with the old one until that is retired, so that
followers who slept find a signature that they know; a new witness or mirror
key signs alone at once; a new sealing key takes the place of the old, which is
kept to read what was sealed to it. The post-quantum key of the role is replaced
with it, if there is one; --role log-pq brings one in where there is none.

The root key is made elsewhere, by "comity key root" on the machine where it will
be kept; here --role root names the new one with --new. The old one signs that,
and signs nothing more once it is released.`,
		Example: `  comity key rotate --role log --reason "yearly rotation" > change.txt
  comity key rotate --role seal --root /mnt/safe/root.key --reason "another machine"
  comity key rotate --role root --new ecowas.int/root+5f0a… --reason "the safe was moved" > change.txt`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			if k.role == string(keys.Root) {
				return a.rotateRoot(c, k, next)
			}
			if next != "" {
				return usageError{errors.New("--new is for --role root; keys of other roles are made here")}
			}
			r, pq, err := k.of()
			if err != nil {
				return err
			}
			if k.reason == "" {
				k.reason = "rotation"
			}
			return a.change(c, k, func(n *node.Node, h keys.History, s *keys.Statement) error { return a.bringIn(n, s, r, pq) })
		},
	}
	k.flags(a, c)
	c.Flags().Lookup("role").Usage = "log, witness, mirror, seal, root; log-pq, witness-pq or mirror-pq for the post-quantum key alone (required)"
	c.Flags().StringVar(&next, "new", "", "with --role root: the new root key, as \"comity key root\" printed it")
	return c
}

// bringIn makes new keys of a role and puts them before the old ones.
func (a *app) bringIn(n *node.Node, s *keys.Statement, r keys.Role, pqOnly bool) error {
	had := slices.ContainsFunc(s.Of(r), node.IsPQ)
	add := 1
	if had && !pqOnly {
		add = 2
	}
	if r != keys.Seal && len(s.Of(r))+add > keys.MaxPerRole {
		return fmt.Errorf("%d %s keys are in force and no more than %d can be; retire the old ones first: comity key retire --role %s", len(s.Of(r)), r, keys.MaxPerRole, r)
	}
	if pqOnly || had {
		if err := a.makeKey(n, s, r, true); err != nil {
			return err
		}
	}
	if pqOnly {
		return nil
	}
	return a.makeKey(n, s, r, false)
}

// makeKey makes one key and puts it before the old ones.
func (a *app) makeKey(n *node.Node, s *keys.Statement, r keys.Role, pq bool) error {
	make := n.Folder.NewKey
	if pq {
		make = n.Folder.NewPQKey
	}
	v, err := make(r)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.err, "Made %s key %s%s\n  %s\n", r, keyID(v), pqWord(v), keys.Fingerprint(v))
	s.Set = s.Rotated(r, v)
	return nil
}

func (a *app) keyRetireCmd() *cobra.Command {
	var k keyChange
	var ids []string
	c := &cobra.Command{
		Use:   "retire --role ROLE",
		Short: "End the overlap: an old key signs no more",
		Long: `Makes the statement that takes old keys of a role out of force: those given with
--key, or all but the newest. What they signed stays good. A retired key never
comes back.`,
		Example: `  comity key retire --role log --root /mnt/safe/root.key
  comity key retire --role log --key 5f0a1b2c --reason "all peers know the new key"`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			r, pq, err := k.of()
			if err != nil {
				return err
			}
			if k.reason == "" {
				k.reason = "the old key is no longer used"
			}
			return a.change(c, k, func(n *node.Node, h keys.History, s *keys.Statement) error {
				before := len(s.Of(r))
				switch {
				case len(ids) > 0:
					for _, id := range ids {
						v, err := chooseKey(s.Of(r), id, r)
						if err != nil {
							return err
						}
						s.Set = s.With(r, slices.DeleteFunc(slices.Clone(s.Of(r)), func(x string) bool { return x == v })...)
					}
				case pq:
					var seen bool
					s.Set = s.With(r, slices.DeleteFunc(slices.Clone(s.Of(r)), func(x string) bool {
						was := seen
						seen = seen || node.IsPQ(x)
						return was && node.IsPQ(x)
					})...)
				default:
					s.Set = s.Retired(r)
				}
				if len(s.Of(r)) == before {
					return fmt.Errorf("there is no old %s key to retire; \"comity key show\" lists them", r)
				}
				return signable(*s, r)
			})
		},
	}
	k.flags(a, c)
	c.Flags().StringArrayVar(&ids, "key", nil, "id of the key, as \"comity key show\" prints it; may be given more than once")
	return c
}

// signable refuses a role without a key that everybody can verify.
func signable(s keys.Statement, r keys.Role) error {
	if slices.ContainsFunc(s.Of(r), func(v string) bool { return !node.IsPQ(v) }) {
		return nil
	}
	return fmt.Errorf("that would leave no %s key; bring in a new one first: comity key rotate --role %s", r, r)
}

// chooseKey finds the key that is meant by its id, by the beginning of its
// fingerprint, or by itself.
func chooseKey(list []string, id string, r keys.Role) (string, error) {
	var found []string
	for _, v := range list {
		if v == id || keyID(v) == id || strings.HasPrefix(keys.Fingerprint(v), id) {
			found = append(found, v)
		}
	}
	if len(found) != 1 || id == "" {
		return "", usageError{fmt.Errorf("--key %q: no %s key has this id; \"comity key show\" lists them", id, r)}
	}
	return found[0], nil
}

func (a *app) keySignCmd() *cobra.Command {
	var root string
	c := &cobra.Command{
		Use:   "sign --root FILE < STATEMENT > SIGNED",
		Short: "Sign a statement with the root key, on the machine that has it",
		Long: `Reads a statement of keys on standard input, shows it, and prints it signed. It
needs no folder and no network. Read what you sign: whoever brought the
statement gets exactly the keys that stand in it.`,
		Example: `  comity key sign --root /mnt/safe/root.key < change.txt > change.signed`,
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			if root == "" {
				return usageError{errors.New("give the file of the root key with --root")}
			}
			text, err := io.ReadAll(io.LimitReader(a.in, keys.MaxStatement+1))
			if err != nil {
				return err
			}
			s, err := keys.Parse(string(text))
			if err != nil {
				return err
			}
			signer, err := node.ReadRoot(root)
			if err != nil {
				return err
			}
			signed, err := keys.Sign(s, signer)
			if err != nil {
				return err
			}
			a.summary(s)
			_, err = a.out.Write(signed)
			return err
		},
	}
	c.Flags().StringVar(&root, "root", "", "file of the root key (required)")
	return c
}

// summary shows a person what a statement says.
func (a *app) summary(s keys.Statement) {
	fmt.Fprintf(a.err, "Statement %d of %s, %s\nreason: %s\n", s.Number, s.Domain, s.Date, s.Reason)
	for _, r := range keys.Roles() {
		for _, k := range s.Of(r) {
			fmt.Fprintf(a.err, "  %-8s%s%s\n          %s\n", r, keyID(k), pqWord(k), keys.Fingerprint(k))
		}
	}
	for _, r := range s.Revoked {
		fmt.Fprintf(a.err, "  REVOKES %s %s since %s", r.Role, keyID(r.Key), r.Since)
		if r.Role == keys.Log {
			fmt.Fprintf(a.err, ", entries %d to %d in doubt", r.From, r.To-1)
		}
		fmt.Fprintln(a.err)
	}
}

func (a *app) keySubmitCmd() *cobra.Command {
	var who string
	c := &cobra.Command{
		Use:   "submit SIGNED",
		Short: "Put a signed change of keys into our journal, as a draft",
		Long: `Checks that the statement in the file SIGNED follows the last one and is signed
by the root key, and drafts the act that carries it. It takes effect when a
second person has released it. If it revokes every log key in use, nothing else
is recorded before that.`,
		Example: `  comity key submit change.signed --person a.diallo`,
		Args:    exactly(1, "one file, a signed statement"),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			signed, err := io.ReadAll(io.LimitReader(f, keys.MaxStatement+1))
			if err != nil {
				return err
			}
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			_, err = n.KeyHistory(c.Context()).Add(signed)
			n.Close()
			if err != nil {
				return err
			}
			s, err := keys.ParseSigned(signed)
			if err != nil {
				return err
			}
			a.summary(s)
			return a.submit(c, who, signed)
		},
	}
	c.Flags().StringVar(&who, "person", "", "who submits it (needed if several persons could)")
	a.aloneFlag(c)
	return c
}
