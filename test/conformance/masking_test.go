package conformance_test

// This file tests masking: RFC 6455 §5.1, §5.3, §10.3.

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"math/bits"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/test/conformance"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// Every frame is masked, with and without TLS.
//
// req: 6455-5.1-01 6455-5.1-02
func TestEveryFrameIsMasked(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, c := range []struct {
			name   string
			server []wstest.Option
		}{
			{"ws", nil},
			{"wss", []wstest.Option{wstest.WithTLS()}},
		} {
			l.Case(c.name, func(l *lab) {
				s := l.open(setup{server: c.server})
				for _, f := range s.sendEveryKind() { // it checks the unmasked payloads
					if f.Raw[1]&0x80 == 0 {
						s.Errorf("%v: second byte is %02X, want bit 80 set", f, f.Raw[1])
					}
					if want := 2 + 4 + len(f.Payload); len(f.Raw) != want {
						s.Errorf("%v: the frame has %d bytes, want %d: header, key and payload", f, len(f.Raw), want)
					}
				}
			})
		}
	})
}

// Masked frames from the server fail the connection with 1002, without an answer to a ping.
//
// req: 6455-5.1-03 6455-5.1-04
func TestMaskedServerFrames(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, c := range []struct{ name, hex string }{
			{"text", "81 85 37FA213D 7F9F4D5158"},
			{"ping", "89 80 00000000"},
			{"continuation", "01 01 61, 80 81 00000000 62"},
		} {
			l.Case(c.name, func(l *lab) {
				s := l.open(setup{})
				s.server.WriteRaw(wstest.Hex(c.hex))
				s.expectFailed(wire.StatusProtocolError)
			})
		}
	})
}

// The example of RFC 6455 §5.7.
//
// req: 6455-5.3-03
func TestMaskingExample(t *testing.T) {
	payload := wstest.Hex("48 65 6C 6C 6F")
	key := [4]byte(wstest.Hex("37 FA 21 3D"))
	masked := make([]byte, len(payload))
	wire.MaskCopy(masked, payload, key, 0)
	if want := wstest.Hex("7F 9F 4D 51 58"); !bytes.Equal(masked, want) {
		t.Errorf("masked: got % X, want % X", masked, want)
	}
	wire.MaskCopy(masked, masked, key, 0)
	if !bytes.Equal(masked, payload) {
		t.Errorf("masked twice: got % X, want % X", masked, payload)
	}
}

// Payloads of all lengths unmask to what was sent, wherever their buffer begins and in
// whatever pieces they are sent.
//
// req: 6455-5.3-04
func TestKeyPhase(t *testing.T) {
	bubble(t, func(l *lab) {
		sizes := []int{65537}
		for n := range 301 {
			sizes = append(sizes, n)
		}
		for offset := range 8 {
			l.Case(fmt.Sprintf("buffer at offset %d", offset), func(l *lab) {
				s := l.open(setup{})
				for _, n := range sizes {
					payload := pattern(offset + n)[offset:]
					s.check(s.client.Send(dandelion.Binary(payload)))
					s.server.ExpectBinary(payload)
				}
			})
		}
		for _, piece := range []int{1, 3, 7} {
			l.Case(fmt.Sprintf("pieces of %d", piece), func(l *lab) {
				s := l.open(setup{})
				payload := pattern(301)
				w := s.client.Writer(s.ctx, messages.KindBinary)
				for p := range slices.Chunk(payload, piece) {
					_, err := w.Write(p)
					s.check(err)
				}
				s.check(w.Close())
				s.server.ExpectMessage(wire.OpBinary, payload)
			})
		}
	})
}

// Every frame has a new key, whatever its kind.
//
// req: 6455-5.3-01
func TestKeysAreNew(t *testing.T) {
	const single, fragments, pings = 1000, 1000, 100
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		var keys []uint32
		collect := func(n int) {
			s.Helper()
			for range n {
				f := s.server.ReadFrame()
				keys = append(keys, binary.BigEndian.Uint32(f.Key[:]))
			}
		}
		for range single {
			s.check(s.client.Send(dandelion.Text("the same")))
		}
		collect(single)
		w := s.client.Writer(s.ctx, messages.KindText)
		for range fragments - 1 {
			_, err := w.Write([]byte("the same"))
			s.check(err)
		}
		s.check(w.WriteFinal([]byte("the same")))
		collect(fragments)
		for range pings {
			s.check(s.client.SendPing([]byte("the same")))
		}
		collect(pings)

		for i := range keys[1:] {
			if keys[i] == keys[i+1] {
				s.Errorf("frames %d and %d have the same key %08X", i, i+1, keys[i])
			}
		}
		seen := make(map[uint32]bool)
		for _, k := range keys {
			seen[k] = true
		}
		if equal := len(keys) - len(seen); equal > 1 {
			s.Errorf("%d keys of %d are repeated, want at most 1", equal, len(keys))
		}
	})
}

