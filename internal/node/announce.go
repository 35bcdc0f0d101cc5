package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/person"
)

// runFile says at which address the node of a folder answers while it runs.
const runFile = "run.json"

type running struct {
	URL string `json:"url"`
	PID int    `json:"pid"`
}

// Announce notes in the folder at which address the node answers, for other
// commands on the same folder. Close removes the note.
func (n *Node) Announce(address string) error {
	b, err := json.Marshal(running{address, os.Getpid()})
	if err != nil {
		return err
	}
	n.announced = true
	if err := os.WriteFile(filepath.Join(n.Folder.Dir, runFile), b, 0o600); err != nil {
		return fmt.Errorf("note where the node answers: %w", err)
	}
	return nil
}

// Running returns the address of the node that runs on the folder; "" if none
// said so.
func Running(dir string) (string, error) {
	b, err := os.ReadFile(filepath.Join(dir, runFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var r running
	if err := json.Unmarshal(b, &r); err != nil {
		return "", fmt.Errorf("%s: %w", runFile, err)
	}
	return r.URL, nil
}

// Beside returns the address of the node that runs on the same folder; "" if
// none answers there.
func (n *Node) Beside(ctx context.Context) string {
	address, err := Running(n.Folder.Dir)
	if err != nil || address == "" {
		return ""
	}
	c, err := peer.NewClient(address, peer.Config{Private: true})
	if err != nil {
		return ""
	}
	defer c.Close()
	// A node that was killed leaves its note, and another may answer there now.
	if s, err := peer.FetchSelf(ctx, c); err != nil || s.LogKey != n.Self.LogKey {
		return ""
	}
	return address
}

// SignInLink returns a one-time address that signs a person's browser in. If
// no node runs on the folder it has no host.
func (n *Node) SignInLink(ctx context.Context, id string, role person.Role, ttl time.Duration) (string, error) {
	base := n.Beside(ctx)
	if n.announced { // we are that node
		var err error
		if base, err = Running(n.Folder.Dir); err != nil {
			return "", err
		}
	}
	t, err := n.People.IssueLink(ctx, id, role, ttl)
	if err != nil {
		return "", err
	}
	return base + "/sign-in?t=" + url.QueryEscape(t), nil
}
