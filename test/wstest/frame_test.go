package wstest_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// The bytes are those of RFC 6455 §5.7, and what follows from §5.2.
func TestFrames(t *testing.T) {
	key := [4]byte(wstest.Hex("37 FA 21 3D"))
	zeros := func(head string, n int) []byte { return append(wstest.Hex(head), make([]byte, n)...) }
	for _, c := range []struct {
		name    string
		header  wire.Header
		payload []byte
		raw     []byte
	}{
		{"text", wire.Header{Fin: true, Opcode: wire.OpText, Length: 5}, []byte("Hello"), wstest.Hex("81 05 48 65 6C 6C 6F")},
		{"masked text", wire.Header{Fin: true, Opcode: wire.OpText, Masked: true, Key: key, Length: 5}, []byte("Hello"),
			wstest.Hex("81 85 37 FA 21 3D 7F 9F 4D 51 58")},
		{"masked and empty", wire.Header{Fin: true, Opcode: wire.OpPing, Masked: true, Key: key}, nil, wstest.Hex("89 80 37 FA 21 3D")},
		{"first fragment", wire.Header{Opcode: wire.OpText, Length: 3}, []byte("Hel"), wstest.Hex("01 03 48 65 6C")},
		{"last fragment", wire.Header{Fin: true, Length: 2}, []byte("lo"), wstest.Hex("80 02 6C 6F")},
		{"RSV bits", wire.Header{RSV: 0x70, Opcode: wire.OpPong}, nil, wstest.Hex("7A 00")},
		{"125 bytes", wire.Header{Fin: true, Opcode: wire.OpBinary, Length: 125}, make([]byte, 125), zeros("82 7D", 125)},
		{"126 bytes", wire.Header{Fin: true, Opcode: wire.OpBinary, Length: 126}, make([]byte, 126), zeros("82 7E 00 7E", 126)},
		{"256 bytes", wire.Header{Fin: true, Opcode: wire.OpBinary, Length: 256}, make([]byte, 256), zeros("82 7E 01 00", 256)},
		{"65535 bytes", wire.Header{Fin: true, Opcode: wire.OpBinary, Length: 65535}, make([]byte, 65535), zeros("82 7E FF FF", 65535)},
		{"65536 bytes", wire.Header{Fin: true, Opcode: wire.OpBinary, Length: 65536}, make([]byte, 65536), zeros("82 7F 00 00 00 00 00 01 00 00", 65536)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := wstest.AppendFrame([]byte("x"), c.header, c.payload); !bytes.Equal(got, append([]byte("x"), c.raw...)) {
				t.Errorf("appended % .20X, want 78 and % .20X", got, c.raw)
			}
			f, n, err := wstest.ParseFrame(append(bytes.Clone(c.raw), "rest"...))
			if err != nil || n != len(c.raw) || f.Header != c.header || !bytes.Equal(f.Payload, c.payload) || !bytes.Equal(f.Raw, c.raw) {
				t.Errorf("parsed %v with header %+v, %d bytes, %v", f, f.Header, n, err)
			}
			for cut := range min(len(c.raw), 20) {
				if _, n, err := wstest.ParseFrame(c.raw[:cut]); n != 0 || err != nil {
					t.Errorf("%d bytes of it are a frame of %d bytes, %v", cut, n, err)
				}
			}
		})
	}
	for _, bad := range []string{"82 7E 00 7D", "82 7F 00 00 00 00 00 00 FF FF", "82 7F 00 00 00 00 80 00 00 00", "82 7F 80 00 00 00 00 00 00 00"} {
		if _, n, err := wstest.ParseFrame(wstest.Hex(bad)); n != 0 || err == nil {
			t.Errorf("%s: %d bytes, error %v, want one", bad, n, err)
		}
	}
}

// TestNothingIsDoneByWire: a fault of package wire that is the same in both
// directions, as in its masking, would cancel out if the kit called it.
func TestNothingIsDoneByWire(t *testing.T) {
	functions := make(map[string]bool)
	for _, file := range parse(t, "../../wire") {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				functions[f.Name.Name] = true
			}
		}
	}
	if !functions["MaskCopy"] {
		t.Fatal("wire.MaskCopy was not found")
	}
	for name, file := range parse(t, ".") {
		ast.Inspect(file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "wire" && functions[sel.Sel.Name] {
					t.Errorf("%s uses wire.%s", name, sel.Sel.Name)
				}
			}
			return true
		})
	}
}

// parse parses the files of a package without its tests.
func parse(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	check(t, err)
	files := make(map[string]*ast.File)
	for _, name := range names {
		if !strings.HasSuffix(name, "_test.go") {
			files[name], err = parser.ParseFile(token.NewFileSet(), name, nil, 0)
			check(t, err)
		}
	}
	return files
}
