package load_test

import (
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/test/load"
)

func acts(titles ...string) (all []load.Act) {
	for i, t := range titles {
		a := load.Act{Position: int64(i) + 1, Name: comity.ActName{Domain: "un.example", Index: int64(i)}, Recorded: comity.TimeOf(time.Unix(int64(i/2), 0))}
		a.Document.Title = t
		all = append(all, a)
	}
	return all
}

func answer(w, n int, index int64, at int) load.Answer {
	return load.Answer{Writer: w, N: n, Name: comity.ActName{Domain: "un.example", Index: index}, At: time.Unix(int64(at), 0)}
}

// What is lost, doubled, out of order or under another name is found.
func TestCheck(t *testing.T) {
	good := load.Result{Name: "load", Answers: []load.Answer{answer(0, 0, 1, 1), answer(1, 0, 2, 2), answer(0, 1, 4, 9)}, Open: map[string]bool{"load 1/1": true}}
	turned := load.Result{Name: "load", Answers: []load.Answer{answer(0, 0, 4, 1), answer(0, 1, 1, 2)}}
	leaf, nameless := load.Result{Name: "load", Answers: []load.Answer{answer(0, 0, 1, 1)}}, load.Result{Name: "load", Answers: []load.Answer{answer(0, 0, 1, 1), {Writer: 0, N: 1}}}
	leaf.Answers[0].Leaf[3]++
	late := acts("keys", "load 0/0", "load 1/0")
	late[1].Recorded, late[2].Recorded = late[2].Recorded, late[0].Recorded
	for _, c := range []struct {
		name   string
		result load.Result
		acts   []load.Act
		want   string
	}{
		{"good", good, acts("keys", "load 0/0", "load 1/0", "load 1/1", "load 0/1"), ""},
		{"lost", good, acts("keys", "load 0/0", "load 1/0"), "is not there"},
		{"doubled", good, acts("keys", "load 0/0", "load 1/0", "load 1/0", "load 0/1"), "is there 2 times"},
		{"open and doubled", good, acts("keys", "load 0/0", "load 1/0", "load 1/1", "load 0/1", "load 1/1"), "never answered, is there 2 times"},
		{"another name", good, acts("keys", "load 1/0", "load 0/0", "x", "load 0/1"), "was answered with un.example/1, and is un.example/2"},
		{"another leaf", leaf, acts("keys", "load 0/0"), "was answered with the leaf"},
		{"an answer that was lost", nameless, acts("keys", "load 0/0", "load 0/1"), ""},
		{"that and the act", nameless, acts("keys", "load 0/0"), "is not there"},
		{"out of order", turned, acts("keys", "load 0/1", "x", "x", "load 0/0"), "and the one before it"},
		{"a gap", good, acts("keys", "load 0/0", "load 1/0", "x", "load 0/1")[1:], "act 0 of the list"},
		{"time", load.Result{}, late, "is recorded at"},
	} {
		err := c.result.Check(c.acts)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v; want ... %s ...", c.name, err, c.want)
		}
	}
	if got := good.Pause(time.Unix(0, 0), time.Unix(3, 0)); got != 7*time.Second {
		t.Errorf("longest pause %s, want 7s", got)
	}
	if got := good.Pause(time.Unix(0, 0), time.Unix(2, 0)); got != time.Second {
		t.Errorf("longest pause until 2 s: %s, want 1s", got)
	}
}
