package sbom

import (
	"crypto/sha1"
	"fmt"
)

// urlNamespace is the namespace of names that are URLs, RFC 9562 section 6.6.
var urlNamespace = [16]byte{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}

// uuid returns the name of an image's documents: a UUID of version 5, RFC 9562 section 5.5, of its reference and digest.
// The same image under the same name has the same documents.
func (s Subject) uuid() string {
	h := sha1.New()
	h.Write(urlNamespace[:])
	h.Write([]byte("oci://" + s.Reference + "@" + s.Manifest))
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x50 // version 5
	u[8] = u[8]&0x3f | 0x80 // variant of RFC 9562
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
