package watch

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
)

// RefOf is the key of an event as a number, under which the database finds it.
// Keys that end in a number, as most sources have them ("300380", "SYR12345"),
// keep their order, so that what comes together is stored together: three bytes
// of what stands before, and the number. Others become part of their SHA-256,
// and for two of the same number the second is quarantined.
func RefOf(key string) int64 {
	digits := len(key)
	for digits > 0 && key[digits-1] >= '0' && key[digits-1] <= '9' {
		digits--
	}
	for digits < len(key)-1 && key[digits] == '0' {
		digits++ // "007" is not "7"
	}
	prefix := key[:digits]
	if digits < len(key) && len(prefix) <= 3 && strings.IndexByte(prefix, 0) < 0 {
		if n, err := strconv.ParseUint(key[digits:], 10, 32); err == nil {
			var p [4]byte
			copy(p[1:], prefix)
			return int64(binary.BigEndian.Uint32(p[:]))<<32 | int64(n)
		}
	}
	h := sha256.Sum256([]byte(key))
	return 1<<62 | int64(binary.BigEndian.Uint64(h[:])>>2)
}
