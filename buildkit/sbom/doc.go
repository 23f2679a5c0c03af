// Package sbom writes bills of materials: what is in an image, where it comes from, and under which licences, as
// SPDX and as CycloneDX.
//
// A [Subject] is a plain value with all that is known; [SPDX] and [CycloneDX] write it. Nothing is looked up
// here, and the same Subject gives the same bytes: times, identifiers and order come from the Subject alone.
//
// In both documents every file of the image is listed once, either in the package that it comes from or, when
// there is none, in the image itself.
package sbom
