package ldd

import "io"

// blocks reads a file in blocks of 4 KiB and caches them. A dynamic section is read entry by entry and string
// by string; these are close to each other, and without the cache each would be a system call.
type blocks struct {
	r    io.ReaderAt
	size int64
	have map[int64][]byte // by number
}

// blockSize is one page of memory. The dynamic section and its strings take only a few.
const blockSize = 4 << 10

// maxBlocks limits the number of cached blocks.
const maxBlocks = 1 << 10

// ReadAt implements [io.ReaderAt]. Reads longer than a block bypass the cache.
func (b *blocks) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= b.size || len(p) > blockSize {
		return b.r.ReadAt(p, off)
	}
	done := 0
	for done < len(p) {
		block, err := b.block((off + int64(done)) / blockSize)
		if err != nil {
			return done, err
		}
		n := copy(p[done:], block[min((off+int64(done))%blockSize, int64(len(block))):])
		if n == 0 {
			return done, io.EOF
		}
		done += n
	}
	return done, nil
}

// block returns the block of a number. The last one may be short.
func (b *blocks) block(number int64) ([]byte, error) {
	if block, ok := b.have[number]; ok {
		return block, nil
	}
	block := make([]byte, max(0, min(blockSize, b.size-number*blockSize)))
	n, err := b.r.ReadAt(block, number*blockSize)
	if n < len(block) && err != nil && err != io.EOF {
		return nil, err
	}
	if len(b.have) == maxBlocks { // a file with something to read in every block
		clear(b.have)
	}
	b.have[number] = block[:n]
	return block[:n], nil
}
