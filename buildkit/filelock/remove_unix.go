//go:build unix

package filelock

import "errors"

// Remove frees the file with what it protects: remove removes both while they are held. Who waits finds that the file
// is gone.
func (l *Lock) Remove(remove func() error) error { return errors.Join(remove(), free(l.file)) }
