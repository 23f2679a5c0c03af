// Package record tells whether what a build has read is still the same, without reading it: by what
// stat(2) says of it, as make and git do.
//
// A build notes every path that it looks at in a [Set], those too where nothing was. [Set.Take] makes a
// [Snapshot] of their states when the build is done; the next build asks [Snapshot.Changed].
//
// Size, permissions, inode, modification time and change time are compared. The change time cannot be set
// back by a user (utimensat(2)), so that a file which was replaced by another of the same size and time is
// seen too. What no stat can show is doubted instead: a file that changed while the build ran, or so shortly
// before that the clock of the file system cannot tell the two apart, gives no snapshot.
package record
