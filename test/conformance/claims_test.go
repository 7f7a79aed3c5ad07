package conformance

// This file tests that the claims and the table fit together.

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"
)

// Claims name rows that exist, every row that is not pending is claimed, and those with a
// MUST are claimed by a test of this package.
func TestClaims(t *testing.T) {
	rows, err := Requirements()
	if err != nil {
		t.Fatal(err)
	}
	root, err := ModuleRoot(".")
	if err != nil {
		t.Fatal(err)
	}
	claims, err := FindClaims(root)
	if err != nil {
		t.Error(err)
	}
	known := make(map[string]Requirement)
	for _, r := range rows {
		known[r.ID] = r
	}
	claimed := make(map[string]bool)
	here := make(map[string]bool)
	for _, c := range claims {
		claimed[c.ID] = true
		if strings.HasSuffix(c.Package, "/test/conformance") {
			here[c.ID] = true
		}
		if _, ok := known[c.ID]; !ok {
			t.Errorf("%s: %s claims %s, which is not in the table", c.Pos, c, c.ID)
		}
	}
	for _, r := range rows {
		switch {
		case Pending(r) != "":
		case !claimed[r.ID]:
			t.Errorf("no test claims %s (%s %s): %s", r.ID, r.Level, r.Area, r.Text)
		case r.Must() && !here[r.ID]:
			t.Errorf("only unit tests claim %s (%s %s), none of this package by the public doors: %s", r.ID, r.Level, r.Area, r.Text)
		}
	}

	// The lists of missing rows must not name rows that are claimed.
	for _, id := range slices.Sorted(maps.Keys(pendingRows)) {
		if _, ok := known[id]; !ok {
			t.Errorf("pending row %s is not in the table", id)
		}
		if claimed[id] {
			t.Errorf("row %s is pending and yet claimed", id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(partlyPending)) {
		if !claimed[id] {
			t.Errorf("row %s is partly pending and yet not claimed", id)
		}
	}
}

func TestTableProblems(t *testing.T) {
	const good = "6455-1-01\t6455\t1\tMAY\tapi\tr\ts\tchoice: e"
	for _, test := range []struct{ name, table, want string }{
		{"header", "id\trfc\n" + good + "\n", "first line"},
		{"columns", columns + "\n6455-1-01\t6455\n", "line 2: 2 columns, want 8"},
		{"id", columns + "\n" + strings.Replace(good, "-1-", "-2-", 1) + "\n", "does not begin with RFC and section"},
		{"twice", columns + "\n" + good + "\n" + good + "\n", "line 3: id 6455-1-01 is there twice"},
		{"level", columns + "\n" + strings.Replace(good, "MAY", "may", 1) + "\n", `level is "may"`},
		{"choice", columns + "\n" + strings.Replace(good, "choice: ", "", 1) + "\n", "does not begin with"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := parseTable(test.table); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestClaimPlaces(t *testing.T) {
	// The mark is inserted here, so that these lines are not claims of this test.
	src := strings.ReplaceAll(`package p

// TestA is above.
//
MARK 1 2
func TestA(t *testing.T) {
	MARK 3
	t.Run("sub test", func(t *testing.T) {
		MARK 4
		x := 1
	})
	for _, test := range []struct{ name string }{
		MARK 5
		{"first", 1},
		// what it is
		MARK 6
		{name: "second"},
		MARK 7
		{other: "no name"},
	} {
	}
	MARK
	f()
}

MARK 8
func helper() {}

var table = []entry{
	MARK 11
	{name: "in a table"},
}

func TestB(t *testing.T) { run(table) }

func TestC(t *testing.T) { run(table) }

MARK 9
func FuzzX(f *testing.F) {}

MARK 10
func Testimony() {}
`, "MARK", claimMark)
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p_test.go", src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := packageClaims(fset, []*ast.File{file})
	var got []string
	for _, c := range claims {
		got = append(got, c.ID+" "+c.String())
	}
	want := []string{"1 TestA", "2 TestA", "3 TestA/sub test", "4 TestA", "5 TestA/first", "6 TestA/second", "7 TestA",
		"11 TestB/in a table", "11 TestC/in a table", "9 FuzzX"}
	if !slices.Equal(got, want) {
		t.Errorf("claims are %q, want %q", got, want)
	}
	for _, problem := range []string{
		"p_test.go:22:2: the claim names no row",
		"p_test.go:26:1: the claim belongs to no test",
		"p_test.go:41:1: the claim belongs to no test",
	} {
		if err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("error is %v, want one with %q", err, problem)
		}
	}
}
