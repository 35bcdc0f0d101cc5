package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// Line is a standing connection of one process to all others on the same
// schema: on it the process hears what they change, and holds its leases.
//
// A lease is an advisory lock of the session. The server gives it up when the
// connection ends, and so at once when the process does. If the machine or the
// network is gone it finds out by keep-alive, after 10 to 15 seconds; the
// process, which asks every second and waits for at most [Patience], has
// stopped by then.
//
// A Line is used by one goroutine.
type Line struct {
	conn    *pgx.Conn
	channel string
}

// Patience is how long a process waits for an answer on its line before it
// takes itself for cut off.
const Patience = 3 * time.Second

// longestSilence is after how long the server takes a process for lost of which it
// hears nothing on its line, on which it speaks every second.
const longestSilence = 10 * time.Second

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// Dial opens a line.
func (db *DB) Dial(ctx context.Context) (*Line, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*Patience)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, db.config.Copy())
	if err != nil {
		return nil, fmt.Errorf("connect to the database %s: %w", db.place, err)
	}
	l := &Line{conn: conn}
	if err := l.begin(ctx); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Line) begin(ctx context.Context) error {
	for _, q := range []string{"SET tcp_keepalives_idle = 5", "SET tcp_keepalives_interval = 2", "SET tcp_keepalives_count = 3"} {
		if _, err := l.conn.Exec(ctx, q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	// A process that speaks no more, though its connection or that of a proxy stands,
	// loses its leases; PostgreSQL before 14 cannot see that.
	if _, err := l.conn.Exec(ctx, "SELECT set_config(name, $1, false) FROM pg_settings WHERE name = 'idle_session_timeout'", milliseconds(longestSilence)); err != nil {
		return fmt.Errorf("have the server end a silent connection: %w", err)
	}
	var standby bool
	if err := l.conn.QueryRow(ctx, "SELECT pg_is_in_recovery(), "+channel).Scan(&standby, &l.channel); err != nil {
		return fmt.Errorf("ask for the state of the server: %w", err)
	}
	if standby {
		return fmt.Errorf("the database server is a standby")
	}
	if _, err := l.conn.Exec(ctx, "LISTEN "+pgx.Identifier{l.channel}.Sanitize()); err != nil {
		return err
	}
	var shared bool
	err := l.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock_shared("+runs+")").Scan(&shared)
	if err == nil && !shared {
		err = ErrAlone
	}
	return err
}

// ErrAlone: a process has the database for itself, see [Line.Alone].
var ErrAlone = errors.New("a process has the database for itself, as \"comity migrate\" does")

// runs is what every line holds together with the others of the schema.
const runs = "hashtextextended('comity runs ' || current_schema(), 0)"

// Alone keeps all other lines from being opened as long as this one stands, and
// returns false if there are any.
func (l *Line) Alone(ctx context.Context) (ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	err = l.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock("+runs+")").Scan(&ok)
	return ok, err
}

// channel of a schema, as it stands in the trigger, too.
const channel = "'comity_' || md5(current_schema())"

// Wait returns the next text that another process tells; the error is
// ctx's if that ends first, and the line then still good.
func (l *Line) Wait(ctx context.Context) (string, error) {
	n, err := l.conn.WaitForNotification(ctx)
	if err != nil {
		if ctx.Err() != nil && !l.conn.IsClosed() {
			return "", ctx.Err()
		}
		return "", err
	}
	return n.Payload, nil
}

// Take tries to take leases, and returns those that it got. Without names it
// finds out whether the line still holds.
func (l *Line) Take(ctx context.Context, names []string) ([]string, error) {
	return l.each(ctx, "pg_try_advisory_lock", names)
}

// Drop gives leases up.
func (l *Line) Drop(ctx context.Context, names []string) error {
	_, err := l.each(ctx, "pg_advisory_unlock", names)
	return err
}

func (l *Line) each(ctx context.Context, do string, names []string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	if names == nil {
		names = []string{}
	}
	rows, err := l.conn.Query(ctx, `SELECT n, `+do+`(hashtextextended('comity lease ' || current_schema() || ' ' || n, 0)) FROM unnest($1::text[]) n`, names)
	if err != nil {
		return nil, err
	}
	var got []string
	var name string
	var ok bool
	_, err = pgx.ForEachRow(rows, []any{&name, &ok}, func() error {
		if ok {
			got = append(got, name)
		}
		return nil
	})
	return got, err
}

// Close ends the line, and with it all leases.
func (l *Line) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = l.conn.Close(ctx) // it ends either way
}

// Tell tells texts to all other processes. Each has at most 7,900 bytes.
func (db *DB) Tell(ctx context.Context, texts []string) error {
	all := make([]string, len(texts))
	for i, t := range texts {
		all[i] = db.process + " " + t
	}
	_, err := db.pool.ExecContext(ctx, "SELECT pg_notify("+channel+", t) FROM unnest($1::text[]) t", all)
	return err
}

// Process is the name of this process among those on the database, as it
// stands before every text.
func (db *DB) Process() string { return db.process }
