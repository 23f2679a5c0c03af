// Package dockerfile writes an image as a multi-stage Dockerfile with its .dockerignore, for users who must have one. The
// input is a plain value, a [Spec]. The output is text, and the same Spec gives the same text.
//
//	text, err := dockerfile.Dockerfile(spec)
//	ignore, err := dockerfile.Ignore(spec)
//	err = dockerfile.Write(
//		dockerfile.File{Path: "Dockerfile", Text: text},
//		dockerfile.File{Path: ".dockerignore", Text: ignore},
//	)
//
// Every builder since Docker 17.09 can build the Dockerfile (https://docs.docker.com/reference/dockerfile/), except for
// BuildKit's cache mounts. Those are separate words that can be removed, and the file says how. There is no "# syntax="
// line: the builder's own frontend is enough, and the line would have one pulled for each build.
//
// [Write] never overwrites a file that it did not write, or one that was edited since.
package dockerfile
