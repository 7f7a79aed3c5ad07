package arch

// This file holds that the documents are about the code that is there: files, packages,
// names and commands that they mention exist.

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the directory of the module.
var root = filepath.Join("..", "..")

// docs are the documents, relative to root. loose are those that also speak of other
// libraries, so that a name which stands alone need not be one of ours.
var (
	docs  = []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/*.md"}
	loose = []string{"docs/moving.md", "docs/benchmarks.md"}
)

// strict are those in which names that are not exported have to exist as well.
var strict = []string{"ARCHITECTURE.md", "CONTRIBUTING.md"}

// others are words in backquotes that look like paths or names and are neither: columns of
// tables, and the parts of .ci/run.
var others = []string{"A/A", "this/base", "format", "vet", "unit", "chaos", "nested", "fuzz"}

// imported are the names of packages of others in front of a name.
var imported = map[string]bool{"actor": true, "slog": true, "http": true, "errors": true, "context": true, "tls": true, "testing": true, "crypto": true}

var (
	fence    = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	code     = regexp.MustCompile("`([^`\n]+)`")
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	filePath = regexp.MustCompile(`^[\w.*-]+(/[\w.*-]+)*/?$`)
	endings  = []string{".go", ".md", ".tsv", ".txt", ".sh", ".mod"}
	name     = regexp.MustCompile(`^[*&]?([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?:\(.*\)|\{.*\})?$`)
	command  = regexp.MustCompile(`^(go|cd|\.ci)\b`)
	argument = regexp.MustCompile(`(?:^|\s)(?:cd\s+([\w./-]+)|(\.{1,2}/[\w./-]+|\.ci/run))`)
	selector = regexp.MustCompile(`\b([a-z]\w*)\.([A-Z]\w*)`)
	run      = regexp.MustCompile(`-(?:run|bench|fuzz)[ =]'?\^?(\w+)`)
)

func TestDocuments(t *testing.T) {
	known := declared(t)
	for _, pattern := range docs {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Errorf("%s: no file (%v)", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			d := document{t: t, name: filepath.ToSlash(doc), known: known}
			d.check(string(text))
		}
	}
}

type document struct {
	t     *testing.T
	name  string
	known *names
}

func (d *document) check(text string) {
	d.t.Helper()
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		switch block[1] {
		case "sh", "":
			for line := range strings.Lines(block[2]) {
				d.command(strings.TrimSpace(line))
			}
		case "go":
			d.goCode(block[2])
		}
	}
	text = fence.ReplaceAllString(text, "")
	for _, l := range link.FindAllStringSubmatch(text, -1) {
		d.link(l[1], text)
	}
	for _, c := range code.FindAllStringSubmatch(text, -1) {
		d.code(c[1])
	}
}

// link checks that a relative link leads to a file, and one within the document to a heading.
func (d *document) link(to, text string) {
	d.t.Helper()
	if strings.Contains(to, "://") {
		return
	}
	file, anchor, _ := strings.Cut(to, "#")
	if file != "" {
		path := filepath.Join(root, filepath.Dir(d.name), file)
		if !exists(path) {
			d.t.Errorf("%s: link to %s, which does not exist", d.name, to)
			return
		}
		if anchor != "" {
			other, err := os.ReadFile(path)
			if err != nil {
				d.t.Fatal(err)
			}
			text = string(other)
		}
	}
	if anchor != "" && !slices.Contains(anchors(text), anchor) {
		d.t.Errorf("%s: link to %s, and there is no such heading", d.name, to)
	}
}

// anchors are the names that headings get in links.
func anchors(text string) (found []string) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			continue
		}
		heading := strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "#")))
		heading = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(heading, "")
		found = append(found, strings.ReplaceAll(heading, " ", "-"))
	}
	return found
}

// code checks what stands in backquotes.
func (d *document) code(word string) {
	d.t.Helper()
	switch {
	case slices.Contains(others, word):
	case command.MatchString(word) && strings.Contains(word, " "):
		d.command(word)
	case filePath.MatchString(word) && (strings.Contains(word, "/") || hasEnding(word)):
		if host, _, _ := strings.Cut(word, "/"); !strings.Contains(host, ".") || strings.HasPrefix(host, ".") || hasEnding(host) {
			if !d.pathExists(word) && !standard(word) {
				d.t.Errorf("%s: there is no %s", d.name, word)
			}
		}
	default:
		if m := name.FindStringSubmatch(word); m != nil {
			d.identifier(word, strings.Split(m[1], "."))
		}
	}
}

// goCode checks names with a package, and methods of a client, in a block of code.
func (d *document) goCode(block string) {
	d.t.Helper()
	for _, m := range selector.FindAllStringSubmatch(block, -1) {
		switch _, ours := d.known.packages[m[1]]; {
		case m[1] == "client":
			if !d.known.hasMember("Client", m[2], 0) {
				d.t.Errorf("%s: a Client has no %s", d.name, m[2])
			}
		case ours:
			d.identifier(m[0], m[1:])
		}
	}
}

// pathExists reports whether there is a path, seen from the root of the module; a * stands for anything.
func (d *document) pathExists(path string) bool {
	found, err := filepath.Glob(filepath.Join(root, path))
	return err == nil && len(found) > 0
}

