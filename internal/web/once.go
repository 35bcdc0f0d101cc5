package web

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"
	"time"

	"github.com/comity/comity/internal/desk"
)

// A form that issues carries a text of its own. Sent twice, by a double click,
// a reload, or again because the answer was lost, and to whichever process, it
// issues once, and is answered alike.

// onceLife is for how long a form can issue. Together with the day for which
// answers are kept it leaves no time at which a form that has issued could do so
// again.
const onceLife = desk.KeyLife / 2

// newOnce is the text of a new form: when it was made, in Unix seconds, and 128
// random bits.
func newOnce(now time.Time) string { return strconv.FormatInt(now.Unix(), 10) + "-" + rand.Text() }

// onceKey is the key of a form that may issue; "" if it is too old, or none of
// ours.
func onceKey(once string, now time.Time) string {
	made, text, ok := strings.Cut(once, "-")
	at, err := strconv.ParseInt(made, 10, 64)
	age := now.Sub(time.Unix(at, 0))
	if !ok || err != nil || text == "" || len(once) > 64 || age < -time.Hour || age > onceLife {
		return ""
	}
	return desk.FormKey(once)
}

// issuedBefore is what a form has issued already; false if it has not.
func (s *site) issuedBefore(ctx context.Context, who desk.Who, once string) (desk.Issued, bool, error) {
	if once == "" || len(once) > 64 {
		return desk.Issued{}, false, nil
	}
	return s.c.Desk.Answered(ctx, who, desk.FormKey(once))
}
