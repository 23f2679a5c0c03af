//go:build !linux

package ldd

// hasCapabilities returns false: only Linux has file capabilities.
func hasCapabilities(string) bool { return false }
