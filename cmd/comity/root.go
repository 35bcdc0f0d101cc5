package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comity/comity/internal/node"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError is an error in how the program was called.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// app is what the subcommands share: where they read and write, and the flags
// of the root command.
type app struct {
	in       io.Reader
	out, err io.Writer
	dir      string
	verbose  bool
	alone    string // why to record without a quorum of witnesses
}

// run carries out one call of the program and returns its exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	a := &app{in: in, out: out, err: errOut}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, new(usageError)):
		fmt.Fprintf(errOut, "comity: %v\nSee \"comity help\".\n", err)
		return exitUsage
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errors.New("stopped before it was done")
	}
	fmt.Fprintf(errOut, "comity: %v\n", err)
	return exitFailed
}

func (a *app) root() *cobra.Command {
	c := &cobra.Command{
		Use:   "comity",
		Short: "Carry a warning to those who should answer, prove it was carried, show what came back",
		Long: `Comity is the node of one organization among sovereign ones. It writes the
organization's own journal of acts, follows and witnesses the journals of
others, and folds them into shared situation files.

Begin with "comity demo": seven organizations on this machine, no set-up.`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Example: `  comity demo
  comity init --dir D --domain ecowas.int --name "Economic Community of West African States"
  comity act --example warning`,
		Args: cobra.ArbitraryArgs, // a word that is no command is told so below
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("there is no command %q", args[0])}
			}
			return c.Help()
		},
	}
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; \"%s --help\" lists what it takes", err, c.CommandPath())}
	})
	c.PersistentFlags().StringVar(&a.dir, "dir", ".", "the organization's folder")
	c.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "log more, on standard error")
	c.AddCommand(a.demoCmd(), a.initCmd(), a.serveCmd(), a.followCmd(), a.peersCmd(), a.keyCmd(), a.witnessCmd(), a.actCmd(), a.draftsCmd(), a.releaseCmd(), a.showCmd(),
		a.situationsCmd(), a.asksCmd(), a.feedCmd(), a.forecastCmd(), a.watchCmd(), a.personCmd(), a.tokenCmd(), a.signInCmd(), a.verifyCmd(), a.discloseCmd(), a.fsckCmd(), a.backupCmd(), a.restoreCmd(), a.migrateCmd(), a.versionCmd())
	return c
}

// exactly, atMost and none check the number of arguments.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{fmt.Errorf("%s wants %s%s", c.CommandPath(), what, howTo(c))}
		}
		return nil
	}
}

func none(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no arguments, and was given %q%s", c.CommandPath(), args[0], howTo(c))}
	}
	return nil
}

// howTo says how a command is written, if it takes more than its name.
func howTo(c *cobra.Command) string {
	if _, rest, more := strings.Cut(c.Use, " "); more {
		return fmt.Sprintf("; write: %s %s", c.CommandPath(), rest)
	}
	return ""
}

// aloneFlag is for commands that record.
func (a *app) aloneFlag(c *cobra.Command) {
	c.Flags().Func("without-quorum", "record although too few witnesses can be asked how far they have seen the journal; this `REASON` goes on the record", func(reason string) error {
		if a.alone = strings.TrimSpace(reason); a.alone == "" {
			return errors.New("say why")
		}
		return nil
	})
}

// account is the name of the account that the program runs under.
func account() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "An operator"
}

func (a *app) logger() *slog.Logger {
	level := slog.LevelWarn
	if a.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: level}))
}

// read opens the organization's record for reading only; a node may run on the
// same folder meanwhile.
func (a *app) read(ctx context.Context) (*node.Node, error) {
	return node.Open(ctx, node.Config{Dir: a.dir, Visit: true, Log: a.logger(), Version: version()})
}

// asJSON prints v for programs.
func (a *app) asJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
