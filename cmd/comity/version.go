package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/comity/comity/effect"
)

// release is the version of this source, for builds that know no other.
const release = "0.1.0-dev"

// version of this build: of the module, if it was built as one.
func version() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" && b.Main.Version != "(devel)" {
		return b.Main.Version
	}
	return release
}

func (a *app) versionCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: `  comity version`,
		Args:    none,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintf(a.out, "comity %s, effect set %d, %s\n", version(), effect.Version, runtime.Version())
			return nil
		},
	}
}
