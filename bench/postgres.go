package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/sqlstore"
)

// cluster is a private PostgreSQL server with its own files, on loopback. It
// syncs to the disk as servers do.
type cluster struct {
	url string
	cmd *exec.Cmd
}

var postgres struct {
	sync.Mutex
	*cluster
	err  error
	next int
}

// beginPostgres starts the server if nobody has. The lock is held.
func beginPostgres(ctx context.Context, e *env) error {
	if postgres.cluster == nil && postgres.err == nil {
		var c *cluster
		if c, postgres.err = startPostgres(ctx, filepath.Join(e.dir, "postgres")); postgres.err == nil {
			postgres.cluster = c
			e.atEnd = append(e.atEnd, c.close)
		}
	}
	if postgres.err != nil {
		return fmt.Errorf("left out: %w", postgres.err)
	}
	return nil
}

// pgURL returns the address of a schema of its own for one sample.
func pgURL(ctx context.Context, e *env) (string, error) {
	postgres.Lock()
	defer postgres.Unlock()
	if err := beginPostgres(ctx, e); err != nil {
		return "", err
	}
	if err := postgres.clear(ctx, postgres.next); err != nil {
		return "", err
	}
	postgres.next++
	return fmt.Sprintf("%s&schema=bench%d", postgres.url, postgres.next), nil
}

// pgDatabase empties a database, and returns its address.
func pgDatabase(ctx context.Context, e *env, name string) (string, error) {
	postgres.Lock()
	defer postgres.Unlock()
	if err := beginPostgres(ctx, e); err != nil {
		return "", err
	}
	c, err := pgx.Connect(ctx, postgres.url)
	if err != nil {
		return "", err
	}
	defer c.Close(ctx)
	for _, statement := range []string{"DROP DATABASE IF EXISTS %s WITH (FORCE)", "CREATE DATABASE %s"} {
		if _, err := c.Exec(ctx, fmt.Sprintf(statement, pgx.Identifier{name}.Sanitize())); err != nil {
			return "", err
		}
	}
	return strings.Replace(postgres.url, "/postgres?", "/"+name+"?", 1), nil
}

// postgresBin is the folder of the newest PostgreSQL here. Debian keeps it out
// of the path.
func postgresBin() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			return filepath.Dir(p), nil
		}
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/initdb", "/opt/homebrew/opt/postgresql*/bin/initdb", "/usr/pgsql-*/bin/initdb"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return filepath.Dir(slices.Max(found)), nil
		}
	}
	return "", errors.New("there is no PostgreSQL here: initdb was not found")
}

func startPostgres(ctx context.Context, dir string) (_ *cluster, err error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	as := &syscall.SysProcAttr{}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 { // as whom it refuses to run
		if as.Credential, err = ownedByPostgres(dir); err != nil {
			return nil, err
		}
	}
	command := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(filepath.Join(bin, name), args...)
		c.Dir, c.SysProcAttr = dir, as
		return c
	}
	if out, err := command("initdb", "--pgdata=data", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	if err := l.Close(); err != nil {
		return nil, err
	}
	c := &cluster{url: "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable"}
	c.cmd = command("postgres", "-D", "data", "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+dir,
		"-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB", "-c", "min_wal_size=1GB")
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	c.cmd.Stdout, c.cmd.Stderr = log, log
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	db, err := sql.Open("pgx", c.url)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if err = db.PingContext(ctx); err == nil || ctx.Err() != nil {
			return c, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the server did not start: %w", err)
		}
	}
}

// ownedByPostgres hands the folder, and those above it as far as entering
// them goes, to the user postgres.
func ownedByPostgres(dir string) (*syscall.Credential, error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, errors.New("PostgreSQL refuses to run as root, and there is no user postgres")
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2, os.Chown(dir, int(uid), int(gid)), os.Chmod(filepath.Dir(dir), 0o711)); err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// clear drops the schema of the last sample and writes out what is left, so
// that no sample pays for the one before it: with the pages of a table that
// is gone neither the server nor the disk has any work, and the log goes on
// in files that are there, as on a server that has run for a while.
func (c *cluster) clear(ctx context.Context, last int) error {
	conn, err := pgx.Connect(ctx, c.url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, fmt.Sprintf("DROP SCHEMA IF EXISTS bench%d CASCADE", last)); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "CHECKPOINT")
	return err
}

