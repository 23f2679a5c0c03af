package base

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

// A document of a few megabytes does not take hundreds of megabytes in memory, and its error is short.
func TestHostileDocuments(t *testing.T) {
	const many = 1_000_000
	id := digest.FromString("x").String()
	config := `{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["` + id + `"]}`
	distinct := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	for _, tt := range []struct{ name, index, manifest, config, docker, want string }{
		{name: "an index of nothing", index: `{"manifests":[` + strings.Repeat("0,", many) + `0]}`, want: "too many parts"},
		{name: "a manifest of nothing", manifest: `{"layers":[` + strings.Repeat("{},", many) + `{}]}`, want: "too many parts"},
		{name: "a configuration of nothing", config: config + `,"history":[` + strings.Repeat("{},", many) + `{}]}`, want: "too many parts"},
		{name: "a list of docker's of nothing", docker: `[` + strings.Repeat("{},", many) + `{}]`, want: "too many parts"},
		{name: "many images", index: `{"manifests":[` + distinct(`{"digest":"sha256:%064d"},`, 40_000) + `]}`, want: "several images"},
		{name: "many of docker's images", docker: `[` + distinct(`{"RepoTags":["a.example/b:%d"]},`, 40_000) + `]`, want: "images of that name"},
		{name: "many platforms", manifest: `{"manifests":[` + distinct(`{"digest":"sha256:`+strings.Repeat("a", 64)+`","platform":{"os":"%0900d"}},`, 900) + `]}`, want: "it is for"},
		{name: "a long digest", manifest: `{"layers":[{"digest":"` + strings.Repeat("x", many) + `"}]}`, want: "the layer"},
		{name: "a long diff ID", config: `{"rootfs":{"diff_ids":["` + strings.Repeat("x", many) + `"]}}`, want: "the diff ID"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			put := func(name, text string) {
				name = filepath.Join(dir, filepath.FromSlash(name))
				if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			blob := func(text string) string {
				d := digest.FromString(text)
				put("blobs/sha256/"+d.Encoded(), text)
				return fmt.Sprintf(`{"digest":%q,"size":%d}`, d, len(text))
			}
			switch {
			case tt.docker != "":
				put("manifest.json", tt.docker)
			case tt.index == "":
				if tt.config == "" {
					tt.config = config + "}"
				}
				if tt.manifest == "" {
					tt.manifest = `{}`
				}
				tt.index = `{"manifests":[` + blob(strings.TrimSuffix(tt.manifest, "}")+comma(tt.manifest)+`"config":`+blob(tt.config)+"}") + "]}"
				fallthrough
			default:
				put("index.json", tt.index)
			}
			_, err := Finder{Cache: t.TempDir()}.Find(context.Background(), Request{Reference: "oci:.", Dir: dir, Platform: linuxAMD64})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %.300v, want one with %q", err, tt.want)
			}
			if n := len(err.Error()); n > 4096 {
				t.Errorf("the error has %d bytes", n)
			}
		})
	}
}

// comma returns the separator before another field of an object.
func comma(object string) string {
	if object == "{}" {
		return ""
	}
	return ","
}
