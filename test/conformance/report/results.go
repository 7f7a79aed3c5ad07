package main

// This file turns the output of go test -json into the result of each row.

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/dandelionws/dandelion/test/conformance"
)

// result is the result of a claim or a row; a larger one is worse.
type result uint8

const (
	pass result = iota
	partly
	pending
	skip
	notRun
	fail
	unclaimed
)

var resultNames = [...]string{"pass", "partly", "pending", "skip", "not run", "FAIL", "UNCLAIMED"}

// String implements fmt.Stringer.
func (r result) String() string { return resultNames[r] }

// good reports whether the row is as it should be.
func (r result) good() bool { return r <= pending }

// results holds the outcomes of tests: by package, then by the name of the test with its subtests.
type results map[string]map[string]result

// parseResults reads the output of go test -json. It copies the output of failed tests to
// log.
func parseResults(r io.Reader, log io.Writer) (results, error) {
	type test struct{ pkg, name string }
	all := make(results)
	printed := make(map[test]string)
	for decoder := json.NewDecoder(r); ; {
		var event struct{ Action, Package, Test, Output string }
		if err := decoder.Decode(&event); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("the output of go test -json: %w", err)
		}
		from := test{event.Package, event.Test}
		if !strings.HasPrefix(event.Output, "=== ") {
			printed[from] += event.Output
		}
		got, final := map[string]result{"pass": pass, "fail": fail, "skip": skip}[event.Action]
		if !final {
			continue
		}
		if got == fail {
			io.WriteString(log, printed[from])
		}
		delete(printed, from)
		if event.Test == "" {
			continue
		}
		if all[event.Package] == nil {
			all[event.Package] = make(map[string]result)
		}
		all[event.Package][event.Test] = got
	}
}

// of returns the result of a claim: that of the subtests with the name of its case or, if
// there are none, of the whole test.
func (all results) of(c conformance.Claim) result {
	tests := all[c.Package]
	if c.Case != "" {
		found, worst := false, pass
		for name, got := range tests {
			sub, ok := strings.CutPrefix(name, c.Test+"/")
			if ok && strings.Contains("/"+sub+"/", "/"+subtestName(c.Case)+"/") {
				found, worst = true, max(worst, got)
			}
		}
		if found {
			return worst
		}
	}
	if got, ok := tests[c.Test]; ok {
		return got
	}
	return notRun
}

// subtestName returns a name as package testing writes it.
func subtestName(name string) string {
	var b strings.Builder
	for _, r := range name {
		switch {
		case unicode.IsSpace(r):
			b.WriteByte('_')
		case !strconv.IsPrint(r):
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// row is one row of the table with its result.
type row struct {
	conformance.Requirement
	tests  []string
	result result
	note   string
}

// judge combines claims and results.
func judge(requirements []conformance.Requirement, claims []conformance.Claim, all results) []row {
	claimants := make(map[string][]conformance.Claim)
	for _, c := range claims {
		claimants[c.ID] = append(claimants[c.ID], c)
	}
	var rows []row
	for _, r := range requirements {
		row := row{Requirement: r}
		slices.SortStableFunc(claimants[r.ID], func(a, b conformance.Claim) int { return rank(a) - rank(b) })
		for _, c := range claimants[r.ID] {
			if !slices.Contains(row.tests, c.String()) {
				row.tests = append(row.tests, c.String())
			}
			row.result = max(row.result, all.of(c))
		}
		switch {
		case len(row.tests) > 0:
			if row.note = conformance.Missing(r); row.note != "" {
				row.result = max(row.result, partly)
			}
		case conformance.Pending(r) != "":
			row.result, row.note = pending, conformance.Pending(r)
		default:
			row.result = unclaimed
		}
		rows = append(rows, row)
	}
	return rows
}

// shownTests is how many claimants of a row are printed by default.
const shownTests = 2

// rank sorts the tests of the public API before the unit tests.
func rank(c conformance.Claim) int {
	if strings.HasSuffix(c.Package, "/test/conformance") {
		return 0
	}
	return 1
}

// printTable prints all rows and a summary, and reports whether all are as they should be.
// all prints all claimants of each row.
func printTable(w io.Writer, rows []row, all bool) (complete bool) {
	complete = true
	counts := make(map[result]int)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "id\tlevel\ttests\tresult")
	for _, r := range rows {
		counts[r.result]++
		complete = complete && r.result.good()
		note := ""
		if r.note != "" {
			note = ": " + r.note
		}
		tests := strings.Join(r.tests, ", ")
		switch more := len(r.tests) - shownTests; {
		case more > 0 && !all:
			tests = fmt.Sprintf("%s and %d more", strings.Join(r.tests[:shownTests], ", "), more)
		case tests == "":
			tests = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%v%s\n", r.ID, r.Level, tests, r.result, note)
	}
	t.Flush()
	fmt.Fprintf(w, "\n%d rows:", len(rows))
	for result := pass; result <= unclaimed; result++ {
		if n := counts[result]; n > 0 {
			fmt.Fprintf(w, " %d %v,", n, result)
		}
	}
	fmt.Fprintln(w, map[bool]string{true: " complete", false: " NOT complete"}[complete])
	return complete
}
