// Package record reports whether what a build has read is unchanged, without reading it again: it compares stat(2)
// results, as make and git do.
//
// A build adds every path that it looks at to a [Set], including paths that do not exist. When the build is done,
// [Set.Take] returns a [Snapshot] of their states. The next build calls [Snapshot.Changed].
//
// Size, permissions, inode, modification time and change time are compared. A user cannot set back the change time
// (utimensat(2)), so a file replaced by another one of the same size and time is detected too. If stat cannot show a
// change, Take returns a [*DoubtError] instead of a snapshot: for a file that changed while the build ran, or so shortly
// before that the file system's clock cannot separate the two.
package record
