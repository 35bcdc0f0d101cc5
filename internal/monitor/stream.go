package monitor

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/comity/comity/internal/peer"
)

// maxLine of a stream; an event of ours has under 300 bytes.
const maxLine = 4096

// Stream reads a node's stream of heads and calls fn with each, until ctx
// ends or the stream does. It never returns nil. What it says is a hint: a
// head counts once Poll has verified it.
func Stream(ctx context.Context, c *peer.Client, fn func(Head)) error {
	body, err := c.Open(ctx, StreamPath, 3*Heartbeat)
	if err != nil {
		return err
	}
	defer body.Close()
	rd := bufio.NewReaderSize(body, maxLine)
	var event string
	var data strings.Builder
	for {
		raw, err := rd.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return &peer.Error{Reason: peer.TooLarge, URL: c.Base() + StreamPath, Err: errors.New("an endless line")}
		case err == io.EOF:
			return &peer.Error{Reason: peer.Unreachable, URL: c.Base() + StreamPath, Err: errors.New("the stream ended")}
		case err != nil:
			return err
		}
		line := strings.TrimRight(string(raw), "\r\n")
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "": // the event is complete
			if event == "head" {
				var h Head
				if err := json.Unmarshal([]byte(data.String()), &h); err == nil && h.Size >= 0 {
					fn(h)
				}
			}
			event = ""
			data.Reset()
		case field == "event":
			event = value
		case field == "data":
			if data.Len()+len(value) > maxLine {
				return &peer.Error{Reason: peer.TooLarge, URL: c.Base() + StreamPath, Err: errors.New("an endless event")}
			}
			data.WriteString(value)
		}
	}
}
