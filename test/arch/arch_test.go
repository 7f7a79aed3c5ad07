// Package arch holds the rules about which package may import which.
package arch

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/dandelionws/dandelion"

// floors are the packages of the library from the bottom up. A package may
// import those below it only, none of its own floor.
var floors = [][]string{
	{"internal/quiet", "internal/bytepool", "internal/mailbox"},
	{"wire"},
	{"messages"},
	{"protocol", "handshake"},
	{"internal/family"},
	{"actors"},
	{"supervisor/outbox", "supervisor/retry"},
	{"internal/handle"},
	{"supervisor"},
	{"supervisor/pool"},
	{""}, // the root package
}

// floorOf returns the floor of a package, -1 if it has none.
func floorOf(name string) int {
	return slices.IndexFunc(floors, func(floor []string) bool { return slices.Contains(floor, name) })
}

// aside are the folders of packages that stand on no floor: no floor may import them.
var aside = []string{"examples", "test", "internal/testkit", "internal/testcert"}

// forbidden are imports that would break the promise of a package, itself and
// through others.
var forbidden = map[string][]string{
	"wire": {"net", "net/http", "time", "context", "os", "log", "log/slog",
		"github.com/asynkron/protoactor-go/actor"},
	"protocol": {"net", "net/http", "context", "os", "log", "log/slog",
		"github.com/asynkron/protoactor-go/actor"},
	"messages":  {"github.com/asynkron/protoactor-go/actor"},
	"handshake": {"github.com/asynkron/protoactor-go/actor"},
	"supervisor/retry": {"net", "os", "log", "log/slog", "context", "sync",
		"github.com/asynkron/protoactor-go/actor"},
	"supervisor/outbox": {"net", "os", "github.com/asynkron/protoactor-go/actor"},
}

// direct are the modules that the main module may depend on directly. A further
// one needs a reason that a user would accept.
var direct = []string{
	"github.com/asynkron/protoactor-go",
	"github.com/klauspost/compress",
	"github.com/stretchr/testify",
	"golang.org/x/net",
	"golang.org/x/sys", // only for what the CPU can do; x/net needs the module anyway
}

type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
	Deps       []string
	Standard   bool
	Module     *struct{ Path string }
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,GoFiles,Imports,Deps,Standard,Module"}, args...)...)
	cmd.Dir = path.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return pkgs
		case err != nil:
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func importPath(name string) string {
	if name == "" {
		return module
	}
	return module + "/" + name
}

func TestImportsGoDownwards(t *testing.T) {
	byPath := map[string]pkg{}
	for _, p := range list(t, "./...") {
		byPath[p.ImportPath] = p
	}
	for importPath := range byPath {
		name := strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
		if floorOf(name) < 0 && !slices.ContainsFunc(aside, func(folder string) bool {
			return name == folder || strings.HasPrefix(name, folder+"/")
		}) {
			t.Errorf("package %q stands on no floor: add it to floors, or its folder to aside", name)
		}
	}
	for floor, names := range floors {
		for _, name := range names {
			p, ok := byPath[importPath(name)]
			if !ok {
				t.Fatalf("package %q is not there; are the floors out of date?", name)
			}
			for _, imported := range p.Imports {
				rest, own := strings.CutPrefix(imported, module)
				if !own {
					continue
				}
				below := floorOf(strings.TrimPrefix(rest, "/"))
				if below < 0 {
					t.Errorf("%s imports %s, which is on no floor of the library", p.ImportPath, imported)
				} else if below >= floor {
					t.Errorf("%s imports %s, which is not below it", p.ImportPath, imported)
				}
			}
		}
	}
}

// pure are the packages that only compute: they start no goroutine and read no clock.
var pure = []string{"wire", "protocol"}

// timeless is what such a package may use of package time: values, nothing that looks at
// a clock or waits.
var timeless = []string{"Time", "Duration", "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour"}

func TestPurePackagesOnlyCompute(t *testing.T) {
	for _, name := range pure {
		p := list(t, importPath(name))[0]
		if len(p.GoFiles) == 0 {
			t.Fatalf("%s has no files", p.ImportPath)
		}
		fset := token.NewFileSet()
		for _, file := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, file), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			clock := "" // the name of package time in this file
			for _, imported := range f.Imports {
				if imported.Path.Value == `"time"` {
					clock = "time"
					if imported.Name != nil {
						clock = imported.Name.Name
					}
				}
			}
			if clock == "." {
				t.Errorf("%s: dot import of time", fset.Position(f.Pos()))
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					t.Errorf("%s: starts a goroutine", fset.Position(n.Pos()))
				case *ast.SelectorExpr:
					if x, ok := n.X.(*ast.Ident); ok && x.Name == clock && !slices.Contains(timeless, n.Sel.Name) {
						t.Errorf("%s: uses time.%s", fset.Position(n.Pos()), n.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

func TestForbiddenImports(t *testing.T) {
	for name, imports := range forbidden {
		p := list(t, importPath(name))[0]
		own := slices.Clone(p.Imports)
		for _, imported := range imports {
			// The standard library imports time and os itself; of others, nothing may be drawn in.
			if slices.Contains(own, imported) || strings.Contains(imported, ".") && slices.Contains(p.Deps, imported) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

func TestDirectDependencies(t *testing.T) {
	for _, p := range list(t, "-test", "./...") {
		if p.Module == nil || p.Module.Path != module {
			continue
		}
		for _, imported := range p.Imports {
			imported, _, _ = strings.Cut(imported, " ")
			if strings.HasPrefix(imported, module) || !strings.Contains(strings.Split(imported, "/")[0], ".") {
				continue
			}
			if !slices.ContainsFunc(direct, func(m string) bool { return imported == m || strings.HasPrefix(imported, m+"/") }) {
				t.Errorf("%s imports %s of a module that is not agreed upon", p.ImportPath, imported)
			}
		}
	}
}

// TestFileHeads: each file of the library says first, between the package clause and the
// imports, what it is for. The one with the package comment says it there.
func TestFileHeads(t *testing.T) {
	fset := token.NewFileSet()
	for _, p := range list(t, "./...") {
		if floorOf(strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")) < 0 {
			continue
		}
		for _, file := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, file), nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			end := f.End()
			if len(f.Decls) > 0 {
				end = f.Decls[0].Pos()
			}
			said := f.Doc != nil
			for _, comment := range f.Comments {
				said = said || f.Name.End() < comment.Pos() && comment.End() < end && strings.HasPrefix(comment.Text(), "This file ")
			}
			if !said {
				t.Errorf("%s: no sentence \"This file …\" between the package clause and the imports", fset.Position(f.Package).Filename)
			}
		}
	}
}
