package table

import (
	"bufio"
	"io"
)

// GuessComma returns what separates the fields of a CSV, seen from its first
// line that has any: a comma, semicolon, tab or bar, whichever comes most often outside of
// quotes. The reader returned reads the whole file.
func GuessComma(r io.Reader) (byte, io.Reader) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, _ := b.Peek(64 << 10) // what went wrong comes again when it is read
	counts, quoted := [256]int{}, false
	for _, c := range head {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\n' && counts[',']+counts[';']+counts['\t']+counts['|'] > 0:
			return most(counts), b
		default:
			counts[c]++
		}
	}
	return most(counts), b
}

func most(counts [256]int) byte {
	comma := byte(',')
	for _, c := range []byte{';', '\t', '|'} {
		if counts[c] > counts[comma] {
			comma = c
		}
	}
	return comma
}
