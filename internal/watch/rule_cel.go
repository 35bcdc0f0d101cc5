package watch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/parser"

	"github.com/comity/comity/internal/feed"
)

// What a rule can say. All numbers but those of days, months and deaths in
// brackets are doubles: write deaths.last(30) * 2.0.
//
//	events, deaths               of all feeds of the basis
//	state_based, non_state,
//	one_sided                    deaths by type of violence
//	  .last(30)                  in the last 30 days
//	  .months(3)                 in the last 3 whole months
//	  .change(3, 12)             by month in the last 3 whole months, against the 12 before, one added to both
//	  .surge(30, 360)            the same by days: for each 30 days
//	  .quiet()                   whole months since the last that had any; 600 at most
//	p(25, 3)                     probability of 25 deaths or more within 3 months
//	base(25, 3)                  how often it was so before at this place
//	median(3), low(3), high(3)   deaths within 3 months: the median, and the bounds of the middle 90 %
//	own.p(25, 3), own.base(25, 3),
//	own.median(3), …             the same by the forecast with the organization's own reports, where there are
//	                             some; elsewhere by the other
//
// A value that is not known (there is no forecast of the place, the data do not
// reach back so far) is an error, and a rule whose signal is one does nothing.

// Bounds of expressions.
const (
	maxExpression = 2000            // characters
	maxNodes      = 500             // of its tree
	maxCost       = 10_000          // as cel counts
	maxEvaluation = 2 * time.Second // of one place, with what is read for it
	maxDays       = 3660            // of a window
	maxMonths     = 600
)

// window reads what happened at the place that is evaluated.
type window interface {
	// days sums from..to, both inclusive.
	days(ctx context.Context, what measure, from, to feed.Day) (int64, error)
	months(ctx context.Context, what measure, from, to feed.Month) (int64, error)
	// quiet counts whole months since the last that had any.
	quiet(ctx context.Context, what measure) (int64, error)
	// forecast of the place, with own reports if there is one and it is asked for;
	// errNoForecast.
	forecast(ctx context.Context, own bool) (*Forecast, error)
	// begins is the first month of which something is known.
	begins() feed.Month
	// asOf is the day of which nothing later is known, and month the last that
	// is whole by then.
	asOf() (feed.Day, feed.Month)
}

var errNoForecast = errors.New("there is no forecast of this place")

// measure is what is counted.
type measure struct {
	events bool  // else deaths
	kinds  Kinds // of these types
}

// measures by the name of their variable.
var measures = map[string]measure{
	"events": {events: true}, "deaths": {}, "state_based": {kinds: KindsOf(feed.StateBased)}, "non_state": {kinds: KindsOf(feed.NonState)}, "one_sided": {kinds: KindsOf(feed.OneSided)},
}

// opaque is a value of a rule of which only functions can be called.
type opaque[T any] struct {
	of   T
	ctx  context.Context
	typ  *types.Type
	here window
}

func (o *opaque[T]) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s is no %s", o.typ.TypeName(), t)
}
func (o *opaque[T]) ConvertToType(t ref.Type) ref.Val {
	return types.NewErr("%s is no %s", o.typ.TypeName(), t.TypeName())
}
func (o *opaque[T]) Equal(ref.Val) ref.Val {
	return types.NewErr("%s cannot be compared; say of which time", o.typ.TypeName())
}
func (o *opaque[T]) Type() ref.Type { return o.typ }
func (o *opaque[T]) Value() any     { return o }

var (
	countType    = types.NewOpaqueType("count")
	forecastType = types.NewOpaqueType("forecast")
)

type (
	counting    = opaque[measure]
	forecasting = opaque[bool] // with own reports
)

// number is a function of whole numbers.
type number func(ctx context.Context, args []int64) (float64, error)

func (f number) call(ctx context.Context, args []ref.Val) ref.Val {
	n := make([]int64, len(args))
	for i, a := range args {
		v, ok := a.(types.Int)
		if !ok {
			return types.MaybeNoSuchOverloadErr(a)
		}
		n[i] = int64(v)
	}
	v, err := f(ctx, n)
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Double(v)
}

// countFunctions by name, with how many numbers they take.
var countFunctions = map[string]struct {
	args int
	of   func(ctx context.Context, here window, what measure, n []int64) (float64, error)
}{
	"last":   {1, last},
	"months": {1, months},
	"change": {2, change},
	"surge":  {2, surge},
	"quiet": {0, func(ctx context.Context, here window, what measure, _ []int64) (float64, error) {
		n, err := here.quiet(ctx, what)
		return float64(n), err
	}},
}

