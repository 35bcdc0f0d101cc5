package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cluster is what the database consists of.
type cluster struct {
	dir, bin  string
	proxyPort int
	members   []*member
	etcdPort  int
	all       []*process
}

// member is one PostgreSQL server with its Patroni.
type member struct {
	name           string
	port, restPort int
	config, data   string
	patroni        *process
}

// process that was started here. Only those are ended.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// run starts a program in a process group of its own, as the user postgres if
// that is needed, with its output in a file.
func (c *cluster) run(name string, asPostgres bool, program string, args ...string) (*process, error) {
	log, err := os.OpenFile(filepath.Join(c.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, c.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if asPostgres && os.Getuid() == 0 {
		who, err := postgresUser()
		if err != nil {
			return nil, err
		}
		cmd.SysProcAttr.Credential = who
		cmd.Env = append(os.Environ(), "HOME="+c.dir)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{cmd, make(chan struct{})}
	go func() {
		_ = cmd.Wait() // it is killed in the end
		close(p.done)
	}()
	c.all = append(c.all, p)
	return p, nil
}

// kill ends the process and its children at once.
func (p *process) kill() {
	select {
	case <-p.done:
		return
	default:
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

func postgresUser() (*syscall.Credential, error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

// freePort on loopback.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (c *cluster) start(ctx context.Context) error {
	// PostgreSQL runs as another user, and must get at its folders.
	if err := os.Chmod(c.dir, 0o755); err != nil {
		return err
	}
	var ports [9]int
	for i := range ports {
		var err error
		if ports[i], err = freePort(); err != nil {
			return err
		}
	}
	c.etcdPort, c.proxyPort = ports[0], ports[2]
	client, peers := fmt.Sprintf("http://127.0.0.1:%d", ports[0]), fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	if _, err := c.run("etcd", false, "etcd", "--name", "e1", "--data-dir", filepath.Join(c.dir, "etcd"), "--listen-client-urls", client,
		"--advertise-client-urls", client, "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "e1="+peers); err != nil {
		return err
	}
	if err := wait(ctx, 30*time.Second, "etcd", func() error { return answers(ctx, "GET", client+"/health") }); err != nil {
		return err
	}
	for i := range 3 {
		m := &member{name: fmt.Sprintf("pg%d", i+1), port: ports[3+2*i], restPort: ports[4+2*i]}
		c.members = append(c.members, m)
		if err := c.configure(m); err != nil {
			return err
		}
		if err := c.startMember(m); err != nil {
			return err
		}
	}
	if err := c.startProxy(); err != nil {
		return err
	}
	return c.ready(ctx)
}

// configure writes Patroni's configuration. A primary that is lost is replaced
// when its lease of ttl seconds in etcd has run out.
func (c *cluster) configure(m *member) error {
	m.data = filepath.Join(c.dir, m.name)
	if err := os.Mkdir(m.data, 0o700); err != nil {
		return err
	}
	if os.Getuid() == 0 {
		who, err := postgresUser()
		if err != nil {
			return err
		}
		if err := os.Chown(m.data, int(who.Uid), int(who.Gid)); err != nil {
			return err
		}
	}
	m.config = filepath.Join(c.dir, m.name+".yml")
	return os.WriteFile(m.config, []byte(fmt.Sprintf(`scope: comity
name: %[1]s
restapi: {listen: '127.0.0.1:%[3]d', connect_address: '127.0.0.1:%[3]d'}
etcd3: {hosts: '127.0.0.1:%[4]d'}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 2
    retry_timeout: 5
    synchronous_mode: true
    synchronous_mode_strict: true
    postgresql:
      use_pg_rewind: true
      parameters: {max_connections: 100, wal_level: replica, max_wal_senders: 10, wal_keep_size: 256MB, wal_log_hints: 'on', wal_retrieve_retry_interval: 500ms}
  initdb: [{encoding: UTF8}, {locale: C}, {auth: trust}]
  pg_hba: ['host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust', 'local all all trust']
postgresql:
  listen: 127.0.0.1:%[2]d
  connect_address: 127.0.0.1:%[2]d
  data_dir: %[5]s/data
  bin_dir: %[6]s
  pgpass: %[5]s/pgpass
  authentication: {superuser: {username: postgres}, replication: {username: postgres}, rewind: {username: postgres}}
  parameters: {unix_socket_directories: '%[5]s', synchronous_commit: 'on'}
`, m.name, m.port, m.restPort, c.etcdPort, m.data, c.bin)), 0o644)
}

func (c *cluster) startMember(m *member) (err error) {
	m.patroni, err = c.run(m.name, true, "patroni", m.config)
	return err
}

// kill ends a member as a lost machine does: Patroni and the server.
func (m *member) kill() {
	_ = syscall.Kill(-m.patroni.cmd.Process.Pid, syscall.SIGKILL)
	m.killServer()
	<-m.patroni.done
}

// killServer ends the server, whose process is named in its folder.
func (m *member) killServer() {
	b, err := os.ReadFile(filepath.Join(m.data, "data", "postmaster.pid"))
	if err != nil {
		return // it does not run
	}
	first, _, _ := strings.Cut(string(b), "\n")
	if pid, err := strconv.Atoi(first); err == nil && pid > 1 {
		_ = syscall.Kill(pid, syscall.SIGKILL) // its children end with it
	}
}

func (c *cluster) startProxy() error {
	config := fmt.Sprintf(`defaults
  mode tcp
  timeout connect 2s
  timeout client 30m
  timeout server 30m
  timeout check 2s
listen primary
  bind 127.0.0.1:%d
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
`, c.proxyPort)
	for _, m := range c.members {
		config += fmt.Sprintf("  server %s 127.0.0.1:%d check port %d\n", m.name, m.port, m.restPort)
	}
	path := filepath.Join(c.dir, "haproxy.cfg")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return err
	}
	_, err := c.run("haproxy", false, "/usr/sbin/haproxy", "-db", "-f", path)
	return err
}

// ready waits until there is a primary and a standby that is synchronous.
func (c *cluster) ready(ctx context.Context) error {
	return wait(ctx, 3*time.Minute, "a primary and a synchronous standby", func() error {
		if _, err := c.primary(ctx); err != nil {
			return err
		}
		for _, m := range c.members {
			if answers(ctx, "GET", fmt.Sprintf("http://127.0.0.1:%d/synchronous", m.restPort)) == nil {
				return nil
			}
		}
		return fmt.Errorf("no standby is synchronous")
	})
}

// primary is the member that takes writes.
func (c *cluster) primary(ctx context.Context) (*member, error) {
	for _, m := range c.members {
		if answers(ctx, "GET", fmt.Sprintf("http://127.0.0.1:%d/primary", m.restPort)) == nil {
			return m, nil
		}
	}
	return nil, fmt.Errorf("no member is the primary")
}

// answers reports whether an address answers with 200.
func answers(ctx context.Context, method, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}

// stop ends everything that was started, by its process: Patroni first, which
// would start its server again.
func (c *cluster) stop() {
	for i := len(c.all) - 1; i >= 0; i-- {
		c.all[i].kill()
	}
	for _, m := range c.members {
		m.killServer()
	}
}
