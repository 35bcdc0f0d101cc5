package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/comity/comity/internal/node"
)

func (a *app) backupCmd() *cobra.Command {
	var to string
	var recipients []string
	c := &cobra.Command{
		Use:   "backup --dir D --to FILE",
		Short: "Write everything to one file, while the node runs",
		Long: `Writes the database as of one moment, and all sealed contents, to one file.
What is written is read back and every journal in it checked; the file appears
only if all is well.

With --recipient the file is encrypted to an age key (made with age-keygen -pq,
and kept away from this machine), and holds the node's keys too. Without, it holds none: keep a copy of the folder's keys/ apart. The root
key is never in it.`,
		Example: `  comity backup --dir /var/lib/comity --to comity-2003-04-11.backup
  comity backup --dir /var/lib/comity --to comity-2003-04-11.backup --recipient age1pq1…`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			if to == "" {
				return usageError{errors.New("--to: name the file to write")}
			}
			var all []age.Recipient
			for _, r := range recipients {
				one, err := parseRecipient(r)
				if err != nil {
					return usageError{fmt.Errorf("--recipient: %w", err)}
				}
				all = append(all, one)
			}
			began := time.Now()
			b, err := node.WriteBackup(c.Context(), a.dir, to, version(), all...)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s: %s, %d entries of its own journal, %d rows, %d sealed contents and attachments, %d files of feeds, %d bytes, in %s; checked\n",
				to, b.Domain, b.Size, b.Rows, b.Blobs, b.Feeds, b.Bytes, time.Since(began).Round(time.Millisecond))
			if b.Damaged > 0 {
				fmt.Fprintf(a.out, "%d files of feeds in %s/feeds are damaged and were left out.\n", b.Damaged, a.dir)
			}
			if !b.Keys {
				fmt.Fprintf(a.out, "The keys are not in it: keep a copy of %s/keys apart, or give --recipient.\n", a.dir)
			}
			return nil
		},
	}
	c.Flags().StringVar(&to, "to", "", "file to write; it must not be there (required)")
	c.Flags().StringArrayVar(&recipients, "recipient", nil, "age recipient to encrypt to, age1…; may be repeated")
	return c
}

func parseRecipient(s string) (age.Recipient, error) {
	if r, err := age.ParseHybridRecipient(s); err == nil {
		return r, nil
	}
	r, err := age.ParseX25519Recipient(s)
	if err != nil {
		return nil, fmt.Errorf("%q is no age recipient; it begins with age1", s)
	}
	return r, nil
}

func (a *app) restoreCmd() *cobra.Command {
	var db, blobs, identity string
	c := &cobra.Command{
		Use:   "restore FILE --dir D",
		Short: "Make a folder of a backup",
		Long: `Makes a folder that holds no record yet into what the backup holds, and checks
every journal in it. If the keys are not in the backup, put settings.json and
keys/ into the folder first.

A backup is older than what was recorded since. When the node is started, it
asks its witnesses how far they have seen its journal, fetches what is missing
from its peers' mirrors, and records nothing before.`,
		Example: `  comity restore comity-2003-04-11.backup --dir /var/lib/comity --identity backup.key
  comity restore FILE --dir D --db "postgres://comity@db/comity?schema=ecowas"`,
		Args: exactly(1, "the backup's file"),
		RunE: func(c *cobra.Command, args []string) error {
			var ids []age.Identity
			if identity != "" {
				f, err := os.Open(identity)
				if err != nil {
					return err
				}
				defer f.Close()
				if ids, err = age.ParseIdentities(f); err != nil {
					return fmt.Errorf("%s: %w", identity, err)
				}
			}
			b, err := node.Restore(c.Context(), a.dir, args[0], db, blobs, ids...)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s restored into %s, as of %s: %d entries of its own journal, %d rows, %d sealed contents and attachments, %d files of feeds; checked\n",
				b.Domain, a.dir, b.Made.Format(time.RFC3339), b.Size, b.Rows, b.Blobs, b.Feeds)
			fmt.Fprintf(a.out, "Next: comity serve --dir %s. It first fetches from its peers what was recorded since.\n", a.dir)
			return nil
		},
	}
	c.Flags().StringVar(&db, "db", "", "empty database to restore into: postgres://…, instead of a SQLite file in the folder; remembered")
	c.Flags().StringVar(&blobs, "blobs", "", "where sealed contents are kept: s3://BUCKET/PREFIX?endpoint=URL, instead of a folder in the folder; remembered")
	c.Flags().StringVar(&identity, "identity", "", "file of the age identity that opens an encrypted backup")
	return c
}

