// Command comity runs the node of one organization, and everything that its
// people and operators do from a terminal. See "comity help".
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/comity/comity/internal/node"
)

func main() {
	node.TuneGC()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
