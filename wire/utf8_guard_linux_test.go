package wire

import (
	"syscall"
	"testing"
)

// A text that begins or ends with a page of memory is checked without a look at
// the pages around, which must not be read.
func TestUTF8StaysInside(t *testing.T) {
	page := syscall.Getpagesize()
	mem, err := syscall.Mmap(-1, 0, 3*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	for _, around := range [][]byte{mem[:page], mem[2*page:]} {
		if err := syscall.Mprotect(around, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	inside := mem[page : 2*page]
	for _, filler := range utf8Fillers {
		for size := range 301 {
			text := sample(filler, size)
			atStart := inside[:copy(inside, text)]
			checkWaysFromAll(t, atStart)
			atEnd := inside[page-len(text):]
			copy(atEnd, text)
			checkWaysFromAll(t, atEnd)
		}
	}
}
