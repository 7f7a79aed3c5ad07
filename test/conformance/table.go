package conformance

// This file is the table of requirements.

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
)

//go:embed requirements.tsv
var table string

// Requirement is one row of the table.
type Requirement struct {
	ID       string // "6455-5.5.1-04"
	RFC      string // "6455"
	Section  string // "5.5.1"
	Level    string // one of Levels
	Area     string // "close"
	Text     string // the requirement
	Stimulus string // what server or user does
	Expected string // what follows
}

// Levels are the values of Requirement.Level.
var Levels = []string{"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"}

const columns = "id\trfc\tsection\tlevel\tarea\trequirement\tstimulus\texpected"

// Must reports whether the row needs a test.
func (r Requirement) Must() bool { return r.Level == "MUST" || r.Level == "MUST NOT" }

// Requirements returns all rows, in the order of the table.
func Requirements() ([]Requirement, error) { return parseTable(table) }

func parseTable(text string) ([]Requirement, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[0] != columns {
		return nil, fmt.Errorf("the first line is %q, want %q", lines[0], columns)
	}
	var rows []Requirement
	var problems []error
	seen := make(map[string]bool)
	for i, line := range lines[1:] {
		r, err := parseRow(line)
		if err == nil && seen[r.ID] {
			err = fmt.Errorf("id %s is there twice", r.ID)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("line %d: %w", i+2, err))
			continue
		}
		seen[r.ID] = true
		rows = append(rows, r)
	}
	return rows, errors.Join(problems...)
}

func parseRow(line string) (Requirement, error) {
	f := strings.Split(line, "\t")
	if n := strings.Count(columns, "\t") + 1; len(f) != n {
		return Requirement{}, fmt.Errorf("%d columns, want %d", len(f), n)
	}
	r := Requirement{f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]}
	switch {
	case !strings.HasPrefix(r.ID, r.RFC+"-"+r.Section+"-"):
		return r, fmt.Errorf("id %s does not begin with RFC and section %s-%s", r.ID, r.RFC, r.Section)
	case !slices.Contains(Levels, r.Level):
		return r, fmt.Errorf("%s: level is %q", r.ID, r.Level)
	case !r.Must() && !strings.HasPrefix(r.Expected, "choice:"):
		return r, fmt.Errorf("%s: expected of a %s does not begin with \"choice:\"", r.ID, r.Level)
	}
	return r, nil
}
