package casefile

import (
	"errors"

	"github.com/comity/comity/effect"
	"github.com/comity/comity/keys"
)

// mayKey: the first key act of a journal founds its keys; every later one needs
// a statement that the root key has signed and that follows the last one.
func (s *State) mayKey(author effect.Author, e effect.Key) error {
	switch {
	case s.Scope.Index >= 0:
		return nil // said in a situation, it is shown there and changes no keys
	case len(s.Keys) == 0 && e.Statement != "":
		return errors.New("a journal begins with the keys themselves, not with a change of them")
	case len(s.Keys) == 0:
		return nil
	case e.Statement == "":
		return errors.New("keys change by a statement that the root key has signed")
	}
	h, err := s.KeyHistory()
	if err != nil {
		return err
	}
	_, err = h.Add([]byte(e.Statement))
	return err
}

// KeyHistory is the keys of the house whose matters s is, and every change of
// them, as its journal has them. An error says why there is none: the journal
// does not begin with keys, or with some that cannot be used.
func (s *State) KeyHistory() (keys.History, error) {
	if len(s.Keys) == 0 {
		return keys.History{}, errors.New("the journal names no keys")
	}
	h, err := keys.Found(s.Scope.Domain, FoundingKeys(s.Keys[0].E))
	for _, f := range s.Keys[1:] {
		if err == nil {
			h, err = h.Add([]byte(f.E.Statement))
		}
	}
	if err != nil {
		return keys.History{}, err
	}
	return h, nil
}

// FoundingKeys are the keys that the first key act of a journal names.
func FoundingKeys(e effect.Key) keys.Set {
	list := func(all ...string) (out []string) {
		for _, k := range all {
			if k != "" {
				out = append(out, k)
			}
		}
		return out
	}
	return keys.Set{Root: e.Root, Log: list(e.Log, e.LogPQ), Witness: list(e.Witness, e.WitnessPQ), Mirror: list(e.Mirror, e.MirrorPQ), Recipient: e.Recipient}
}
