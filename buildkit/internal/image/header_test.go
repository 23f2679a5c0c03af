package image

import (
	"archive/tar"
	"bytes"
	"strings"
	"testing"
	"time"
)

// The size of a file of 9 GiB does not fit into a USTAR header. Only the header is written here, because the code for
// the content is the same for every size.
func TestHeaderFormatIsTheSmallestThatFits(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("directory/", 30) + "file"
	for _, tt := range []struct {
		name string
		give tar.Header
		want tar.Format
	}{
		{"plain", tar.Header{Name: "etc/passwd", Size: 5}, tar.FormatUSTAR},
		{"149 bytes of name, split at a slash", tar.Header{Name: long[:149]}, tar.FormatUSTAR},
		{"long name", tar.Header{Name: long}, tar.FormatPAX},
		{"name outside of ASCII", tar.Header{Name: "srv/Grüße"}, tar.FormatPAX},
		{"long link", tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: long}, tar.FormatPAX},
		{"9 GiB", tar.Header{Name: "big", Size: 9 << 30}, tar.FormatPAX},
		{"high user", tar.Header{Name: "f", Uid: 1 << 30}, tar.FormatPAX},
		{"capability", tar.Header{Name: "f", PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "\x01\x00"}}, tar.FormatPAX},
		{"all fields that are dropped", tar.Header{Name: "f", Uname: "rööt", Format: tar.FormatGNU,
			AccessTime: time.Now(), ModTime: time.Now()}, tar.FormatUSTAR},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, err := normalise(tt.give, time.Unix(0, 0))
			if err != nil {
				t.Fatal(err)
			}
			var buf bytes.Buffer
			if err := tar.NewWriter(&buf).WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			got, err := tar.NewReader(&buf).Next()
			if err != nil {
				t.Fatal(err)
			}
			if got.Format != tt.want {
				t.Errorf("format %v, want %v", got.Format, tt.want)
			}
			if want := strings.TrimPrefix(tt.give.Name, "/"); got.Name != want || got.Size != tt.give.Size || got.Uid != tt.give.Uid {
				t.Errorf("read back %q, %d bytes, user %d", got.Name, got.Size, got.Uid)
			}
			if got.Uname != "" || !got.AccessTime.IsZero() || !got.ModTime.Equal(time.Unix(0, 0)) {
				t.Errorf("read back owner %q, access %v, time %v", got.Uname, got.AccessTime, got.ModTime)
			}
		})
	}
}
