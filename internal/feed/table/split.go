package table

import "bytes"

// csv splits as encoding/csv does when it is strict: a quote stands only around
// a field or doubled within one, and \r\n is \n.
func (r *Reader) csv(b []byte, comma byte, last bool) (int, string) {
	if i := emptyLine(b, last); i > 0 {
		return i, ""
	}
	for i := 0; ; {
		if len(r.fields) == MaxColumns {
			return bad, "has too many columns"
		}
		if i < len(b) && b[i] == '"' {
			f := field{from: int32(i + 1), quoted: true}
			for i++; ; i += 2 {
				q := bytes.IndexByte(b[i:], '"')
				if q < 0 {
					if last {
						return bad, "a quote is missing"
					}
					return more, ""
				}
				i += q
				if i+1 == len(b) || b[i+1] != '"' {
					break
				}
				f.doubled = true
			}
			if i+2 >= len(b) && !last {
				return more, "" // what follows the quote decides
			}
			f.to = int32(i)
			r.fields = append(r.fields, f)
			switch rest := b[i+1:]; {
			case len(rest) == 0, len(rest) == 1 && rest[0] == '\r':
				return len(b), ""
			case rest[0] == comma:
				i += 2
			case rest[0] == '\n':
				return i + 2, ""
			case rest[0] == '\r' && rest[1] == '\n':
				return i + 3, ""
			default:
				return bad, "a quote within a quoted field is not doubled"
			}
			continue
		}
		start := i
		for i < len(b) && b[i] != comma && b[i] != '\n' && b[i] != '"' {
			i++
		}
		if i == len(b) {
			if !last {
				return more, ""
			}
			r.fields = append(r.fields, unquoted(b, start, i))
			return i, ""
		}
		switch b[i] {
		case comma:
			r.fields = append(r.fields, field{from: int32(start), to: int32(i)})
			i++
		case '\n':
			r.fields = append(r.fields, unquoted(b, start, i))
			return i + 1, ""
		default:
			return bad, "a quote stands in a field that does not begin with one"
		}
	}
}

// unquoted is the last field of a row, which ends before \n or \r\n.
func unquoted(b []byte, from, to int) field {
	if to > from && b[to-1] == '\r' {
		to--
	}
	return field{from: int32(from), to: int32(to)}
}

// emptyLine is the length of one with which b begins; 0 if it does not.
func emptyLine(b []byte, last bool) int {
	switch {
	case b[0] == '\n', last && len(b) == 1 && b[0] == '\r':
		return 1
	case len(b) > 1 && b[0] == '\r' && b[1] == '\n':
		return 2
	}
	return 0
}

// lines splits at tabs and ends of lines alone.
func (r *Reader) lines(b []byte, last bool) (int, string) {
	end := bytes.IndexByte(b, '\n')
	size := end + 1
	if end < 0 {
		if !last {
			return more, ""
		}
		end, size = len(b), len(b)
	}
	if end > 0 && b[end-1] == '\r' {
		end--
	}
	if end == 0 {
		return size, ""
	}
	for from := 0; ; {
		if len(r.fields) == MaxColumns {
			return bad, "has too many columns"
		}
		i := bytes.IndexByte(b[from:end], '\t')
		if i < 0 {
			r.fields = append(r.fields, field{from: int32(from), to: int32(end)})
			return size, ""
		}
		r.fields = append(r.fields, field{from: int32(from), to: int32(from + i)})
		from += i + 1
	}
}
