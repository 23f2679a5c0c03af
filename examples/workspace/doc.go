// Package workspace is the root of three services. Its magefile makes their images.
package workspace
