package filelock

import "io/fs"

// isOwn is always true, because each user has an own folder for temporary files.
func isOwn(fs.FileInfo) bool { return true }
