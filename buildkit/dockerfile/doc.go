// Package dockerfile writes an image down as a multi-stage Dockerfile with its .dockerignore, for those who must
// have one. What the image is comes in as a plain value, a [Spec]; what goes out is text, the same for the same Spec.
//
//	text, err := dockerfile.Dockerfile(spec)
//	ignore, err := dockerfile.Ignore(spec)
//	err = dockerfile.Write(
//		dockerfile.File{Path: "Dockerfile", Text: text},
//		dockerfile.File{Path: ".dockerignore", Text: ignore},
//	)
//
// The text is of the Dockerfile that every builder since Docker 17.09 knows
// (https://docs.docker.com/reference/dockerfile/), with one exception, the cache mounts of BuildKit: they stand alone
// in words that can be taken out, and the file says how. There is no "# syntax=" line: nothing in the file needs
// another frontend than the builder's own, and the line would have one pulled for each build.
//
// [Write] never overwrites a file that it did not write, nor one of its own that was edited since.
package dockerfile
