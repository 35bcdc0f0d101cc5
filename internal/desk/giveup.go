package desk

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/monitor"
)

// GiveUp says in our journal, once, that entries of another's are given up
// here, and why. They are not given up with that.
func (d *Desk) GiveUp(ctx context.Context, p monitor.Parting, why string) (comity.ActName, error) {
	of, err := p.Copy.Origin.Domain()
	if err != nil {
		return comity.ActName{}, err
	}
	if err := mayGiveUp(why); err != nil {
		return comity.ActName{}, err
	}
	doc, err := act.Encode(&act.Act{Kind: "note.v1", Date: d.Now(), By: act.By{Office: "Administrator"}, Status: comity.Actual, TLP: comity.Clear, Lang: "en",
		Title: fmt.Sprintf("Entries of %s given up here: %d to %d", of, p.Size, p.Copy.Size-1),
		Text: fmt.Sprintf("This node had stored them as entries %d to %d of the journal of %s, and cosigned that it had. Nobody signed them but who had a key of that journal that counts no more, "+
			"and the journal goes on without them. From now on they have no effect in files here; they are kept as evidence. Reason given: %s\n\n"+
			"The checkpoint under which they stood here:\n\n%s\nThe checkpoint that %s shows, of another tree:\n\n%s", p.Size, p.Copy.Size-1, of, why, p.Signed, of, p.Theirs.Note)})
	if err != nil {
		return comity.ActName{}, err
	}
	q, err := d.prepare(ctx, doc)
	if err != nil {
		return comity.ActName{}, err
	}
	once := comity.Hash(sha256.Sum256(fmt.Appendf(nil, "comity given up\n%d\n%s", p.Size, p.Signed)))
	out, err := d.record(ctx, q, 0, publishOnce(once))
	var before *publishedBefore
	if errors.As(err, &before) {
		return before.by, nil
	}
	return out.Name, err
}

func mayGiveUp(why string) error {
	switch {
	case why == "":
		return &Invalid{errors.New("say why: who said that the key was in other hands, and how that was established")}
	case len(why) > 2000:
		return &Invalid{errors.New("say why in at most 2000 bytes")}
	}
	return nil
}
