package differential

// This file compares our decoder with the others on random streams.

import (
	"flag"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	streams   = flag.Uint64("streams", 200_000, "how many streams TestRandomStreams makes")
	firstSeed = flag.Uint64("first", 1, "seed of its first stream; the others count up from there")
)

// tally counts the differences.
type tally map[string]int

// compare receives stream with dandelion and with every peer. The error describes the first
// difference that no tolerance explains.
func compare(g generator, stream []byte, counts tally) error {
	ours, err := receive(g, stream)
	if err != nil {
		return err
	}
	if err := checkForm(stream); err != nil {
		return err
	}
	counts["ends with "+string(ours[len(ours)-1].kind)]++
	for _, p := range peers {
		theirs := p.receive(stream)
		i := firstDifference(ours, theirs)
		if i < 0 {
			counts[p.name+": equal"]++
			continue
		}
		if i >= min(len(ours), len(theirs)) {
			return fmt.Errorf("no end: dandelion has %v, %s has %v", ours, p.name, theirs)
		}
		t := newDifference(stream, i, p.name, ours[i], theirs[i]).explain()
		if t == nil {
			return fmt.Errorf("after %d equal outcomes\ndandelion: %v\n%s: %v", i, ours[i], p.name, theirs[i])
		}
		counts[t.count(p.name)]++
	}
	return nil
}

// count returns the name under which a tally counts t with one peer.
func (t *tolerance) count(peer string) string {
	return fmt.Sprintf("%s: %s (%s, %s): %s", peer, t.name, t.rule, t.id, t.does)
}

// show returns a stream in hex.
func show(stream []byte) string {
	return fmt.Sprintf("stream of %d bytes: %x", len(stream), stream)
}

// Every difference in random streams is one of the tolerances, and each tolerance occurs.
func TestRandomStreams(t *testing.T) {
	var next atomic.Uint64
	var group sync.WaitGroup
	var mu sync.Mutex
	total := tally{}
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			counts := tally{}
			for !t.Failed() {
				n := next.Add(1) - 1
				if n >= *streams {
					break
				}
				g := newGenerator(*firstSeed + n)
				stream := g.stream()
				if err := compare(g, stream, counts); err != nil {
					t.Errorf("seed %d: %v\n%s\nagain: go test -run TestRandomStreams -first %[1]d -streams 1",
						*firstSeed+n, err, show(stream))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for name, n := range counts {
				total[name] += n
			}
		})
	}
	group.Wait()
	for _, name := range slices.Sorted(maps.Keys(total)) {
		t.Logf("%9d %s", total[name], name)
	}
	if t.Failed() || *streams < 100_000 {
		return
	}
	for _, tol := range tolerances {
		for _, peer := range tol.who {
			if total[tol.count(peer)] == 0 {
				t.Errorf("nothing showed %q", tol.count(peer))
			}
		}
	}
}

// Each tolerance explains its examples, with each peer that it names.
func TestTolerances(t *testing.T) {
	for i := range tolerances {
		tol := &tolerances[i]
		for _, p := range peers {
			if !slices.Contains(tol.who, p.name) {
				continue
			}
			t.Run(p.name+" "+tol.name, func(t *testing.T) {
				shown := false
				for _, example := range tol.examples {
					stream := unhex(t, example)
					ours, _ := decode(stream, false, func() int { return len(stream) })
					theirs := p.receive(stream)
					at := firstDifference(ours, theirs)
					if at < 0 {
						continue
					}
					shown = true
					if got := newDifference(stream, at, p.name, ours[at], theirs[at]).explain(); got != tol {
						t.Errorf("%s: dandelion %v, %s %v: explained by %+v", example, ours[at], p.name, theirs[at], got)
					}
				}
				if !shown {
					t.Errorf("no difference with any of %q", tol.examples)
				}
			})
		}
	}
}

