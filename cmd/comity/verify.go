package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"filippo.io/torchwood"
	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/seal"
	"github.com/comity/comity/internal/witness"
)

func (a *app) verifyCmd() *cobra.Command {
	var key, keysFile, entryFile, policyFile, disclosure string
	c := &cobra.Command{
		Use:   "verify FILE --key VKEY",
		Short: "Check a proof, or evidence of a fork, offline",
		Long: `Checks that the act in FILE, a C2SP tlog-proof, stands in the journal whose
key is VKEY. Needs no network and no folder. The proof carries the entry
itself; --entry checks it for a file of yours instead. --policy takes a C2SP
policy file, for proofs that must carry cosignatures.

Keys change. --keys takes a history of the organization's keys, as "comity key
history" prints it, and accepts those that were good once; with --key beside
it, only if that is one of them. It says which key signed, and whether the
organization itself says that the entry is in doubt. What nobody but a revoked
key signed is refused, unless the witnesses of --policy cosigned it before the
key was in other hands.

FILE may also be evidence against a journal, as a peer's page and an evidence
act have it: then it is checked that the holder of VKEY signed two checkpoints
which contradict each other.

With --disclosure, also checks that a disclosed text is what a sealed entry
committed to.`,
		Example: `  comity verify 12.tlog-proof --key ecowas.int/journal+5f0a…
  comity verify 12.tlog-proof --keys ecowas.int.keys
  comity verify 12.tlog-proof --policy policy.txt --disclosure 12.disclosure
  comity verify oas.int.evidence.json --key oas.int/journal+5f0a…`,
		Args: exactly(1, "one file, a proof or evidence"),
		RunE: func(c *cobra.Command, args []string) error {
			proof, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			if isEvidence(proof) {
				return a.verifyEvidence(proof, key, keysFile)
			}
			var policy torchwood.Policy
			var history keyFile
			if keysFile != "" {
				history, err = readKeyFile(keysFile, key, policyFile)
			} else {
				policy, err = readPolicy(key, policyFile)
			}
			if err != nil {
				return err
			}
			entry, err := torchwood.ProofExtraData(proof)
			if entryFile != "" {
				entry, err = os.ReadFile(entryFile)
			}
			if err != nil {
				return fmt.Errorf("the proof does not carry its entry; give the entry with --entry: %w", err)
			}
			var said string
			if keysFile != "" {
				if said, err = history.verify(proof, entry); err != nil {
					return err
				}
			} else if err := witness.VerifyProof(policy, tlog.RecordHash(entry), proof); err != nil {
				if policyFile == "" && errors.As(err, new(*note.UnverifiedNoteError)) {
					return errors.New("the proof does not hold: its checkpoint is not signed by this key; if the organization has replaced its key since, check with --keys and the history of its keys (\"comity key history\")")
				}
				return fmt.Errorf("the proof does not hold: %w", err)
			}
			name, err := provenName(proof)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "ok: %s stands in the journal of %s\n%s", name, name.Domain, said)
			return a.describe(name, entry, disclosure)
		},
	}
	c.Flags().StringVar(&key, "key", "", "the journal's verification key (C2SP vkey), got by another way")
	c.Flags().StringVar(&keysFile, "keys", "", "file with the history of the organization's keys, its first keys got by another way")
	c.Flags().StringVar(&entryFile, "entry", "", "the journal entry, if not the one in the proof")
	c.Flags().StringVar(&policyFile, "policy", "", "C2SP policy file, instead of --key")
	c.Flags().StringVar(&disclosure, "disclosure", "", "file that discloses a sealed act, as \"comity disclose\" prints it")
	return c
}

func readPolicy(key, file string) (torchwood.Policy, error) {
	switch {
	case file != "":
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		p, err := witness.ParsePolicy(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return p, nil
	case key != "":
		p, err := witness.Quorum(key, 0)
		if err != nil {
			return nil, usageError{fmt.Errorf("--key: %w", err)}
		}
		return p, nil
	}
	return nil, usageError{errors.New("give the journal's key with --key, the history of its keys with --keys, or a policy with --policy: a proof proves nothing without them")}
}

// provenName reads which act a proof is about: its index, and the origin of
// its checkpoint. The proof has been verified.
func provenName(proof []byte) (comity.ActName, error) {
	head, checkpoint, ok := strings.Cut(string(proof), "\n\n")
	if !ok {
		return comity.ActName{}, errors.New("the proof has no checkpoint")
	}
	origin, _, _ := strings.Cut(checkpoint, "\n")
	d, err := comity.Origin(origin).Domain()
	if err != nil {
		return comity.ActName{}, err
	}
	for line := range strings.Lines(head) {
		if i, ok := strings.CutPrefix(strings.TrimSpace(line), "index "); ok {
			return comity.ParseActName(string(d) + "/" + i)
		}
	}
	return comity.ActName{}, errors.New("the proof has no index")
}

// describe says what was proved, and checks a disclosure against it.
func (a *app) describe(name comity.ActName, entry []byte, disclosure string) error {
	e, err := act.DecodeEntry(name.Domain, entry)
	if err != nil {
		fmt.Fprintf(a.out, "it cannot be read: %v\n", err)
		return nil
	}
	fmt.Fprintf(a.out, "recorded %s by that organization's clock, %s\n", e.Recorded, strings.ToUpper(string(e.Status)))
	if e.Sealed == nil {
		fmt.Fprintf(a.out, "%s: %s\n", e.Act.Kind.Base(), e.Act.Title)
		if disclosure != "" {
			return errors.New("the act is public; there is nothing to disclose")
		}
		return nil
	}
	if disclosure == "" {
		fmt.Fprintln(a.out, "a sealed act; its text is known to its addressees")
		return nil
	}
	b, err := os.ReadFile(disclosure)
	if err != nil {
		return err
	}
	var o seal.Opening
	if err := json.Unmarshal(b, &o); err != nil {
		return fmt.Errorf("%s: %w", disclosure, err)
	}
	if err := o.Check(name.Domain, seal.Content, e.Sealed.Content); err != nil {
		return fmt.Errorf("the disclosed text is not what was sealed: %w", err)
	}
	fmt.Fprintf(a.out, "ok: the sealed act says:\n%s\n", o.Payload)
	return nil
}

func (a *app) discloseCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "disclose ACT",
		Short: "Print what lets anybody check the text of a sealed act",
		Long: `Prints the text of a sealed act with the salt that its entry's commitment
needs. Whoever has this and the act's proof can check, offline and without any
key, that this is what was sealed. It cannot be taken back.`,
		Example: `  comity disclose ecowas.int/12 > 12.disclosure
  comity verify 12.tlog-proof --key … --disclosure 12.disclosure`,
		Args: exactly(1, "one act, like ecowas.int/12"),
		RunE: func(c *cobra.Command, args []string) error {
			name, err := comity.ParseActName(args[0])
			if err != nil {
				return usageError{err}
			}
			n, err := a.read(c.Context())
			if err != nil {
				return err
			}
			defer n.Close()
			o, err := n.Desk.Disclose(c.Context(), operator, name)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return a.asJSON(o)
		},
	}
	return c
}
