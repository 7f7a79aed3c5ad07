package retry

// This file is what follows a failure: the table of verdicts.

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Action is what follows a failure.
type Action uint8

const (
	// Stop gives up: another attempt would fail in the same way.
	Stop Action = iota
	// Retry connects again after a delay.
	Retry
	// Refresh is Retry with Attempt.Refresh set: the Provider is asked once for other
	// credentials. It is Stop without a Provider, and if it follows again before a
	// connection has opened.
	Refresh
)

var actionNames = [...]string{"stop", "retry", "refresh"}

// String returns "stop", "retry" or "refresh".
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return "unknown"
}

// Rule is an entry of the table.
type Rule struct {
	Action Action
	// After is the minimum delay before Retry. The drawn delay is added to it, so that
	// clients that were sent away together do not come back together.
	After time.Duration
	// Base, if larger, replaces the Base of the Backoff for the next delay.
	Base time.Duration
	// Reason says in a few words what happened. If it is empty in a table, it is made from
	// the error.
	Reason string
}

// String returns the rule in words: "retry after 30s".
func (r Rule) String() string {
	s := r.Action.String()
	if r.After > 0 {
		s += " after " + r.After.String()
	}
	if r.Base > 0 {
		s += ", base " + r.Base.String()
	}
	if r.Reason != "" {
		s += ": " + r.Reason
	}
	return s
}

// Verdicts is a table of what follows a failure.
type Verdicts map[Cause]Rule

// Verdict is what follows one failure.
type Verdict struct {
	Rule
	// Cause is the entry of the table that applied.
	Cause Cause
}

// busyBase is the Base after a server has said that it is overloaded.
const busyBase = 5 * time.Second

// DefaultVerdicts returns the table that applies where Verdicts has no entry. It retries what
// time can fix and stops on what would only happen again. The caller may change it.
func DefaultVerdicts() Verdicts {
	return Verdicts{
		CauseURL:         {Action: Stop},
		CauseRequest:     {Action: Stop},
		CauseProvider:    {Action: Retry},
		CauseResolve:     {Action: Retry},
		CauseDial:        {Action: Retry},
		CauseProxy:       {Action: Retry},
		ProxyClass(4):    {Action: Stop},
		ProxyStatus(408): {Action: Retry},
		ProxyStatus(429): {Action: Retry},
		CauseTLS:         {Action: Retry},
		CauseCertificate: {Action: Stop},
		CauseNoAnswer:    {Action: Retry},
		CauseHTTP:        {Action: Stop},
		HTTPStatus(401):  {Action: Refresh},
		HTTPStatus(403):  {Action: Refresh},
		HTTPStatus(404):  {Action: Stop},
		HTTPStatus(408):  {Action: Retry},
		HTTPStatus(410):  {Action: Stop},
		HTTPStatus(425):  {Action: Retry},
		HTTPStatus(429):  {Action: Retry},
		HTTPClass(5):     {Action: Retry},
		CauseValidate:    {Action: Stop},
		CauseSubscribe:   {Action: Retry},
		CauseLost:        {Action: Retry},
		CauseLiveness:    {Action: Retry},
		CauseProtocol:    {Action: Stop},
		CauseLimit:       {Action: Stop},
		CauseHandler:     {Action: Stop},
		CauseUnknown:     {Action: Retry},

		CloseCode(1000): {Action: Stop}, // the server has said that it is done
		CloseCode(1001): {Action: Retry},
		CloseCode(1002): {Action: Stop},
		CloseCode(1003): {Action: Stop},
		CloseCode(1005): {Action: Stop}, // as 1000
		CloseCode(1007): {Action: Stop},
		CloseCode(1008): {Action: Stop},
		CloseCode(1009): {Action: Stop},
		CloseCode(1010): {Action: Stop},
		CloseCode(1011): {Action: Retry},
		CloseCode(1012): {Action: Retry},
		CloseCode(1013): {Action: Retry, Base: busyBase},
		CloseCode(1014): {Action: Retry},
		CauseClose:      {Action: Retry},
	}
}