func between(n int64, most int64, unit string) error {
	if n < 1 || n > most {
		return fmt.Errorf("%d %s: want 1 to %d", n, unit, most)
	}
	return nil
}

func last(ctx context.Context, here window, what measure, n []int64) (float64, error) {
	if err := between(n[0], maxDays, "days"); err != nil {
		return 0, err
	}
	asOf, _ := here.asOf()
	v, err := here.days(ctx, what, asOf-feed.Day(n[0])+1, asOf)
	return float64(v), err
}

func months(ctx context.Context, here window, what measure, n []int64) (float64, error) {
	if err := between(n[0], maxMonths, "months"); err != nil {
		return 0, err
	}
	_, whole := here.asOf()
	v, err := here.months(ctx, what, whole-feed.Month(n[0])+1, whole)
	return float64(v), err
}

// notBefore reports as an error that nothing is known of the time before a month:
// what there was is not compared with it.
func notBefore(here window, m feed.Month) error {
	if begins := here.begins(); m < begins {
		return fmt.Errorf("the data begin with %s; that it was quiet before is not known", begins)
	}
	return nil
}

func change(ctx context.Context, here window, what measure, n []int64) (float64, error) {
	if err := errors.Join(between(n[0], maxMonths, "months"), between(n[1], maxMonths, "months")); err != nil {
		return 0, err
	}
	_, whole := here.asOf()
	begin := whole - feed.Month(n[0]) + 1
	if err := notBefore(here, begin-feed.Month(n[1])); err != nil {
		return 0, err
	}
	now, err := here.months(ctx, what, begin, whole)
	if err != nil {
		return 0, err
	}
	before, err := here.months(ctx, what, begin-feed.Month(n[1]), begin-1)
	return (float64(now)/float64(n[0]) + 1) / (float64(before)/float64(n[1]) + 1), err
}

func surge(ctx context.Context, here window, what measure, n []int64) (float64, error) {
	if err := errors.Join(between(n[0], maxDays, "days"), between(n[1], maxDays, "days")); err != nil {
		return 0, err
	}
	asOf, _ := here.asOf()
	begin := asOf - feed.Day(n[0]) + 1
	if err := notBefore(here, (begin - feed.Day(n[1])).Month()); err != nil {
		return 0, err
	}
	now, err := here.days(ctx, what, begin, asOf)
	if err != nil {
		return 0, err
	}
	before, err := here.days(ctx, what, begin-feed.Day(n[1]), begin-1)
	return (float64(now) + 1) / (float64(before)*float64(n[0])/float64(n[1]) + 1), err
}

// forecastFunctions by name, with how many numbers they take.
var forecastFunctions = map[string]struct {
	args int
	of   func(f *Forecast, n []int64) (float64, error)
}{
	"p": {2, func(f *Forecast, n []int64) (float64, error) {
		v, ok := f.Risk(n[0], int(n[1]))
		return v, known(ok, f, n)
	}},
	"base": {2, func(f *Forecast, n []int64) (float64, error) {
		t, ok := f.Total(int(n[1]))
		i := slices.Index(Thresholds, n[0])
		if err := known(ok && i >= 0, f, n); err != nil {
			return 0, err
		}
		if i >= len(t.Base) {
			return 0, errors.New("the series is too short for a base rate")
		}
		return t.Base[i], nil
	}},
	"median": {1, func(f *Forecast, n []int64) (float64, error) { return bound(f, n, 0.50) }},
	"low":    {1, func(f *Forecast, n []int64) (float64, error) { return bound(f, n, 0.05) }},
	"high":   {1, func(f *Forecast, n []int64) (float64, error) { return bound(f, n, 0.95) }},
}

func bound(f *Forecast, n []int64, level float64) (float64, error) {
	t, ok := f.Total(int(n[0]))
	return t.Quantiles.At(level), known(ok, f, n)
}

func known(ok bool, f *Forecast, n []int64) error {
	if ok {
		return nil
	}
	return fmt.Errorf("the forecast of %s does not say %d", f.Place.Name, n)
}

