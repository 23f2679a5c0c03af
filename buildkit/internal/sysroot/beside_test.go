package sysroot

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
)

// listed is the source of an image with one file in its root.
type listed struct{}

func (listed) List(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "20000000755 4096 /\x00\x00644 5 /LICENSE\x00\x00")
	return err
}

func (listed) Read(_ context.Context, names []string, use func(string, io.Reader) error) error {
	return use(names[0], strings.NewReader("right"))
}

// A Builder can name any number of modules, so the limits apply to all of them together.
func TestBeside(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, row := range []struct {
		name  string
		spend func(*spent)
		says  string
	}{
		{"nothing", func(*spent) {}, ""},
		{"names", func(s *spent) { s.count.Store(maxCount - 1) }, "more than 2000000 names"},
		{"bytes of names", func(s *spent) { s.names.Store(maxNames) }, "bytes of names"},
		{"files", func(s *spent) { s.fetched.Store(maxAll + 1) }, "the limit for an image is"},
	} {
		t.Run(row.name, func(t *testing.T) {
			image, err := Open(ctx, t.TempDir(), listed{})
			if err != nil {
				t.Fatal(err)
			}
			row.spend(image.spent)
			module, err := image.Beside(ctx, t.TempDir(), listed{})
			if err == nil {
				_, err = module.Host("LICENSE")
			}
			if said := fmt.Sprint(err); (err == nil) != (row.says == "") || !strings.Contains(said, row.says) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}