// identifier checks a name, with a package in front of it or without.
func (d *document) identifier(word string, parts []string) {
	d.t.Helper()
	if _, ours := d.known.packages[parts[0]]; ours {
		if len(parts) > 1 && !d.known.in(parts[0], parts[1:]) {
			d.t.Errorf("%s: package %s has no %s", d.name, parts[0], strings.Join(parts[1:], "."))
		}
		return
	}
	if slices.Contains(loose, d.name) || !ast.IsExported(parts[0]) && !slices.Contains(strict, d.name) || imported[parts[0]] {
		return
	}
	if !d.known.anywhere(parts) && !d.known.directories[word] {
		d.t.Errorf("%s: nothing is called %s", d.name, word)
	}
}

// command checks the directories, and the names of tests, in a command line.
func (d *document) command(line string) {
	d.t.Helper()
	if !command.MatchString(line) {
		return
	}
	dir := root
	for _, m := range argument.FindAllStringSubmatch(line, -1) {
		arg := strings.TrimSuffix(strings.TrimSuffix(m[1]+m[2], "..."), "/")
		if !exists(filepath.Join(dir, arg)) {
			d.t.Errorf("%s: %q: there is no %s", d.name, line, arg)
		}
		if m[1] != "" {
			dir = filepath.Join(dir, m[1])
		}
	}
	for _, m := range run.FindAllStringSubmatch(line, -1) {
		if !slices.ContainsFunc(d.known.tests, func(test string) bool { return strings.Contains(test, m[1]) }) {
			d.t.Errorf("%s: %q: no test is called %s", d.name, line, m[1])
		}
	}
}

func hasEnding(path string) bool {
	return slices.ContainsFunc(endings, func(e string) bool { return strings.HasSuffix(path, e) })
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// standard reports whether a path is a package of the standard library.
func standard(path string) bool {
	return exists(filepath.Join(build.Default.GOROOT, "src", path))
}

// names are what is declared in the module and the modules nested in it.
type names struct {
	packages map[string]map[string]bool // names at the top of each package, by the package's name
	members  map[string]map[string]bool // fields and methods, by the name of the type
	parents  map[string][]string        // types whose members a type has too: embedded, or the same by another name
	tests    []string

	directories map[string]bool
}

func declared(t *testing.T) *names {
	t.Helper()
	n := &names{packages: map[string]map[string]bool{}, members: map[string]map[string]bool{}, parents: map[string][]string{}, directories: map[string]bool{}}
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == ".git"):
			return filepath.SkipDir
		case entry.IsDir():
			n.directories[entry.Name()] = true
			return nil
		case filepath.Ext(path) != ".go":
			return nil
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		n.add(file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *names) add(file *ast.File) {
	name := strings.TrimSuffix(file.Name.Name, "_test")
	top := n.packages[name]
	if top == nil {
		top = map[string]bool{}
		n.packages[name] = top
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Recv != nil {
				n.member(typeName(decl.Recv.List[0].Type), decl.Name.Name)
				continue
			}
			top[decl.Name.Name] = true
			n.tests = append(n.tests, decl.Name.Name)
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					for _, ident := range spec.Names {
						top[ident.Name] = true
					}
				case *ast.TypeSpec:
					top[spec.Name.Name] = true
					n.typeSpec(spec)
				}
			}
		}
	}
}

func (n *names) typeSpec(spec *ast.TypeSpec) {
	var fields *ast.FieldList
	switch typ := spec.Type.(type) {
	case *ast.StructType:
		fields = typ.Fields
	case *ast.InterfaceType:
		fields = typ.Methods
	default:
		n.parents[spec.Name.Name] = append(n.parents[spec.Name.Name], typeName(typ))
		return
	}
	for _, field := range fields.List {
		for _, ident := range field.Names {
			n.member(spec.Name.Name, ident.Name)
		}
		if len(field.Names) == 0 {
			embedded := typeName(field.Type)
			n.member(spec.Name.Name, embedded)
			n.parents[spec.Name.Name] = append(n.parents[spec.Name.Name], embedded)
		}
	}
}

func (n *names) member(typ, name string) {
	if n.members[typ] == nil {
		n.members[typ] = map[string]bool{}
	}
	n.members[typ][name] = true
}

// typeName is the last name in the expression of a type.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.IndexExpr:
		return typeName(e.X)
	}
	return ""
}

// in reports whether the package has the name, and what follows are members.
func (n *names) in(pkg string, parts []string) bool {
	return n.packages[pkg][parts[0]] && n.chain(parts)
}

// anywhere reports whether some package has the name, or some type such a member.
func (n *names) anywhere(parts []string) bool {
	for _, top := range n.packages {
		if top[parts[0]] && n.chain(parts) {
			return true
		}
	}
	if len(parts) > 1 {
		return false
	}
	for _, members := range n.members {
		if members[parts[0]] {
			return true
		}
	}
	return false
}

// chain reports whether the second name is a member of the first, which is all that is looked at.
func (n *names) chain(parts []string) bool {
	return len(parts) < 2 || n.hasMember(parts[0], parts[1], 0)
}

func (n *names) hasMember(typ, name string, depth int) bool {
	if n.members[typ][name] {
		return true
	}
	return depth < 4 && slices.ContainsFunc(n.parents[typ], func(parent string) bool { return n.hasMember(parent, name, depth+1) })
}
