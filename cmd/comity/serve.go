package main

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/comity/comity/internal/node"
)

func (a *app) serveCmd() *cobra.Command {
	var listen, db, blobs, clock string
	c := &cobra.Command{
		Use:   "serve --dir D --listen ADDR",
		Short: "Run the organization's node",
		Long: `Serves pages, API and journal, follows the pinned peers and witnesses their
journals, until it is stopped. Put a TLS proxy in front of it.

Before it records anything it asks the pinned witnesses how far they have seen
its journal, since an old copy of the folder may have been put back; what is
missing then is fetched from the mirrors. Until enough have answered it only
reads. --without-quorum goes on without them: an act says so first.`,
		Example: `  comity serve --dir /var/lib/comity --listen 127.0.0.1:8080
  comity serve --dir /var/lib/comity --listen :8080 --db "postgres://comity@db/comity?schema=ecowas"`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			level := slog.LevelInfo
			if a.verbose {
				level = slog.LevelDebug
			}
			log := slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: level}))
			if err := forbidCore(); err != nil {
				log.Warn("a crash may leave a core file, with all that this node has read", "err", err)
			}
			var now func() time.Time
			if clock != "" {
				var err error
				if now, err = node.ClockFile(clock); err != nil {
					return err
				}
			}
			l, err := node.Listen(listen)
			if err != nil {
				return err
			}
			defer l.Close()
			n, err := node.Open(ctx, node.Config{Dir: a.dir, Database: db, Blobs: blobs, Clock: now, Log: log, Version: version(), Serves: true,
				WithoutQuorum: a.alone, Operator: account()})
			if err != nil {
				return err
			}
			defer n.Close()
			if err := n.Start(ctx); err != nil {
				return err
			}
			if err := n.Announce("http://" + l.Addr().String()); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s at http://%s\n", n.Self.Domain, l.Addr())
			return n.Serve(ctx, l)
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "address to listen on")
	c.Flags().StringVar(&db, "db", "", "database: postgres://…, instead of the SQLite file in the folder; remembered")
	c.Flags().StringVar(&blobs, "blobs", "", "where sealed contents are kept: s3://BUCKET/PREFIX?endpoint=URL, instead of a folder in the folder; remembered")
	a.aloneFlag(c)
	c.Flags().StringVar(&clock, "clock-file", "", "read the time from this file (scenarios)")
	c.Flags().MarkHidden("clock-file")
	return c
}
