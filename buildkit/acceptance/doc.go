// Package acceptance has only tests: real programs from the module proxy and from C libraries are built, loaded and run in
// their images as the image's user. The modules below ../testdata pin their versions.
package acceptance