// checkArguments reports what a forecast never says, as far as it stands in the
// expression.
func checkArguments(name string, args []ast.Expr) string {
	lit := func(i int) (int64, bool) {
		if args[i].Kind() != ast.LiteralKind {
			return 0, false
		}
		v, ok := args[i].AsLiteral().(types.Int)
		return int64(v), ok
	}
	if n, ok := lit(len(args) - 1); ok && !slices.Contains(Horizons, int(n)) {
		return fmt.Sprintf("%s of %d months: forecasts are kept for %d", name, n, Horizons)
	}
	if n, ok := lit(0); ok && len(args) == 2 && !slices.Contains(Thresholds, n) {
		return fmt.Sprintf("%s of %d deaths: forecasts are kept for %d", name, n, Thresholds)
	}
	return ""
}

// newEnv is what rules can say.
func newEnv() (*cel.Env, error) {
	opts := []cel.EnvOption{
		cel.ClearMacros(), // no loops
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(maxExpression), cel.ExpressionNodeLimit(maxNodes), cel.ParserRecursionLimit(50), cel.ParserErrorRecoveryLimit(4),
		cel.Variable("forecast", forecastType),
		cel.Variable("own", forecastType),
	}
	for name := range measures {
		opts = append(opts, cel.Variable(name, countType))
	}
	ints := func(first *types.Type, n int) []*types.Type {
		return append([]*types.Type{first}, slices.Repeat([]*types.Type{cel.IntType}, n)...)
	}
	for name, f := range countFunctions {
		opts = append(opts, cel.Function(name, cel.MemberOverload("count_"+name, ints(countType, f.args), cel.DoubleType, cel.FunctionBinding(func(args ...ref.Val) ref.Val {
			c, ok := args[0].(*counting)
			if !ok {
				return types.MaybeNoSuchOverloadErr(args[0])
			}
			return number(func(ctx context.Context, n []int64) (float64, error) { return f.of(ctx, c.here, c.of, n) }).call(c.ctx, args[1:])
		}))))
	}
	for name, f := range forecastFunctions {
		opts = append(opts, cel.Function(name, cel.MemberOverload("forecast_"+name, ints(forecastType, f.args), cel.DoubleType, cel.FunctionBinding(func(args ...ref.Val) ref.Val {
			c, ok := args[0].(*forecasting)
			if !ok {
				return types.MaybeNoSuchOverloadErr(args[0])
			}
			return number(func(ctx context.Context, n []int64) (float64, error) {
				made, err := c.here.forecast(ctx, c.of)
				if err != nil {
					return 0, err
				}
				return f.of(made, n)
			}).call(c.ctx, args[1:])
		}))))
		// p(25, 3) is written short for forecast.p(25, 3).
		opts = append(opts, cel.Macros(cel.GlobalMacro(name, f.args, func(eh parser.ExprHelper, _ ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
			if wrong := checkArguments(name, args); wrong != "" {
				return nil, eh.NewError(args[0].ID(), wrong)
			}
			return eh.NewMemberCall(name, eh.NewIdent("forecast"), args...), nil
		}), cel.ReceiverMacro(name, f.args, func(eh parser.ExprHelper, _ ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
			if wrong := checkArguments(name, args); wrong != "" {
				return nil, eh.NewError(args[0].ID(), wrong)
			}
			return nil, nil // it stays as it is
		})))
	}
	return cel.NewEnv(opts...)
}

// compiled is a rule that can be evaluated.
type compiled struct {
	rule   Rule
	signal cel.Program
	also   cel.Program // nil: nothing more must hold
	parts  []part      // what the expressions are made of
	asks   bool        // for a forecast
	more   bool        // of it than probabilities
	own    bool        // for one with own reports
	days   bool        // for windows of days
}

// part of an expression, for evidence.
type part struct {
	text string
	cel.Program
}

// maxParts bounds how many parts are evidence.
const maxParts = 20

// compile checks a rule and makes it ready; its error is Mistakes.
func compile(env *cel.Env, r Rule) (*compiled, error) {
	c := &compiled{rule: r}
	wrong := r.check()
	var more Mistakes
	c.signal, more = c.expression(env, "Signal", r.Signal, cel.DoubleType, cel.IntType, cel.UintType, cel.BoolType)
	wrong = append(wrong, more...)
	if strings.TrimSpace(r.Also) != "" {
		c.also, more = c.expression(env, "Also", r.Also, cel.BoolType)
		wrong = append(wrong, more...)
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return c, nil
}

// expression compiles one, whose type must be one of some.
func (c *compiled) expression(env *cel.Env, field, text string, want ...*types.Type) (cel.Program, Mistakes) {
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		var all Mistakes
		for _, e := range issues.Errors() {
			all = append(all, Mistake{Field: field, Line: max(e.Location.Line(), 1), Column: max(e.Location.Column()+1, 1), Text: inWords(e.Message)})
		}
		return nil, all
	}
	if !slices.ContainsFunc(want, checked.OutputType().IsExactType) {
		text := fmt.Sprintf("the expression gives %s; want a number, or true or false", checked.OutputType())
		if len(want) == 1 {
			text = fmt.Sprintf("the expression gives %s; want true or false", checked.OutputType())
		}
		return nil, Mistakes{{Field: field, Text: text}}
	}
	p, err := program(env, checked)
	if err != nil {
		return nil, Mistakes{{Field: field, Text: err.Error()}}
	}
	c.takeApart(env, checked)
	return p, nil
}

