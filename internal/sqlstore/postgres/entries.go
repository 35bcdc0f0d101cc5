package postgres

import (
	"context"
	"encoding/binary"
	"net"
	"slices"
)

// minCopy is the number of entries from which on COPY is quicker than INSERT.
// It costs two round trips, and the server half as much for each row.
const minCopy = 64

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

// copyEntries sends entries while the caller goes on with what it has to do
// besides. The next statement waits for the end of that.
func (t *transaction) copyEntries(ctx context.Context, pos int64, entries [][]byte) error {
	if err := t.Flush(ctx); err != nil {
		return err
	}
	rows := copyRows(pos, entries)
	copied := make(chan error, 1)
	t.copied = copied
	go func() {
		_, err := t.conn.PgConn().CopyFrom(ctx, &rows, "COPY entry (pos, data) FROM STDIN (FORMAT binary)")
		copied <- err
	}()
	return nil
}

// join waits for the end of a COPY.
func (t *transaction) join() error {
	if t.copied == nil {
		return nil
	}
	err := <-t.copied
	t.copied = nil
	if err != nil {
		return late("COPY entry", err)
	}
	return nil
}

// copyRows is what COPY in binary reads for entries. See
// https://www.postgresql.org/docs/current/sql-copy.html.
func copyRows(pos int64, entries [][]byte) net.Buffers {
	const head = 2 + 4 + 8 + 4 // columns; length of pos, pos; length of data
	heads := make([]byte, 0, head*len(entries))
	rows := make(net.Buffers, 0, 2+2*len(entries))
	rows = append(rows, []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	for i, e := range entries {
		heads = binary.BigEndian.AppendUint16(heads, 2)
		heads = binary.BigEndian.AppendUint32(heads, 8)
		heads = binary.BigEndian.AppendUint64(heads, uint64(pos)+uint64(i))
		heads = binary.BigEndian.AppendUint32(heads, uint32(len(e)))
		rows = append(rows, heads[len(heads)-head:], e)
	}
	return append(rows, []byte{0xff, 0xff})
}