func (a *app) migrateCmd() *cobra.Command {
	var to, blobs, reopen string
	c := &cobra.Command{
		Use:   "migrate --dir D --to DATABASE | --blobs PLACE | --reopen DATABASE",
		Short: "Move the record between SQLite and PostgreSQL, or sealed contents between folder and bucket",
		Long: `With --to copies the whole database into an empty one, checks every journal in
the copy and that it folds into the same files, and only then uses it. With
--blobs copies all sealed contents and attachments, each checked against its
hash, and then uses the new place. What is old stays as it was; remove it when
you trust the new. Stop the node first, and all others of the organization.

An old database is not used any more, by any folder. Only if the one that the
record was moved to is lost, --reopen uses it again, as after a restore.`,
		Example: `  comity migrate --dir D --to "postgres://comity@db/comity?schema=ecowas"
  comity migrate --dir D --to sqlite
  comity migrate --dir D --blobs "s3://comity-blobs/ecowas?endpoint=https://s3.example.org"
  comity migrate --dir D --blobs folder`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			if given := slices.DeleteFunc([]string{to, blobs, reopen}, func(s string) bool { return s == "" }); len(given) != 1 {
				return usageError{errors.New(`give --to, the database: postgres://… or sqlite; or --blobs, the place of sealed contents: s3://… or folder; or --reopen`)}
			}
			if reopen != "" {
				if err := node.Reopen(c.Context(), a.dir, reopen); err != nil {
					return err
				}
				fmt.Fprintf(a.out, "The old database is in use again. Next: comity serve --dir %s. It first fetches from its peers what was recorded since.\n", a.dir)
				return nil
			}
			if blobs != "" {
				m, err := node.MigrateBlobs(c.Context(), a.dir, blobs)
				if err != nil {
					return err
				}
				fmt.Fprintf(a.out, "Copied %d sealed contents and attachments; the node uses the new place from now on.\n", m.Blobs)
				if m.DamagedBlobs > 0 {
					fmt.Fprintf(a.out, "%d were damaged in the old place and left out: \"comity fsck\" has them fetched back from peers.\n", m.DamagedBlobs)
				}
				if m.Files+m.DamagedFiles > 0 {
					fmt.Fprintf(a.out, "Copied %d files of feeds.\n", m.Files)
				}
				if m.DamagedFiles > 0 {
					fmt.Fprintf(a.out, "%d more were damaged in the old place and left out: have their sources read again.\n", m.DamagedFiles)
				}
				return nil
			}
			rows, digest, err := node.Migrate(c.Context(), a.dir, to)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "Moved %d rows; the digest of the public files (%d acts) is %s as before. Other folders of the organization need the new --db.\n", rows, digest.Acts, digest.SHA256)
			return nil
		},
	}
	c.Flags().StringVar(&to, "to", "", "postgres://…, or sqlite for the file in the folder")
	c.Flags().StringVar(&reopen, "reopen", "", "postgres://…, or sqlite: the old database, if the one that the record was moved to is lost")
	c.Flags().StringVar(&blobs, "blobs", "", "s3://BUCKET/PREFIX?endpoint=URL, a folder that all processes see, or the word folder for the one in D")
	return c
}
