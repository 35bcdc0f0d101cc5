package watch

import "testing"

// What each node pays for the language of rules when it is opened.
func BenchmarkEnv(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := newEnv(); err != nil {
			b.Fatal(err)
		}
	}
}

// One rule at one place, once it was compiled.
func BenchmarkEvaluate(b *testing.B) {
	env, err := newEnv()
	if err != nil {
		b.Fatal(err)
	}
	r := sample()
	r.Signal, r.Also = "p(25, 3)", "deaths.last(30) > 5.0 && deaths.change(3, 12) > 2.0"
	c, err := compile(env, r)
	if err != nil {
		b.Fatal(err)
	}
	w := &told{day: 12000, made: &Forecast{Totals: []Total{{Months: 3, Risk: make([]float64, 4)}}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := c.evaluate(b.Context(), w); err != nil {
			b.Fatal(err)
		}
	}
}