const (
	keyProcesses   = 2
	keyConnections = 5 // of each process
	keyFrames      = 10000
)

// Keys cannot be predicted from earlier ones: 100000 keys, from connections of two
// processes that start together, show no relation.
//
// req: 6455-5.3-02
func TestKeysCannotBePredicted(t *testing.T) {
	if inChild(t) {
		sendForKeys(t, os.Stdout)
		return
	}
	var children []*child
	for range keyProcesses {
		children = append(children, startChild(t))
	}
	// The keys of each connection, in order.
	var connections [][]uint32
	for _, c := range children {
		out := c.wait()
		for p := range slices.Chunk(out[:len(out)/4*4], 4*keyFrames) {
			var keys []uint32
			for k := range slices.Chunk(p, 4) {
				keys = append(keys, binary.BigEndian.Uint32(k))
			}
			if len(keys) == keyFrames {
				connections = append(connections, keys)
			}
		}
	}
	if got, want := len(connections), keyProcesses*keyConnections; got != want {
		t.Fatalf("got the keys of %d connections, want %d", got, want)
	}
	all := slices.Concat(connections...)

	for bit := range 32 {
		set := 0
		for _, k := range all {
			set += int(k >> bit & 1)
		}
		if share := 100 * float64(set) / float64(len(all)); share < 49 || share > 51 {
			t.Errorf("bit %d is set in %.2f %% of the keys, want 49 to 51 %%", bit, share)
		}
	}

	// By chance one pair of 100000 numbers of 32 bits is equal, and three are not.
	for _, r := range []struct {
		name string
		of   func(a, b uint32) uint32
	}{
		{"key", func(a, b uint32) uint32 { return a }},
		{"difference to the next key", func(a, b uint32) uint32 { return b - a }},
		{"XOR with the next key", func(a, b uint32) uint32 { return b ^ a }},
	} {
		counts := make(map[uint32]int)
		for _, keys := range connections {
			for i := range keys[1:] {
				counts[r.of(keys[i], keys[i+1])]++
			}
		}
		if most := slices.Max(slices.Collect(maps.Values(counts))); most > 3 {
			t.Errorf("%s: the same occurs %d times, want at most 3", r.name, most)
		}
	}
	rotations := 0 // by 0 bits: the same key twice in a row
	pairs := make(map[uint64]int)
	for n, keys := range connections {
		for i, a := range keys[1:] {
			b := keys[i]
			for r := range 32 {
				if bits.RotateLeft32(a, r) == b {
					rotations++
				}
			}
			pair := uint64(a)<<32 | uint64(b)
			if other, ok := pairs[pair]; ok {
				t.Errorf("connections %d and %d share the keys %08X %08X", other, n, b, a)
			}
			pairs[pair] = n
		}
	}
	// 32 rotations of 100000 pairs: one in 1300 runs by chance.
	if rotations > 1 {
		t.Errorf("%d keys are rotations of the key before, want at most 1", rotations)
	}

	checkKeySource(t)
}

// sendForKeys sends the same payload repeatedly over some connections, and writes the keys
// to w, those of one connection together.
func sendForKeys(t *testing.T, w io.Writer) {
	keys := make([][]byte, keyConnections)
	bubble(t, func(l *lab) {
		for n := range keys {
			l.Case(fmt.Sprint(n), func(l *lab) {
				s := l.open(setup{})
				for range keyFrames {
					s.check(s.client.Send(dandelion.Binary([]byte{0})))
				}
				const size = 2 + 4 + 1
				for p := range slices.Chunk(s.server.ReadN(keyFrames*size), size) {
					if p[0] != 0x82 || p[1] != 0x81 || p[6] != p[2] {
						s.Fatalf("got % X, want a frame with a payload of one 00", p)
					}
					keys[n] = append(keys[n], p[2:6]...)
				}
			})
		}
	})
	w.Write(slices.Concat(keys...))
}

