// Package provenance says how an image came about: from which commit, with which flags, out of which modules. It
// writes an in-toto statement with a predicate of SLSA, unsigned: who wants it signed gives it to a signer.
//
// [Read] asks git about a checkout; the rest is plain values.
package provenance
