package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// config is Dendrite's sample without what are its defaults as well. Keys are
// asked of each other, not of matrix.org.
const config = `version: 2
global:
  server_name: %q
  private_key: matrix_key.pem
  jetstream: {storage_path: .}
%s
client_api:
  registration_disabled: false
  rate_limiting: {enabled: false}
federation_api:
  disable_tls_validation: true
  key_perspectives: []
  prefer_direct_fetch: true
%s
media_api:
  base_path: media
%s
`

// configOf a server with a PostgreSQL database; "" gives each of its parts a
// SQLite file. Two servers share the hundred connections that PostgreSQL has.
func configOf(name, database string) []byte {
	if database != "" {
		one := fmt.Sprintf("  database: {connection_string: %q, max_open_conns: 40, max_idle_conns: 5, conn_max_lifetime: -1}", database)
		return fmt.Appendf(nil, config, name, one, "", "")
	}
	file := func(part string) string { return fmt.Sprintf("database: {connection_string: 'file:%s.db'}", part) }
	out := fmt.Appendf(nil, config, name, "", "  "+file("federation"), "  "+file("media"))
	for _, part := range []string{"room_server", "sync_api", "key_server", "mscs", "relay_api"} {
		out = fmt.Appendf(out, "%s: {%s}\n", part, file(part))
	}
	return fmt.Appendf(out, "user_api: {account_%s}\n", file("user_api"))
}

// server is a Dendrite server, and a user of it.
type server struct {
	name   string // as other servers know it: where it listens for them
	url    string // where it listens for its users
	token  string
	client *http.Client

	cmd  *exec.Cmd
	log  string        // a file
	over chan struct{} // closed when the process has ended
	err  error         // of the process, then
}

// start starts a server in a folder of its own. Its log cannot be turned off.
func start(dir, program, database, federation, users string) (*server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &server{name: federation, url: "http://" + users, log: filepath.Join(dir, "log"), over: make(chan struct{}),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "dendrite.yaml"), configOf(s.name, database), 0o600),
		writeSigningKey(filepath.Join(dir, "matrix_key.pem")),
		writeCertificate(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")),
	); err != nil {
		return nil, err
	}
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd = exec.Command(program, "-config", "dendrite.yaml", "-really-enable-open-registration",
		"-http-bind-address", users, "-https-bind-address", federation, "-tls-cert", "tls.crt", "-tls-key", "tls.key")
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = dir, log, log
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.over)
	}()
	return s, nil
}

// freeAddresses are on loopback, each another. Servers listen there by
// themselves, a moment later.
func freeAddresses(n int) ([]string, error) {
	var free []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		free = append(free, l.Addr().String())
	}
	return free, nil
}

// writeSigningKey writes the key with which a server signs its events.
func writeSigningKey(file string) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	return writePEM(file, &pem.Block{Type: "MATRIX PRIVATE KEY", Headers: map[string]string{"Key-ID": "ed25519:bench"}, Bytes: key.Seed()})
}

// writeCertificate writes a certificate that nobody has signed, and its key.
func writeCertificate(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(writePEM(certFile, &pem.Block{Type: "CERTIFICATE", Bytes: cert}), writePEM(keyFile, &pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func writePEM(file string, b *pem.Block) error {
	return os.WriteFile(file, pem.EncodeToMemory(b), 0o600)
}

// ready waits until the server answers.
func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second) // it makes its tables
	defer cancel()
	for {
		err := s.call(ctx, "GET", "versions", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-s.over:
			return fmt.Errorf("a server ended: %w: %s", s.err, s.lastLines())
		case <-ctx.Done():
			return fmt.Errorf("a server did not start: %w: %s", err, s.lastLines())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// register makes a user, on whose behalf calls are made from now on.
func (s *server) register(ctx context.Context, name string) error {
	var user struct {
		Token string `json:"access_token"`
	}
	err := s.call(ctx, "POST", "v3/register", map[string]any{"username": name, "password": rand.Text(), "auth": map[string]any{"type": "m.login.dummy"}}, &user)
	s.token = user.Token
	return err
}

// call makes a call of the client-server API, and takes the answer if one is
// asked for.
func (s *server) call(ctx context.Context, method, path string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var in bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&in).Encode(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url+"/_matrix/client/"+path, &in)
	if err != nil {
		return err
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, req.URL.Path, resp.Status, out)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(out, answer)
}

// lastLines of the log, for those who ask why.
func (s *server) lastLines() string {
	log, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(log[max(0, len(log)-2000):]))
}

// close stops the server, and waits until it has ended.
func (s *server) close() error {
	s.client.CloseIdleConnections()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.over:
	case <-time.After(10 * time.Second):
		if err := s.cmd.Process.Kill(); err != nil {
			return err
		}
		<-s.over
	}
	return nil
}
