// Package sbom writes bills of materials as SPDX and as CycloneDX: what is in an image, where it comes from, and under
// which licences.
//
// A [Subject] is a plain value with everything that is known about the image. [SPDX] and [CycloneDX] return it as a
// document. They look nothing up, and the same Subject gives the same bytes: times, identifiers and order come from the
// Subject alone.
//
// Both documents list every file of the image once, either in the package that it comes from or, if there is none, in
// the image itself.
package sbom
