package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// manyKeys are how many numbers stand in one IN (…).
var manyKeys = []int{512, 64, 8, 1}

// eachKey runs q, which ends with "IN ", for all keys, with args before them.
func (c conn) eachKey(ctx context.Context, q string, keys []int64, scan func(row) error, args ...any) error {
	for _, n := range manyKeys {
		for len(keys) >= n {
			all := slices.Clone(args)
			for _, k := range keys[:n] {
				all = append(all, k)
			}
			rows, err := c.query(ctx, q+"(?"+strings.Repeat(", ?", n-1)+")", all...)
			if err != nil {
				return err
			}
			for rows.Next() {
				if err := scan(rows); err != nil {
					rows.Close()
					return err
				}
			}
			if err := cmp.Or(rows.Err(), rows.Close()); err != nil {
				return err
			}
			keys = keys[n:]
		}
	}
	return nil
}

func (tx *Tx) each(q string, keys []int64, scan func(row) error, args ...any) error {
	return tx.conn.eachKey(tx.ctx, q, keys, scan, args...)
}
