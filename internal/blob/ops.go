package blob

import (
	"io"
	"os"
	"runtime"
)

// ops are the calls that change the disk. Tests fail each of them.
type ops interface {
	mkdir(dir string) error          // mode 0700; fs.ErrExist if it is there
	create(dir string) (file, error) // a new file in dir, mode 0600
	rename(from, to string) error    // atomic, replaces to
	remove(name string) error
	syncDir(dir string) error // makes names made, changed and removed in dir durable
}

type file interface {
	io.Writer
	Name() string
	Sync() error
	Close() error
}

type osOps struct{}

func (osOps) mkdir(dir string) error { return os.Mkdir(dir, 0o700) }

func (osOps) create(dir string) (file, error) {
	f, err := os.CreateTemp(dir, "put-") // 0600
	if err != nil {
		return nil, err // not a nil *os.File in an interface
	}
	return f, nil
}

func (osOps) rename(from, to string) error { return os.Rename(from, to) }

func (osOps) remove(name string) error { return os.Remove(name) }

func (osOps) syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there; NTFS journals names
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
