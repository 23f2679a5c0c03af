// Package provenance describes how an image was built: from which commit, with which flags, from which modules.
// [Build.Statement] returns an in-toto statement with a SLSA predicate. It is unsigned; a separate signer can sign it.
package provenance