// checkKeySource looks into package wire for the source of its keys: from outside a good
// source cannot be distinguished from a cryptographic one.
func checkKeySource(t *testing.T) {
	t.Helper()
	root, err := conformance.ModuleRoot(".")
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(root, "wire", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for use := range uses(file, "crypto/rand", "math/rand", "math/rand/v2") {
			used[use] = true
		}
	}
	var good bool
	for use := range used {
		switch use {
		case "crypto/rand.Read":
			good = true
		case "math/rand/v2.ChaCha8", "math/rand/v2.NewChaCha8": // cryptographic if the seed is
		default:
			t.Errorf("package wire uses %s, want crypto/rand, and of math/rand/v2 nothing but ChaCha8", use)
		}
	}
	if !good {
		t.Errorf("package wire does not use crypto/rand.Read; of random sources it uses %v", slices.Collect(maps.Keys(used)))
	}
}

// uses returns what the file uses of those packages, such as "crypto/rand.Read".
func uses(file *ast.File, paths ...string) map[string]bool {
	packages := make(map[string]string) // by their name in this file
	for _, spec := range file.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		if !slices.Contains(paths, path) {
			continue
		}
		name := filepath.Base(strings.TrimSuffix(path, "/v2"))
		if spec.Name != nil {
			name = spec.Name.Name
		}
		packages[name] = path
	}
	used := make(map[string]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && packages[x.Name] != "" {
				used[packages[x.Name]+"."+sel.Sel.Name] = true
			}
		}
		return true
	})
	return used
}

// The application has no access to the keys: nothing in the API names them, and two runs
// with the same messages at the same time have different ones.
//
// req: 6455-10.3-01
func TestKeysAreOutOfReach(t *testing.T) {
	seen := make(map[reflect.Type]bool)
	for _, door := range []any{
		dandelion.Options{}, &dandelion.Client{}, &dandelion.MessageWriter{},
		supervisor.Config{}, messages.SendText{}, messages.SendBinary{}, messages.SendFragment{},
		messages.Ping{}, messages.Pong{}, messages.Close{},
	} {
		for _, name := range keyNames(reflect.TypeOf(door), seen) {
			t.Errorf("%T leads to %s: is that a way to set or learn a masking key?", door, name)
		}
	}

	run := func() (keys [][4]byte) {
		bubble(t, func(l *lab) {
			// Time is the same in every bubble, and so are these messages.
			s := l.open(setup{client: dandelion.Options{
				Retry: retry.Policy{Backoff: retry.Exponential{Float64: func() float64 { return 0 }}.New},
			}})
			for i := range 100 {
				s.check(s.client.Write(s.ctx, dandelion.Text(fmt.Sprint("message ", i))))
				keys = append(keys, s.server.ExpectText(fmt.Sprint("message ", i)).Key)
			}
		})
		return keys
	}
	first, second := run(), run()
	for i := range first {
		if first[i] == second[i] {
			t.Errorf("message %d has the key % X in both runs", i, first[i])
		}
	}
	for i, key := range first {
		if j := slices.Index(second, key); j >= 0 {
			t.Errorf("message %d of the first run and %d of the second have the same key % X", i, j, key)
		}
	}
}

// keyNames returns the exported fields and methods that can be reached from a type of this
// module and concern masking, by their name or by the type of the keys.
func keyNames(typ reflect.Type, seen map[reflect.Type]bool) []string {
	for typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	base := typ
	if base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	if seen[base] || !strings.Contains(base.PkgPath(), "dandelionws/dandelion") {
		return nil
	}
	seen[base] = true
	suspicious := func(name string, of reflect.Type) bool {
		for _, word := range []string{"Mask", "Seed", "Entropy", "KeySource"} {
			if strings.Contains(name, word) || strings.Contains(of.String(), word) {
				return true
			}
		}
		return of == reflect.TypeFor[[4]byte]()
	}
	var found []string
	pointer := reflect.PointerTo(base)
	for i := range pointer.NumMethod() {
		m := pointer.Method(i)
		if suspicious(m.Name, m.Type) {
			found = append(found, base.String()+"."+m.Name)
		}
		for out := range m.Type.NumOut() {
			found = append(found, keyNames(m.Type.Out(out), seen)...)
		}
	}
	if base.Kind() == reflect.Struct {
		for i := range base.NumField() {
			f := base.Field(i)
			if !f.IsExported() {
				continue
			}
			if suspicious(f.Name, f.Type) {
				found = append(found, base.String()+"."+f.Name)
			}
			found = append(found, keyNames(f.Type, seen)...)
		}
	}
	return found
}

