// Command report runs the tests that claim rows of the requirements table and
// prints the table: id, level, tests, result.
//
//	go run ./test/conformance/report                  run the tests
//	go run ./test/conformance/report -- -race         with more flags for go test
//	go run ./test/conformance/report -json out.json   take the output of an earlier go test -json; - is stdin
//	go run ./test/conformance/report -all             name all tests of a row
//
// The output of failed tests goes to stderr.
//
// The result of a row is that of its claimants: pass if all pass, FAIL if one fails, skip or
// "not run" if one did not run, "partly" if all pass but variants of the row are known to be
// missing. A row without claimants is pending, with the reason, or UNCLAIMED. The exit
// status is 1 if a row has the result FAIL, skip, "not run" or UNCLAIMED.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"

	"github.com/dandelionws/dandelion/test/conformance"
)

func main() {
	from := flag.String("json", "", "read the output of go test -json from this `file` instead of running the tests")
	all := flag.Bool("all", false, "name all tests of a row")
	flag.Parse()
	complete, err := report(*from, *all, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(2)
	}
	if !complete {
		os.Exit(1)
	}
}

// report prints the table and reports whether every row is as it should be.
func report(from string, all bool, flags []string) (complete bool, err error) {
	root, err := conformance.ModuleRoot(".")
	if err != nil {
		return false, err
	}
	requirements, err := conformance.Requirements()
	if err != nil {
		return false, err
	}
	claims, err := conformance.FindClaims(root)
	if err != nil {
		return false, err
	}
	output, err := testOutput(root, from, claims, flags)
	if err != nil {
		return false, err
	}
	results, err := parseResults(output, os.Stderr)
	if err != nil {
		return false, err
	}
	rows := judge(requirements, claims, results)
	return printTable(os.Stdout, rows, all), nil
}

// testOutput returns the output of go test -json: from the file, or of running the packages
// that have claims.
func testOutput(root, from string, claims []conformance.Claim, flags []string) (io.Reader, error) {
	switch from {
	case "":
	case "-":
		return os.Stdin, nil
	default:
		data, err := os.ReadFile(from)
		return bytes.NewReader(data), err
	}
	var packages []string
	for _, c := range claims {
		packages = append(packages, c.Package)
	}
	slices.Sort(packages)
	args := append([]string{"test", "-json", "-count=1", "-timeout=5m"}, flags...)
	cmd := exec.Command("go", append(args, slices.Compact(packages)...)...)
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = nil // failed tests: the table shows them
	}
	return bytes.NewReader(out), err
}
