// Package bytepool keeps byte slices that will be needed again.
package bytepool

import "sync"

// Pool is a sync.Pool of slices that does not allocate for putting one in.
type Pool struct{ full, empty sync.Pool }

// Get returns nil if the pool is empty.
func (p *Pool) Get() []byte {
	box, ok := p.full.Get().(*[]byte)
	if !ok {
		return nil
	}
	b := *box
	*box = nil
	p.empty.Put(box)
	return b
}

// Put keeps b, whatever its length.
func (p *Pool) Put(b []byte) {
	box, ok := p.empty.Get().(*[]byte)
	if !ok {
		box = new([]byte)
	}
	*box = b
	p.full.Put(box)
}