// defaultVerdicts is not changed.
var defaultVerdicts = DefaultVerdicts()

// With returns v with the entries of other in place of its own. An entry of other for a class
// of causes also replaces the entries of v for single ones: with CauseClose in other, none of
// the close codes in v counts.
func (v Verdicts) With(other Verdicts) Verdicts {
	merged := maps.Clone(v)
	maps.DeleteFunc(merged, func(c Cause, _ Rule) bool {
		return slices.ContainsFunc(c.classes(), func(class Cause) bool {
			_, ok := other[class]
			return ok
		})
	})
	maps.Copy(merged, other)
	return merged
}

// classes returns the causes that include c, the narrowest first.
func (c Cause) classes() []Cause {
	kind, rest, ok := strings.Cut(string(c), " ")
	general := Cause(kind)
	if !ok || general != CauseHTTP && general != CauseProxy && general != CauseClose {
		if c == CauseCertificate {
			return []Cause{CauseTLS}
		}
		return nil
	}
	if _, err := strconv.Atoi(rest); err != nil { // a class itself
		return []Cause{general}
	}
	x := "xx"
	if general == CauseClose {
		x = "xxx"
	}
	return []Cause{Cause(kind + " " + rest[:max(0, len(rest)-len(x))] + x), general}
}

// lookup returns the rule for the first of the causes that has one.
func (v Verdicts) lookup(causes []Cause) (Rule, Cause, bool) {
	for _, c := range causes {
		if rule, ok := v[c]; ok {
			return rule, c, true
		}
	}
	return Rule{}, "", false
}

// Judge returns the verdict on err, with Retry-After as it is at now. Causes
// without an entry are looked up in DefaultVerdicts.
func (v Verdicts) Judge(err error, now time.Time) Verdict {
	causes := Causes(err)
	rule, cause, ok := v.lookup(causes)
	if !ok {
		rule, cause, _ = defaultVerdicts.lookup(causes)
	}
	if rule.Action != Stop {
		rule.After = max(rule.After, retryAfter(err, now))
	}
	if rule.Reason == "" {
		rule.Reason = describeCause(err, causes[0])
	}
	return Verdict{Rule: rule, Cause: cause}
}

// causeOrder is the order of a printed table: that of a connection's life.
var causeOrder = []Cause{CauseURL, CauseRequest, CauseProvider, CauseResolve, CauseDial, CauseProxy, CauseTLS, CauseCertificate,
	CauseNoAnswer, CauseHTTP, CauseValidate, CauseSubscribe, CauseClose, CauseLost, CauseLiveness, CauseProtocol, CauseLimit,
	CauseHandler, CauseUnknown}

// String returns the table with a line for each entry. The line for a class of causes comes
// after those of its members and says "other".
func (v Verdicts) String() string {
	place := func(c Cause) (int, int) {
		classes := c.classes()
		if c == CauseCertificate {
			return slices.Index(causeOrder, c), 0
		}
		if len(classes) > 0 {
			return slices.Index(causeOrder, classes[len(classes)-1]), -len(classes)
		}
		i := slices.Index(causeOrder, c)
		if i < 0 {
			i = len(causeOrder)
		}
		return i, 0
	}
	causes := slices.SortedFunc(maps.Keys(v), func(a, b Cause) int {
		ai, ac := place(a)
		bi, bc := place(b)
		return cmp.Or(cmp.Compare(ai, bi), cmp.Compare(ac, bc), cmp.Compare(a, b))
	})
	var out strings.Builder
	for _, c := range causes {
		name := string(c)
		if (c == CauseHTTP || c == CauseProxy || c == CauseClose) && slices.ContainsFunc(causes, func(o Cause) bool { return slices.Contains(o.classes(), c) }) {
			name += ", other"
		}
		fmt.Fprintf(&out, "%-15s %v\n", name, v[c])
	}
	return out.String()
}
