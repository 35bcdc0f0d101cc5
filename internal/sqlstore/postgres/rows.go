package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

// PutRows implements [sqltx.Tx]. From minCopy rows on it is a COPY.
func (t *transaction) PutRows(ctx context.Context, table, columns string, values []any) error {
	width := strings.Count(columns, ",") + 1
	if len(values) >= minCopy*width {
		q := "COPY " + table + " (" + columns + ") FROM STDIN (FORMAT binary)"
		return t.copy(ctx, q, func(b []byte) ([]byte, error) { return appendRows(b, q, width, values) })
	}
	var q strings.Builder
	q.WriteString("INSERT INTO " + table + " (" + columns + ") VALUES (")
	for i := range width {
		if i > 0 {
			q.WriteString(", ")
		}
		fmt.Fprintf(&q, "$%d", i+1)
	}
	q.WriteString(")")
	for ; len(values) > 0; values = values[width:] {
		if err := t.Later(ctx, q.String(), values[:width]...); err != nil {
			return err
		}
	}
	return nil
}

// appendRows appends the messages of a COPY of rows in binary: see appendCopy.
func appendRows(b []byte, q string, width int, values []any) ([]byte, error) {
	b, err := (&pgproto3.Query{String: q}).Encode(b)
	if err != nil {
		return nil, err
	}
	start := len(b)
	end := func() { binary.BigEndian.PutUint32(b[start+1:], uint32(len(b)-start-1)) }
	b = append(b, 'd', 0, 0, 0, 0)
	b = append(b, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	for i, v := range values {
		if i%width == 0 {
			if len(b)-start > maxCopyData {
				end()
				start = len(b)
				b = append(b, 'd', 0, 0, 0, 0)
			}
			b = binary.BigEndian.AppendUint16(b, uint16(width))
		}
		switch v := v.(type) {
		case int64:
			b = binary.BigEndian.AppendUint32(b, 8)
			b = binary.BigEndian.AppendUint64(b, uint64(v))
		case []byte:
			b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
			b = append(b, v...)
		default:
			return nil, fmt.Errorf("a %T is not put into rows", v)
		}
	}
	b = binary.BigEndian.AppendUint16(b, 0xffff) // no more rows
	end()
	return (&pgproto3.CopyDone{}).Encode(b)
}