// A difference that is not in the table is an error, even if the table has a similar one.
func TestUnexplained(t *testing.T) {
	fail, good := outcome{kind: failed, code: 1002}, outcome{kind: binaryMessage, data: "a"}
	for _, tc := range []struct {
		name, stream, peer string
		ours, theirs       outcome
	}{
		{"we refuse the shortest form", "82 01 61", nameGorilla, fail, good},
		{"we refuse UTF-8", "81 02 C3 A4", nameGorilla, outcome{kind: failed, code: 1007}, outcome{kind: textMessage, data: "ä"}},
		{"we refuse a character that may become complete", "01 01 C3", nameCoder, outcome{kind: failed, code: 1007}, outcome{kind: textMessage, data: "\xC3"}},
		{"we find no mask where one is", "82 81 00 00 00 00 61", nameGobwas, good, fail},
		{"a peer that checks the mask does not", "82 81 00 00 00 00 61", nameGorilla, fail, good},
		{"we accept a reserved opcode", "83 00", nameCoder, outcome{kind: ended}, fail},
		{"we end before the end", "82 01 61 82 01 62", nameCoder, outcome{kind: ended}, outcome{kind: binaryMessage, data: "b"}},
		{"we join wrongly", "02 01 61 80 01 62", nameGobwas, outcome{kind: binaryMessage, data: "ba"}, outcome{kind: binaryMessage, data: "ab"}},
		{"we refuse a message within the limit", "82 01 61", nameCoder, outcome{kind: failed, code: 1009}, outcome{kind: ended}},
		{"we refuse a good close code", "88 02 03 E8", nameGobwas, fail, outcome{closed, 1000, ""}},
		{"we read another close code", "88 02 03 E8", nameGobwas, outcome{closed, 1001, ""}, outcome{closed, 1000, ""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := &difference{peer: tc.peer, ours: tc.ours, theirs: tc.theirs}
			d.frames, d.rest = split(unhex(t, tc.stream))
			if got := d.explain(); got != nil {
				t.Errorf("explained by %q", got.name)
			}
		})
	}
}

// The outcomes of streams on which all agree.
func TestAgreement(t *testing.T) {
	text := func(s string) outcome { return outcome{kind: textMessage, data: s} }
	end := outcome{kind: ended}
	protocolError := outcome{kind: failed, code: 1002}
	for _, tc := range []struct {
		name, stream string
		want         []outcome
	}{
		{"nothing", "", []outcome{end}},
		{"two messages", "81 01 61 82 01 FF", []outcome{text("a"), {kind: binaryMessage, data: "\xFF"}, end}},
		{"empty messages", "81 00 01 00 80 00", []outcome{text(""), text(""), end}},
		{"control frames inside a message", "01 01 E2 89 01 FF 00 01 82 8A 00 80 01 AC", []outcome{
			{kind: ping, data: "\xFF"}, {kind: pong}, text("€"), end,
		}},
		{"cut inside a frame", "81 01 61 81 05 61", []outcome{text("a"), end}},
		{"close", "88 05 03 E8 62 79 65", []outcome{{closed, 1000, "bye"}}},
		{"close without a code", "88 00", []outcome{{closed, 1005, ""}}},
		{"behind a close", "88 02 0F A0 83 00", []outcome{{closed, 4000, ""}}},
		{"close inside a message", "01 01 61 88 02 03 E8 80 01 62", []outcome{{closed, 1000, ""}}},
		{"bad close code", "88 02 03 ED", []outcome{protocolError}},
		{"reserved opcode", "81 01 61 83 00", []outcome{text("a"), protocolError}},
		{"reserved bit", "C1 00", []outcome{protocolError}},
		{"fragmented ping", "09 00", []outcome{protocolError}},
		{"long ping", "89 7E 00 7E", []outcome{protocolError}},
		{"nothing to continue", "80 00", []outcome{protocolError}},
		{"message inside a message", "01 00 81 00", []outcome{protocolError}},
		{"message as long as the limit", "82 7F 00 00 00 00 00 02 00 00 00*131072",
			[]outcome{{kind: binaryMessage, data: strings.Repeat("\x00", maxMessage)}, end}},
		{"message over the limit", "82 7F 00 00 00 00 00 02 00 01 00*131073", []outcome{{kind: failed, code: 1009}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stream := unhex(t, tc.stream)
			ours, err := receive(newGenerator(1), stream)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(ours, tc.want) {
				t.Errorf("dandelion %v, want %v", ours, tc.want)
			}
			for _, p := range peers {
				if got := p.receive(stream); !slices.Equal(got, tc.want) {
					t.Errorf("%s %v, want %v", p.name, got, tc.want)
				}
			}
		})
	}
}

// Any bytes, and the same with one more fault in their frames.
func FuzzDifferential(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(newGenerator(seed).stream(), seed)
	}
	for _, tol := range tolerances {
		for _, example := range tol.examples {
			f.Add(unhex(f, example), uint64(0))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64) {
		g := newGenerator(seed)
		if err := compare(g, stream, tally{}); err != nil {
			t.Fatalf("%v\n%s", err, show(stream))
		}
		frames, rest := split(stream)
		spoiled := append(join(g.spoil(frames)), rest...)
		if err := compare(g, spoiled, tally{}); err != nil {
			t.Fatalf("spoiled with seed %d: %v\n%s", seed, err, show(spoiled))
		}
	})
}