func program(env *cel.Env, a *cel.Ast) (cel.Program, error) {
	return env.Program(a, cel.CostLimit(maxCost), cel.InterruptCheckFrequency(100))
}

// inWords adds what to do to messages of which that is known.
func inWords(message string) string {
	if strings.Contains(message, "(double, int)") || strings.Contains(message, "(int, double)") {
		return message + "; write numbers with a point: 2.0"
	}
	return message
}

// takeApart notes what an expression asks for: its parts are evidence when the
// rule fires.
func (c *compiled) takeApart(env *cel.Env, checked *cel.Ast) {
	for _, e := range ast.MatchDescendants(ast.NavigateAST(checked.NativeRep()), ast.KindMatcher(ast.CallKind)) {
		call := e.AsCall()
		name := call.FunctionName()
		_, counts := countFunctions[name]
		_, forecasts := forecastFunctions[name]
		if !call.IsMemberFunction() || !counts && !forecasts {
			continue
		}
		c.asks = c.asks || forecasts
		c.more = c.more || forecasts && name != "p"
		c.own = c.own || forecasts && call.Target().Kind() == ast.IdentKind && call.Target().AsIdent() == "own"
		c.days = c.days || name == "last" || name == "surge"
		text, err := cel.ExprToString(e, checked.NativeRep().SourceInfo())
		if err != nil {
			continue
		}
		text = strings.TrimPrefix(text, "forecast.")
		if len(c.parts) >= maxParts || slices.ContainsFunc(c.parts, func(p part) bool { return p.text == text }) {
			continue
		}
		if again, issues := env.Compile(text); issues.Err() == nil {
			if p, err := program(env, again); err == nil {
				c.parts = append(c.parts, part{text, p})
			}
		}
	}
}

// variables of a place.
func variables(ctx context.Context, here window) map[string]any {
	vars := map[string]any{"forecast": &forecasting{ctx: ctx, typ: forecastType, here: here}, "own": &forecasting{of: true, ctx: ctx, typ: forecastType, here: here}}
	for name, m := range measures {
		vars[name] = &counting{of: m, ctx: ctx, typ: countType, here: here}
	}
	return vars
}

// evaluate returns the rule's signal at a place, and whether what must hold as
// well does. An error says in words why there is none.
func (c *compiled) evaluate(ctx context.Context, here window) (value float64, also bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, maxEvaluation)
	defer cancel()
	vars := variables(ctx, here)
	v, _, err := c.signal.ContextEval(ctx, vars)
	if err != nil {
		return 0, false, err
	}
	if value, err = asNumber(v); err != nil || c.also == nil {
		return value, err == nil, err
	}
	b, _, err := c.also.ContextEval(ctx, vars)
	if err != nil {
		return 0, false, err
	}
	return value, b == types.True, nil
}

func asNumber(v ref.Val) (float64, error) {
	var f float64
	switch v := v.(type) {
	case types.Double:
		f = float64(v)
	case types.Int:
		f = float64(v)
	case types.Uint:
		f = float64(v)
	case types.Bool:
		if v {
			f = 1
		}
	default:
		return 0, fmt.Errorf("the signal is no number but %s", v.Type().TypeName())
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, errors.New("the signal is no number: something was divided by 0")
	}
	return f, nil
}

// signals are the parts of the rule's expressions with their values at a place.
func (c *compiled) signals(ctx context.Context, here window) []Signal {
	ctx, cancel := context.WithTimeout(ctx, maxEvaluation)
	defer cancel()
	vars := variables(ctx, here)
	var all []Signal
	for _, p := range c.parts {
		s := Signal{Text: p.text}
		if v, _, err := p.ContextEval(ctx, vars); err != nil {
			s.Value = "not known: " + err.Error()
		} else if f, err := asNumber(v); err == nil {
			s.Value = fmt.Sprintf("%.6g", f)
		}
		all = append(all, s)
	}
	return all
}
