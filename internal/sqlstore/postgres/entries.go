package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// minCopy is the number of entries from which on COPY is quicker than INSERT.
// It is begun anew each time, which a prepared INSERT is not, and leaves the
// server less to do for each row.
const minCopy = 32

// PutEntries implements [sqltx.Tx].
func (t *transaction) PutEntries(ctx context.Context, pos int64, entries [][]byte) error {
	if len(entries) >= minCopy {
		return t.copyEntries(ctx, pos, entries)
	}
	if len(entries) == 0 {
		return nil
	}
	if slices.ContainsFunc(entries, func(e []byte) bool { return e == nil }) {
		entries = slices.Clone(entries)
		for i, e := range entries {
			entries[i] = append([]byte{}, e...) // nil would be NULL
		}
	}
	return t.Later(ctx, `INSERT INTO entry (pos, data)
		SELECT $1 + e.n - 1, e.data FROM unnest(CAST($2 AS BYTEA[])) WITH ORDINALITY AS e (data, n)`, pos, entries)
}

// copyEntries sends entries, all at once, and goes on: while the server takes
// them the caller does what it has to do besides, and what that leads to is
// sent behind them. See [transaction.copied] for the outcome.
//
// The driver's own COPY waits for the outcome, and sends small pieces, between
// which the server gets to run, and to wait.
func (t *transaction) copyEntries(ctx context.Context, pos int64, entries [][]byte) error {
	return t.copy(ctx, copyEntry, func(b []byte) ([]byte, error) { return appendCopy(b, pos, entries) })
}

// copy sends a COPY whole, of which fill appends the messages.
func (t *transaction) copy(ctx context.Context, what string, fill func([]byte) ([]byte, error)) error {
	if err := t.Flush(ctx); err != nil {
		return err
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	var err error
	if *buf, err = fill((*buf)[:0]); err != nil {
		return err
	}
	t.copying = what
	c := t.conn.PgConn()
	cut := context.AfterFunc(ctx, func() { _ = c.Conn().SetWriteDeadline(time.Unix(1, 0)) })
	defer cut()
	if err := c.Frontend().SendUnbufferedEncodedCopyData(*buf); err != nil {
		_ = c.Conn().Close() // the server waits for the rest of a message
		return late(what, err)
	}
	return nil
}

const copyEntry = "COPY entry (pos, data) FROM STDIN (FORMAT binary)"

var copyBuffers = sync.Pool{New: func() any { return new([]byte) }}

// maxCopyData bounds a message with rows. The server makes room for all of it.
const maxCopyData = 64 << 10

// appendCopy appends the messages of a COPY in binary. See
// https://www.postgresql.org/docs/current/sql-copy.html and
// https://www.postgresql.org/docs/current/protocol-message-formats.html.
func appendCopy(b []byte, pos int64, entries [][]byte) ([]byte, error) {
	size := 256
	for _, e := range entries {
		size += 2 + 4 + 8 + 4 + 5 + len(e)
	}
	b = slices.Grow(b, size)
	b, err := (&pgproto3.Query{String: copyEntry}).Encode(b)
	if err != nil {
		return nil, err
	}
	begin := func() (start int) { // of a CopyData
		start = len(b)
		b = append(b, 'd', 0, 0, 0, 0)
		return start
	}
	end := func(start int) { binary.BigEndian.PutUint32(b[start+1:], uint32(len(b)-start-1)) }
	start := begin()
	b = append(b, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	for i, e := range entries {
		if len(b)-start > maxCopyData {
			end(start)
			start = begin()
		}
		b = binary.BigEndian.AppendUint16(b, 2) // columns
		b = binary.BigEndian.AppendUint32(b, 8)
		b = binary.BigEndian.AppendUint64(b, uint64(pos)+uint64(i))
		b = binary.BigEndian.AppendUint32(b, uint32(len(e)))
		b = append(b, e...)
	}
	b = binary.BigEndian.AppendUint16(b, 0xffff) // no more rows
	end(start)
	return (&pgproto3.CopyDone{}).Encode(b)
}

// join waits for the outcome of a COPY, if one is under way.
func (t *transaction) join(ctx context.Context) error {
	return t.copied(func() (pgproto3.BackendMessage, error) { return t.conn.PgConn().ReceiveMessage(ctx) })
}

// copied reads the outcome of a COPY, if one is under way.
func (t *transaction) copied(receive func() (pgproto3.BackendMessage, error)) error {
	what := t.copying
	if what == "" {
		return nil
	}
	t.copying = ""
	var failed error
	for {
		m, err := receive()
		if err != nil {
			return late(what, err)
		}
		switch m := m.(type) {
		case *pgproto3.ErrorResponse:
			failed = late(what, pgconn.ErrorResponseToPgError(m))
		case *pgproto3.ReadyForQuery:
			return failed
		case *pgproto3.CopyInResponse, *pgproto3.CommandComplete,
			*pgproto3.NoticeResponse, *pgproto3.NotificationResponse, *pgproto3.ParameterStatus:
		default:
			_ = t.conn.PgConn().Conn().Close()
			return late(what, fmt.Errorf("the server answered with %T", m))
		}
	}
}