// close disconnects everybody and stops the server.
func (c *cluster) close() error {
	if err := c.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	return c.cmd.Wait()
}

// journalPostgres is journalAppend on PostgreSQL.
func journalPostgres(callers int) measure {
	return func(ctx context.Context, e *env, _ string) (sample, error) {
		url, err := pgURL(ctx, e)
		if err != nil {
			return sample{}, err
		}
		s, err := sqlstore.Open(ctx, url, sqlstore.Options{})
		if err != nil {
			return sample{}, err
		}
		defer s.Close()
		counted := &counting{Store: s}
		out, err := appendTo(ctx, e, counted, callers)
		if n := counted.updates.Load(); n > 0 {
			pgBatch.Store(max(1, counted.entries.Load()/n))
		}
		return out, err
	}
}

// pgBatch is how many entries a transaction had on average when the journal
// was measured last: what the bare insert has in each of its own.
var pgBatch atomic.Int64

// counting counts what is written through it.
type counting struct {
	journal.Store
	updates, entries atomic.Int64
}

func (c *counting) Update(ctx context.Context, o comity.Origin, fn func(journal.Tx) error) error {
	return c.Store.Update(ctx, o, func(tx journal.Tx) error {
		before, err := tx.Head()
		if err != nil {
			return err
		}
		if err := fn(tx); err != nil {
			return err
		}
		after, err := tx.Head()
		c.updates.Add(1)
		c.entries.Add(after.Size - before.Size)
		return err
	})
}

// insertPostgres inserts the same rows in the same batches, one transaction
// after the other, with nothing beside: no tree, no signature, no callers.
func insertPostgres(ctx context.Context, e *env, _ string) (sample, error) {
	return bare(ctx, e, func(c *pgx.Conn, next int64, batch [][]byte) error {
		_, err := c.Exec(ctx, `INSERT INTO entry (pos, data)
			SELECT $1::bigint + n - 1, data FROM unnest($2::bytea[]) WITH ORDINALITY AS e (data, n)`, next, batch)
		return err
	})
}

// copyPostgres is insertPostgres with COPY, as the driver offers it.
func copyPostgres(ctx context.Context, e *env, _ string) (sample, error) {
	return bare(ctx, e, func(c *pgx.Conn, next int64, batch [][]byte) error {
		_, err := c.CopyFrom(ctx, pgx.Identifier{"entry"}, []string{"pos", "data"}, pgx.CopyFromSlice(len(batch),
			func(i int) ([]any, error) { return []any{next + int64(i), batch[i]}, nil }))
		return err
	})
}

// bare writes the batches that the journal on PostgreSQL had, into its table.
func bare(ctx context.Context, e *env, write func(c *pgx.Conn, next int64, batch [][]byte) error) (sample, error) {
	url, err := pgURL(ctx, e)
	if err != nil {
		return sample{}, err
	}
	n := pgBatch.Load()
	if n == 0 {
		return sample{}, errors.New("the journal on PostgreSQL was not measured, whose batches these are")
	}
	s, err := sqlstore.Open(ctx, url, sqlstore.Options{}) // makes the table as it is
	if err != nil {
		return sample{}, err
	}
	if err := s.Close(); err != nil {
		return sample{}, err
	}
	schema := url[len(postgres.url)+len("&schema="):]
	c, err := pgx.Connect(ctx, postgres.url+"&search_path="+schema)
	if err != nil {
		return sample{}, err
	}
	defer c.Close(ctx)
	batch := slices.Repeat([][]byte{entry()}, int(n))
	next := int64(1) << 40
	out, err := warm(ctx, 1, e.each, func(context.Context, int) error {
		err := write(c, next, batch)
		next += n
		return err
	})
	out.rate *= float64(n)
	return out, err
}
