package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
)

// Dump returns the values of every row of every table, one after the other:
// for searching whether something is anywhere in the database.
func (s *Store) Dump(ctx context.Context) ([]byte, error) {
	rows, err := s.read().query(ctx, s.d.Tables())
	tables, err := collect(rows, err, func(r row) (t string, err error) { return t, r.Scan(&t) })
	if err != nil {
		return nil, s.failed("list tables", err)
	}
	var out bytes.Buffer
	for _, t := range tables {
		if err := s.dumpTable(ctx, t, &out); err != nil {
			return nil, s.failed("read table "+t, err)
		}
	}
	return out.Bytes(), nil
}

func (s *Store) dumpTable(ctx context.Context, table string, out *bytes.Buffer) error {
	rows, err := s.d.Reader().QueryContext(ctx, fmt.Sprintf("SELECT * FROM %q", table))
	if err != nil {
		return err
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		return err
	}
	values, into := make([]sql.RawBytes, len(cols)), make([]any, len(cols))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for _, v := range values {
			out.Write(v)
			out.WriteByte('\n')
		}
	}
	return rows.Err()
}
