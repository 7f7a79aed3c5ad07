package conformance

// This file finds the claims: which test shows which row.

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Claim is a test's claim to show a row.
type Claim struct {
	ID      string
	Package string // import path
	Test    string // function: "TestCloseCodes"
	Case    string // the name of the subtest or table case below the claim; "" if that is the function
	Pos     token.Position
}

// String names the test, and the case if there is one.
func (c Claim) String() string {
	if c.Case == "" {
		return c.Test
	}
	return c.Test + "/" + c.Case
}

// claimMark begins a comment line that claims rows.
const claimMark = "// req:"

// FindClaims returns the claims in all test files of the module in dir, without nested
// modules. The error names claims that are malformed or belong to no test; the others are
// returned with it.
func FindClaims(dir string) ([]Claim, error) {
	module, err := modulePath(dir)
	if err != nil {
		return nil, err
	}
	var claims []Claim
	var problems []error
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir():
			return nil
		case name != dir && !ownDirectory(name):
			return filepath.SkipDir
		}
		in, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		fset, files, err := parseTests(name)
		if err != nil {
			return err
		}
		found, err := packageClaims(fset, files)
		problems = append(problems, err)
		for i := range found {
			found[i].Package = path.Join(module, filepath.ToSlash(in))
		}
		claims = append(claims, found...)
		return nil
	})
	return claims, errors.Join(append(problems, err)...)
}

// parseTests parses the test files in a directory.
func parseTests(dir string) (*token.FileSet, []*ast.File, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, nil, err
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, file)
	}
	return fset, files, nil
}

// ModuleRoot returns the directory of the module in or above dir.
func ModuleRoot(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for !isModule(dir) {
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("there is no go.mod in this directory or above it")
		}
		dir = up
	}
	return dir, nil
}

func modulePath(dir string) (string, error) {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mod)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "module" {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("%s/go.mod does not name the module", dir)
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// ownDirectory reports whether the go command takes a directory as a part of the module around it.
func ownDirectory(dir string) bool {
	name := filepath.Base(dir)
	return name[0] != '.' && name[0] != '_' && name != "testdata" && name != "vendor" && !isModule(dir)
}

// packageClaims returns the claims in the test files of a package.
func packageClaims(fset *token.FileSet, files []*ast.File) ([]Claim, error) {
	var claims []Claim
	var problems []error
	for _, file := range files {
		for _, group := range file.Comments {
			for _, comment := range group.List {
				list, ok := strings.CutPrefix(comment.Text, claimMark)
				if !ok {
					continue
				}
				pos := fset.Position(comment.Pos())
				decl := declOf(file, comment)
				tests := claimants(files, decl)
				ids := strings.Fields(list)
				switch {
				case len(tests) == 0:
					problems = append(problems, fmt.Errorf("%s: the claim belongs to no test", pos))
				case len(ids) == 0:
					problems = append(problems, fmt.Errorf("%s: the claim names no row", pos))
				}
				for _, id := range ids {
					for _, test := range tests {
						claims = append(claims, Claim{ID: id, Test: test, Case: caseBelow(decl, comment), Pos: pos})
					}
				}
			}
		}
	}
	return claims, errors.Join(problems...)
}

// declOf returns the top-level declaration with the comment above or inside it, nil if there is none.
func declOf(file *ast.File, comment *ast.Comment) ast.Decl {
	for _, decl := range file.Decls {
		var doc *ast.CommentGroup
		switch d := decl.(type) {
		case *ast.FuncDecl:
			doc = d.Doc
		case *ast.GenDecl:
			doc = d.Doc
		}
		if decl.Pos() <= comment.Pos() && comment.End() <= decl.End() || doc != nil && slices.Contains(doc.List, comment) {
			return decl
		}
	}
	return nil
}

// claimants returns the names of the tests to which a claim in decl belongs: decl itself
// if it is a test, a fuzz test or an example, otherwise those that use what it declares,
// such as a table.
func claimants(files []*ast.File, decl ast.Decl) []string {
	var declared []string
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil {
			return nil
		}
		if isTest(d.Name.Name) {
			return []string{d.Name.Name}
		}
		declared = append(declared, d.Name.Name)
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if values, ok := spec.(*ast.ValueSpec); ok {
				for _, name := range values.Names {
					declared = append(declared, name.Name)
				}
			}
		}
	}
	var tests []string
	for _, file := range files {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && isTest(f.Name.Name) && uses(f, declared) {
				tests = append(tests, f.Name.Name)
			}
		}
	}
	return tests
}

// uses reports whether f uses one of the names.
func uses(f *ast.FuncDecl, names []string) (found bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && slices.Contains(names, id.Name) {
			found = true
		}
		return !found
	})
	return found
}

func isTest(name string) bool {
	for _, prefix := range []string{"Test", "Fuzz", "Example"} {
		rest, ok := strings.CutPrefix(name, prefix)
		if ok && (rest == "" || !unicode.IsLower([]rune(rest)[0])) {
			return true
		}
	}
	return false
}

// caseBelow returns the name of the subtest that begins right below the comment: that of
// t.Run("name", ...), or of a table case {"name", ...} or {name: "name", ...}.
func caseBelow(decl ast.Decl, comment *ast.Comment) string {
	var below ast.Node // the outermost of those that begin first
	ast.Inspect(decl, func(n ast.Node) bool {
		if n != nil && n.Pos() > comment.End() && (below == nil || n.Pos() < below.Pos()) {
			below = n
		}
		return true
	})
	switch n := below.(type) {
	case *ast.CompositeLit:
		if len(n.Elts) == 0 {
			return ""
		}
		first := n.Elts[0]
		if pair, ok := first.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); !ok || key.Name != "name" {
				return ""
			}
			first = pair.Value
		}
		return literal(first)
	case *ast.ExprStmt:
		call, ok := n.X.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return ""
		}
		if run, ok := call.Fun.(*ast.SelectorExpr); ok && run.Sel.Name == "Run" {
			return literal(call.Args[0])
		}
	}
	return ""
}

// literal returns the value of a string literal, "" if e is none.
func literal(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		s, _ := strconv.Unquote(lit.Value)
		return s
	}
	return ""
}
