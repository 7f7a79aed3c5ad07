package main

// This file tests the results of rows.

import (
	"strings"
	"testing"

	"github.com/dandelionws/dandelion/test/conformance"
)

func TestJudge(t *testing.T) {
	var log strings.Builder
	all, err := parseResults(strings.NewReader(`
		{"Action":"start","Package":"p"}
		{"Action":"pass","Package":"p","Test":"TestGood"}
		{"Action":"output","Package":"p","Test":"TestBad","Output":"it is bad\n"}
		{"Action":"output","Package":"p","Test":"TestGood","Output":"it is good\n"}
		{"Action":"pass","Package":"p","Test":"TestBad/a/a_case"}
		{"Action":"fail","Package":"p","Test":"TestBad/b/a_case/c"}
		{"Action":"pass","Package":"p","Test":"TestBad/good"}
		{"Action":"fail","Package":"p","Test":"TestBad"}
		{"Action":"skip","Package":"p","Test":"TestSkipped"}
		{"Action":"fail","Package":"p"}`), &log)
	if err != nil {
		t.Fatal(err)
	}
	if log.String() != "it is bad\n" {
		t.Errorf("log is %q, want what the failed test has printed", log.String())
	}
	for _, test := range []struct {
		name  string
		tests string // Test/case of each claim
		want  result
	}{
		{"passes", "TestGood", pass},
		{"fails", "TestBad", fail},
		{"one of two fails", "TestGood TestBad", fail},
		{"case passes in a failing test", "TestBad/good", pass},
		{"case fails below one of its places", "TestBad/a\u00a0case", fail},
		{"case without a result of its own", "TestBad/other", fail},
		{"skipped", "TestGood TestSkipped", skip},
		{"did not run", "TestGood TestGone", notRun},
		{"nobody", "", unclaimed},
	} {
		t.Run(test.name, func(t *testing.T) {
			var claims []conformance.Claim
			for name := range strings.SplitSeq(test.tests, " ") {
				function, sub, _ := strings.Cut(name, "/")
				if function != "" {
					claims = append(claims, conformance.Claim{ID: "1", Package: "p", Test: function, Case: sub})
				}
			}
			rows := judge([]conformance.Requirement{{ID: "1"}}, claims, all)
			if rows[0].result != test.want {
				t.Errorf("result is %v, want %v", rows[0].result, test.want)
			}
		})
	}
}

func TestPrintTable(t *testing.T) {
	must := conformance.Requirement{ID: "1-1-01", Level: "MUST"}
	var b strings.Builder
	complete := printTable(&b, []row{
		{Requirement: must, tests: []string{"TestA", "TestB/x"}, result: pass},
		{Requirement: must, tests: []string{"TestA", "TestB", "TestC", "TestD"}, result: partly, note: "x is missing"},
		{Requirement: must, result: pending, note: "not yet"},
	}, false)
	const want = `id      level  tests                    result
1-1-01  MUST   TestA, TestB/x           pass
1-1-01  MUST   TestA, TestB and 2 more  partly: x is missing
1-1-01  MUST   -                        pending: not yet

3 rows: 1 pass, 1 partly, 1 pending, complete
`
	if got := b.String(); got != want || !complete {
		t.Errorf("complete is %v, table is\n%s\nwant\n%s", complete, got, want)
	}
	if printTable(&b, []row{{Requirement: must, result: fail}}, false) {
		t.Error("a table with a failure is complete")
	}
}
