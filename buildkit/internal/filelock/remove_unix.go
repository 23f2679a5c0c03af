//go:build unix

package filelock

import "errors"

// Remove calls remove, which removes the file and what it protects, while it holds the lock, and then releases it.
// Waiting processes find that the file is gone.
func (l *Lock) Remove(remove func() error) error { return errors.Join(remove(), free(l.file)) }