// What the application writes into its slice after sending has begun is not sent. The race
// detector sees whether the library still reads the slice.
//
// req: 6455-10.3-02
func TestPayloadIsFixedWhenSendingBegins(t *testing.T) {
	const size = 1 << 20
	zeros := make([]byte, size)
	overwrite := func(p []byte) {
		for i := range p {
			p[i] = 0xFF
		}
	}
	bubble(t, func(l *lab) {
		l.Case("during a blocking write", func(l *lab) {
			s := l.open(setup{})
			data := make([]byte, size)
			done := make(chan error, 1)
			go func() { done <- s.client.Write(s.ctx, dandelion.Binary(data)) }()
			s.server.Peek(16)
			overwrite(data)
			s.server.ExpectBinary(zeros)
			s.check(<-done)
		})
		l.Case("after a blocking write", func(l *lab) {
			s := l.open(setup{server: []wstest.Option{wstest.WithBuffer(2 * size)}})
			data := make([]byte, size)
			s.check(s.client.Write(s.ctx, dandelion.Binary(data)))
			overwrite(data)
			s.server.ExpectBinary(zeros)
		})
		l.Case("after a queued send", func(l *lab) {
			s := l.open(setup{})
			data := make([]byte, size)
			s.check(s.client.Send(dandelion.Binary(data)))
			overwrite(data)
			s.server.ExpectBinary(zeros)
		})
		l.Case("after a fragment", func(l *lab) {
			s := l.open(setup{server: []wstest.Option{wstest.WithBuffer(2 * size)}})
			data := make([]byte, size)
			w := s.client.Writer(s.ctx, messages.KindBinary)
			_, err := w.Write(data)
			s.check(err)
			overwrite(data)
			s.check(w.Close())
			s.server.ExpectMessage(wire.OpBinary, zeros)
		})
		l.Case("after Sent", func(l *lab) {
			s := l.open(setup{})
			data := make([]byte, size)
			answer := l.system.Root.RequestFuture(s.client.PID(), &messages.SendBinary{Data: data}, time.Minute)
			s.server.ExpectBinary(zeros)
			result, err := answer.Result()
			s.check(err)
			if _, ok := result.(*messages.Sent); !ok {
				s.Fatalf("got %#v, want Sent", result)
			}
			overwrite(data)
		})
	})
}

// Sending reads the caller's slice and never writes to it. The race detector would report
// a write, as the slice is read at the same time.
//
// req: 6455-5.3-06
func TestCallersBufferIsLeftAlone(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		want := pattern(4096)
		data := bytes.Clone(want)
		var reader sync.WaitGroup
		stop := make(chan struct{})
		reader.Go(func() {
			for {
				if !bytes.Equal(data, want) {
					s.Error("the slice was changed while it was being sent")
				}
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
				}
			}
		})
		for range 10 {
			done := make(chan error, 1)
			go func() { done <- s.client.Write(s.ctx, dandelion.Binary(data)) }()
			s.server.ExpectBinary(want)
			s.check(<-done)
			time.Sleep(time.Millisecond) // the reader's turn
		}
		close(stop)
		reader.Wait()
		if !bytes.Equal(data, want) {
			s.Errorf("the slice was changed: %s, want %s", show(data), show(want))
		}
	})
}

// childVariable is set in processes in which a test runs itself.
const childVariable = "DANDELION_CONFORMANCE_CHILD"

// inChild reports whether this process was started by startChild for this test.
func inChild(t *testing.T) bool { return os.Getenv(childVariable) == t.Name() }

// child is another process of this test binary that runs a single test.
type child struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr bytes.Buffer
}

// startChild runs the test in another process, in which inChild returns true.
func startChild(t *testing.T) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: exec.CommandContext(t.Context(), exe, "-test.run=^"+t.Name()+"$", "-test.count=1")}
	c.cmd.Env = append(os.Environ(), childVariable+"="+t.Name())
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// wait waits for the end of the process and returns what it wrote to stdout. It fails if
// the test did.
func (c *child) wait() []byte {
	c.t.Helper()
	if err := c.cmd.Wait(); err != nil {
		c.t.Fatalf("the test's own process: %v\n%s\n%s", err, c.stdout.Bytes(), c.stderr.Bytes())
	}
	return c.stdout.Bytes()
}
