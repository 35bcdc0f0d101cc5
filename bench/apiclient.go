package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
)

// apiClient sends requests to one server over connections that it keeps. The
// goroutine that calls writes the request and reads the answer itself, as NATS's
// client does when it publishes: net/http's client hands both to others, and what
// it takes to wake them, a tenth of a millisecond when processors sleep, is not
// the node's.
type apiClient struct {
	address string

	mu   sync.Mutex
	idle []*conn
}

type conn struct {
	net.Conn
	r *bufio.Reader
}

// do returns the answer's body. Headers are whole lines.
func (c *apiClient) do(ctx context.Context, method, path, headers string, body []byte, want int) ([]byte, error) {
	conn, err := c.conn(ctx)
	if err != nil {
		return nil, err
	}
	request := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\n\r\n%s", method, path, c.address, headers, len(body), body)
	answer, status, err := conn.exchange(ctx, request)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	c.mu.Lock()
	c.idle = append(c.idle, conn)
	c.mu.Unlock()
	if status != want {
		return nil, fmt.Errorf("%s %s: %d %s: %.300s", method, path, status, http.StatusText(status), answer)
	}
	return answer, nil
}

// conn that is idle, or a new one.
func (c *apiClient) conn(ctx context.Context) (*conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.idle); n > 0 {
		last := c.idle[n-1]
		c.idle = c.idle[:n-1]
		return last, nil
	}
	var d net.Dialer
	made, err := d.DialContext(ctx, "tcp", c.address)
	if err != nil {
		return nil, err
	}
	return &conn{made, bufio.NewReader(made)}, nil
}

// exchange a request for an answer that leaves the connection open.
func (c *conn) exchange(ctx context.Context, request []byte) (body []byte, status int, err error) {
	until, _ := ctx.Deadline() // zero: no limit
	if err := c.SetDeadline(until); err != nil {
		return nil, 0, err
	}
	if _, err := c.Write(request); err != nil {
		return nil, 0, err
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err == nil && resp.Close {
		err = fmt.Errorf("the server closes its connection: %s: %.300s", resp.Status, body)
	}
	return body, resp.StatusCode, err
}

func (c *apiClient) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.idle {
		conn.Close()
	}
	c.idle = nil
}
