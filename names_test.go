package dandelion

// This file holds that the root package has a name for everything that its users meet.

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// named returns the names pkg.Name to which names.go and names_options.go refer.
func named(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, file := range []string{"names.go", "names_options.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if pkg, ok := sel.X.(*ast.Ident); ok {
					found[pkg.Name+"."+sel.Sel.Name] = true
				}
			}
			return true
		})
	}
	return found
}

// exported returns the exported constants, variables, functions and types of a package.
func exported(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					names = append(names, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						names = append(names, spec.Name.Name)
					case *ast.ValueSpec:
						for _, id := range spec.Names {
							names = append(names, id.Name)
						}
					}
				}
			}
		}
	}
	return names
}

// withoutName is what users of the root package do not meet: commands, answers and errors
// of actors and pools, and what only somebody needs who makes a Store or a Handshaker.
var withoutName = map[string]string{
	"messages": "SendText SendBinary SendFragment Ping Pong Close FailConnection Reconnect Pause Resume Stop GetStatus " +
		"Sent SendFailed TextReceived BinaryReceived PingReceived Outgoing HandlerTerminatedError " +
		"ResizePool PoolResized GetMember ReplaceMember ToAll ToAllDone MemberStopped PoolStatus " +
		"ErrFragmentOrder ErrUnknownCommand ErrPoolSize ErrNoMember ErrNotForPool",
	"handshake": "Adapter NetAdapter RoundTripAdapter RequestHead Field Response Result Client Extension Param " +
		"ParseURL AcceptKey DefaultUserAgent",
	"retry":      "Causes NewTracker Tracker",
	"outbox":     "Queue New Store StoredMessage",
	"supervisor": "Config Props",
}

func TestEverythingHasAName(t *testing.T) {
	names := named(t)
	for pkg, dir := range map[string]string{
		"messages": "messages", "handshake": "handshake", "retry": "supervisor/retry", "outbox": "supervisor/outbox", "supervisor": "supervisor",
	} {
		t.Run(pkg, func(t *testing.T) {
			without := map[string]bool{}
			for _, name := range strings.Fields(withoutName[pkg]) {
				without[name] = true
			}
			there := exported(t, dir)
			require.NotEmpty(t, there)
			for _, name := range there {
				if ast.IsExported(name) && !without[name] && !names[pkg+"."+name] {
					t.Errorf("%s.%s has no name in this package", pkg, name)
				}
				delete(without, name)
			}
			require.Empty(t, without, "not in package %s", pkg)
		})
	}
	t.Run("wire", func(t *testing.T) {
		for _, name := range exported(t, "wire") {
			if ast.IsExported(name) && (strings.HasPrefix(name, "Status") || strings.HasSuffix(name, "Error")) && !names["wire."+name] {
				t.Errorf("wire.%s has no name in this package", name)
			}
		}
	})
}
